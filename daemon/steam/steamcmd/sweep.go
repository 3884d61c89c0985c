package steamcmd

// Sweep removes what jobs of dead processes left in dir, the Options.Dir of a
// Runner, and returns how many folders that were. A Runner does it by itself
// before its first download; Sweep is for who may never come to one.
func Sweep(dir string) (removed int, err error) { return sweepJobs(dir) }
