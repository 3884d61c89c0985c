//go:build !windows

package daemon

import (
	"os"
	"os/user"
	"strconv"
	"syscall"

	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// refuseForeignRoot keeps root from working in a data directory that belongs
// to somebody else: the files it made there could not be read by the service
// afterwards, which then stands still.
func refuseForeignRoot(dir string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	info, err := os.Stat(dir)
	if err != nil {
		return nil //nolint:nilerr // it is about to be made
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok || st.Uid == 0 {
		return nil
	}
	name := "#" + strconv.FormatUint(uint64(st.Uid), 10)
	if u, err := user.LookupId(strconv.FormatUint(uint64(st.Uid), 10)); err == nil {
		name = u.Username
	}
	return fault.New(fault.Forbidden, "the data directory %s belongs to the user %s, and you are root", dir, name).
		WithHint("run this as that user, for example: sudo -u %s quartermaster …", name)
}
