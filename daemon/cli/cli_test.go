package cli

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"quartermaster": func() { os.Exit(Start("v1.2.3-test", exampleText())) },
	})
}

// exampleText is what the binary embeds.
func exampleText() []byte {
	text, err := os.ReadFile(os.Getenv("QM_EXAMPLE"))
	if err != nil {
		panic(err)
	}
	return text
}

// TestScripts runs the sessions below testdata/script as a person would type
// them: a fresh home, a fresh data directory, the real command.
func TestScripts(t *testing.T) {
	example, err := filepath.Abs(filepath.Join("..", "..", "config.example.toml"))
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "script"),
		RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("HOME", e.WorkDir)
			e.Setenv("XDG_DATA_HOME", filepath.Join(e.WorkDir, "data"))
			e.Setenv("QM_EXAMPLE", example)
			return nil
		},
	})
}

func TestGrammarHasHelpEverywhere(t *testing.T) {
	for _, args := range [][]string{{"--help"}, {"run", "--help"}, {"service", "--help"}, {"config", "--help"},
		{"admin", "--help"}, {"key", "--help"}, {"mods", "--help"}, {"setup-link", "--help"}, {"version", "--help"}} {
		var out, errs discard
		if code := Main(context.Background(), Program{Args: args, Stdout: &out, Stderr: &errs}); code != ExitOK || out.n == 0 {
			t.Errorf("%v: exit %d, %d bytes of help", args, code, out.n)
		}
	}
}

// discard counts what is written to it.
type discard struct{ n int }

func (d *discard) Write(p []byte) (int, error) {
	d.n += len(p)
	return len(p), nil
}
