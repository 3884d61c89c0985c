//go:build !linux

package durable

// BeginSync has the system begin to write what f holds, where there is such a
// call. It promises nothing: Sync does.
func BeginSync(File) {}
