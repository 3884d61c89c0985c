//go:build !linux

package workshop

// alive is only asked on Linux.
func alive(int) bool { return false }
