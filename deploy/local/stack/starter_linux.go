package stack

import "syscall"

// dieWithRunner has the kernel kill the process when the runner is gone, even
// by SIGKILL. Both servers' stores survive that.
func dieWithRunner(attributes *syscall.SysProcAttr) { attributes.Pdeathsig = syscall.SIGKILL }
