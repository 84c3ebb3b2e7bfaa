package stack

import (
	"context"
	"errors"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// errLocked says that another process holds a lock.
var errLocked = errors.New("locked by another process")

// lockFile waits until this process alone holds the lock on the file, which it
// creates if need be; waiting is called before each wait. Closing the result, or
// the end of the process, frees the lock.
func lockFile(ctx context.Context, name string, waiting func()) (io.Closer, error) {
	for {
		file, err := tryLockFile(name)
		if !errors.Is(err, errLocked) {
			return file, err
		}
		waiting()
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// tryLockFile is lockFile without the wait; the error is errLocked if another
// process, or another file handle of this one, holds the lock.
func tryLockFile(name string) (*os.File, error) {
	file, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	err = unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if err == nil {
		return file, nil
	}
	if errors.Is(err, unix.EWOULDBLOCK) {
		err = errLocked
	}
	return nil, errors.Join(err, file.Close())
}
