package daemon

import (
	"os"
	"testing"
)

func TestProgramMapping(t *testing.T) {
	const exe = "/opt/quarter master/qm"
	for line, want := range map[string]bool{
		"00400000-00fce000 r-xp 00000000 fe:00 12 /opt/quarter master/qm": true,
		"00fce000-01ca1000 r--p 00bce000 fe:00 12 /opt/quarter master/qm": true,
		"01ca1000-01d6e000 rw-p 018a0000 fe:00 12 /opt/quarter master/qm": false,
		"7f13a0a10000-7f13a0ce0000 r--p 00000000 fe:00 13 /lib/libc.so":   false,
		"7f13a0a10000-7f13a0ce0000 rw-p 00000000 00:00 0":                 false,
		"nonsense": false,
		"x-y r-xp 00000000 fe:00 12 /opt/quarter master/qm":                 false,
		"00400000-00fce000 r-xp 00000000 fe:00 12 /opt/quarter":             false,
		"00400000-00fce000 r-xp 00000000 fe:00 12 /opt/quarter master/qm x": false,
	} {
		from, to, ok := programMapping(line, exe)
		if ok != want || ok && from >= to {
			t.Errorf("%s: %x-%x %v", line, from, to, ok)
		}
	}
}

// The program goes on after its pages were released.
func TestReleaseProgram(t *testing.T) {
	for range 3 {
		if err := releaseProgram(); err != nil {
			t.Fatal(err)
		}
		if _, err := os.ReadFile("/proc/self/status"); err != nil {
			t.Fatal(err)
		}
	}
}
