//go:build unix && !linux

package stack

import "syscall"

// dieWithRunner does nothing: only Linux tells a process of its parent's death.
func dieWithRunner(*syscall.SysProcAttr) {}
