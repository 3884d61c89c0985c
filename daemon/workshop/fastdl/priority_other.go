//go:build !linux

package fastdl

// lowPriority does nothing: elsewhere a thread's priority is not ours to
// lower, and one file at a time is all the restraint there is.
func lowPriority() {}
