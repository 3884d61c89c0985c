package workshop

import (
	"io/fs"
	"syscall"
)

// inodeOf returns the inode number and the change time.
func inodeOf(info fs.FileInfo) (inode, change int64) {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, 0
	}
	return int64(st.Ino), int64(st.Ctim.Sec)*1e9 + int64(st.Ctim.Nsec)
}
