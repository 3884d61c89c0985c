package faults

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// TestSecondDaemon: one data directory serves one daemon, whatever its
// address; one that was killed does not stand in the way.
func TestSecondDaemon(t *testing.T) {
	t.Parallel()
	first := install(t, "")
	first.start()
	second := install(t, "")
	second.data = first.data
	said := second.refused()
	if !strings.Contains(said, "already runs on the data directory") || !strings.Contains(said, fmt.Sprintf("process %d", first.cmd.Process.Pid)) {
		t.Errorf("the second said:\n%s", said)
	}
	if out := first.run("", "mods", "list"); !strings.Contains(out, "no mod") {
		t.Errorf("a command beside it said %q", out)
	}
	first.kill()
	second.start()
	if _, code := second.stop(); code != 0 {
		t.Errorf("the second ended with %d", code)
	}
}

// TestStartInVain: a first start that cannot listen leaves nothing behind.
func TestStartInVain(t *testing.T) {
	t.Parallel()
	first := install(t, "")
	first.start()
	second := install(t, "")
	text := fmt.Sprintf("[http]\nlisten = [%q]\n", first.addr)
	if err := os.WriteFile(second.config(), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if said := second.refused(); !strings.Contains(said, "already in use") {
		t.Errorf("it said:\n%s", said)
	}
	if _, err := os.Stat(second.data); !os.IsNotExist(err) {
		t.Errorf("the data directory: %v", err)
	}
}
