//go:build !linux

package daemon

// releaseProgram does nothing on this system.
func releaseProgram() error { return nil }
