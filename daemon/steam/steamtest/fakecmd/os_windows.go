package fakecmd

import "os"

func ignoreSignals() {} // there are none

func crash() { os.Exit(3) } // as abort does

func makePipe(string) {} // there are none in folders

// lockFile makes the file, which must not exist, for this process.
func lockFile(path string) (unlock func(), ok bool) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, false
	}
	return func() {
		f.Close()
		_ = os.Remove(path) // the next run finds it locked
	}, true
}
