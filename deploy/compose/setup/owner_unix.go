//go:build unix

package main

import (
	"os"
	"syscall"
)

// giveToOwnerOf gives a file to a folder's owner, if setup runs as root.
func giveToOwnerOf(folder, name string) error {
	info, err := os.Stat(folder)
	if err != nil || os.Getuid() != 0 {
		return err
	}
	if owner, ok := info.Sys().(*syscall.Stat_t); ok {
		return os.Chown(name, int(owner.Uid), int(owner.Gid))
	}
	return nil
}
