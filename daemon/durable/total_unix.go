//go:build !windows

package durable

import (
	"os"

	"golang.org/x/sys/unix"
)

// Total returns the size in bytes of the file system that holds dir.
func Total(dir string) (int64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, &os.PathError{Op: "statfs", Path: dir, Err: err}
	}
	return int64(st.Blocks) * int64(st.Bsize), nil
}
