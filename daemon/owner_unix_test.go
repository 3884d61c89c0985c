//go:build !windows

package daemon

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quartermasterd/quartermaster/daemon/fault"
)

func TestRootStaysOutOfForeignData(t *testing.T) {
	dir := t.TempDir()
	for _, own := range []string{dir, filepath.Join(dir, "none")} {
		if err := refuseForeignRoot(own); err != nil {
			t.Errorf("%s: %v", own, err)
		}
	}
	if os.Geteuid() != 0 {
		return // only root can give a directory away
	}
	if err := os.Chown(dir, 12345, 12345); err != nil {
		t.Fatal(err)
	}
	err := refuseForeignRoot(dir)
	if !fault.Is(err, fault.Forbidden) || !strings.Contains(err.Error(), "#12345") || fault.Hint(err) == "" {
		t.Errorf("got %v", err)
	}
}
