package durable

import (
	"math"
	"os"

	"golang.org/x/sys/windows"
)

// Total returns the size in bytes of the file system that holds dir.
func Total(dir string) (int64, error) {
	name, err := windows.UTF16PtrFromString(dir)
	if err != nil {
		return 0, &os.PathError{Op: "GetDiskFreeSpaceEx", Path: dir, Err: err}
	}
	var total uint64
	if err := windows.GetDiskFreeSpaceEx(name, nil, &total, nil); err != nil {
		return 0, &os.PathError{Op: "GetDiskFreeSpaceEx", Path: dir, Err: err}
	}
	return int64(min(total, math.MaxInt64)), nil
}
