package shop

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"gocloud.dev/blob"
	"gocloud.dev/blob/fileblob"
)

// openBlobs opens a blob store by its URL. In a folder, files are written under
// another name beside their place and then renamed, since a rename to another
// disk is impossible; and they have no second file for attributes.
func openBlobs(ctx context.Context, address string) (*blob.Bucket, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	if u.Scheme == fileblob.Scheme {
		if u.Host != "" && u.Host != "." {
			return nil, fmt.Errorf("blob store %q: write file://./%s%s for a folder below the current one", address, u.Host, u.Path)
		}
		q := u.Query()
		q.Set("create_dir", "true")
		q.Set("no_tmp_dir", "true")
		q.Set("metadata", "skip")
		u.RawQuery = q.Encode()
		if err := sweep(folderOf(u)); err != nil {
			return nil, err
		}
	}
	return blob.OpenBucket(ctx, u.String())
}

func folderOf(u *url.URL) string {
	if u.Host == "." { // fileblob's way to name a folder under the current one
		return filepath.FromSlash(strings.TrimPrefix(u.Path, "/"))
	}
	return filepath.FromSlash(u.Path)
}

// abandoned is the age at which nobody is at work on an unfinished file: it is
// copied from the spool in seconds.
const abandoned = time.Hour

// sweep removes the unfinished files of processes that were killed.
func sweep(folder string) error {
	names, err := filepath.Glob(filepath.Join(folder, "sha256-*.tmp"))
	if err != nil {
		return fmt.Errorf("unfinished files: %w", err)
	}
	for _, name := range names {
		info, err := os.Stat(name)
		if err == nil && time.Since(info.ModTime()) > abandoned {
			err = os.Remove(name)
		}
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("unfinished file: %w", err)
		}
	}
	return nil
}
