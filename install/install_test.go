package install

import (
	"encoding/xml"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

func TestUnitRunsTheCommand(t *testing.T) {
	got, err := Unit([]string{"/opt/quarter master/qm", "service", "run", "--config", `/etc/100%/$x.toml`})
	if err != nil {
		t.Fatal(err)
	}
	want := "\nExecStart=\"/opt/quarter master/qm\" service run --config /etc/100%%/$$x.toml\n"
	if !strings.Contains(got, want) || strings.Count(got, "ExecStart=") != 1 {
		t.Errorf("the unit does not hold %q once:\n%s", want, got)
	}
}

func TestUnitRefusesLineBreaks(t *testing.T) {
	for _, arg := range []string{"", "a\nb", "a\rb", "a\x00b"} {
		if text, err := Unit([]string{"/bin/x", arg}); err == nil {
			t.Errorf("%q was accepted:\n%s", arg, text)
		}
	}
}

// systemd must accept the unit and find it well confined.
func TestUnitIsAcceptedAndConfined(t *testing.T) {
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("systemd-analyze is missing: apt-get install systemd")
		}
		t.Skip("LEFT OUT: systemd-analyze is missing")
	}
	text, err := Unit([]string{"/bin/true", "service", "run"})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "quartermaster.service")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("systemd-analyze", "verify", path).CombinedOutput(); err != nil || strings.Contains(string(out), "quartermaster.service") {
		t.Errorf("systemd-analyze verify: %v\n%s", err, out)
	}
	out, err := exec.Command("systemd-analyze", "security", "--offline=true", path).CombinedOutput()
	_, rest, ok := strings.Cut(string(out), "Overall exposure level for quartermaster.service: ")
	if !ok {
		t.Fatalf("systemd-analyze security: %v\n%s", err, out)
	}
	score, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
	if err != nil {
		t.Fatal(err)
	}
	if score > 1.7 {
		t.Errorf("exposure %.1f, want at most 1.7:\n%s", score, out)
	}
}

func TestPlistIsXML(t *testing.T) {
	text, err := Plist([]string{"/Applications/a & b/qm", "service", "run"})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(text, "<string>/Applications/a &amp; b/qm</string>") || strings.Contains(text, "/usr/local/bin/") {
		t.Errorf("wrong command line:\n%s", text)
	}
	d := xml.NewDecoder(strings.NewReader(text))
	for {
		if _, err := d.Token(); err == io.EOF {
			return
		} else if err != nil {
			t.Fatal(err)
		}
	}
}
