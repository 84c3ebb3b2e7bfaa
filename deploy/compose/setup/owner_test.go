package main

import (
	"fmt"
	"os"
	"syscall"
)

// belongsToOwnerOf fails unless a file has the owner of the folder.
func belongsToOwnerOf(folder, name string) error {
	var owners [2][2]uint32
	for i, path := range []string{folder, name} {
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		stat := info.Sys().(*syscall.Stat_t)
		owners[i] = [2]uint32{stat.Uid, stat.Gid}
	}
	if owners[0] != owners[1] {
		return fmt.Errorf("%s belongs to %v, not to %v", name, owners[1], owners[0])
	}
	return nil
}
