package modzip

import (
	"io/fs"
	"syscall"
	"time"
)

// changeTime returns when the file, its name or its attributes were last
// changed (st_ctim, which no program can set back).
func changeTime(info fs.FileInfo) time.Time {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return time.Time{}
	}
	return time.Unix(st.Ctim.Unix())
}
