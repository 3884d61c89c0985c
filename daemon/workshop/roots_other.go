//go:build !linux

package workshop

// idleIO does nothing: only the rate of background checks is bounded here.
func idleIO() (release func()) { return func() {} }
