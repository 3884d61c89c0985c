package steamcmd

import "syscall"

// dieWithUs makes the kernel kill the first process at once when we die. The
// guard sees to the others.
func dieWithUs(a *syscall.SysProcAttr) { a.Pdeathsig = syscall.SIGKILL }
