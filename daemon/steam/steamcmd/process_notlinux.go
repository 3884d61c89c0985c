//go:build unix && !linux

package steamcmd

import "syscall"

// dieWithUs does nothing here: the guard kills the group when we die.
func dieWithUs(*syscall.SysProcAttr) {}
