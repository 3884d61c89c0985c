package cli

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// TestManual walks the grammar: every command has a section in the manual,
// every flag stands in the section of its command, and the manual knows no
// command that is not there.
func TestManual(t *testing.T) {
	sections := manual(t)
	app, err := kong.New(&CLI{}, kong.Name("quartermaster"))
	if err != nil {
		t.Fatal(err)
	}
	for _, flag := range app.Model.Flags {
		if !strings.Contains(sections["Flags of every command"], "`--"+flag.Name) {
			t.Errorf("the flag --%s of every command is not described", flag.Name)
		}
	}
	commands := app.Model.Leaves(false)
	known := make([]string, 0, len(commands))
	for _, c := range commands {
		name := strings.TrimPrefix(c.Path(), "quartermaster ")
		known = append(known, name)
		text, ok := sections[name]
		if !ok {
			t.Errorf("%s has no section", name)
			continue
		}
		for _, flag := range c.Flags {
			if !strings.Contains(text, "| `--"+flag.Name+"`") && !strings.Contains(text, "| `--"+flag.Name+" ") {
				t.Errorf("%s: the flag --%s is not described", name, flag.Name)
			}
		}
		for _, described := range regexp.MustCompile("(?m)^\\| `--([a-z-]+)").FindAllStringSubmatch(text, -1) {
			if !slices.ContainsFunc(c.Flags, func(f *kong.Flag) bool { return f.Name == described[1] }) {
				t.Errorf("%s: the flag --%s is described and does not exist", name, described[1])
			}
		}
	}
	for title := range sections {
		if title == strings.ToLower(title) && !slices.Contains(known, title) {
			t.Errorf("the manual describes %q, which is no command", title)
		}
	}
}

// manual returns the sections of docs/commands.md by their titles.
func manual(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "commands.md"))
	if err != nil {
		t.Fatal(err)
	}
	sections := map[string]string{}
	title := ""
	for line := range strings.Lines(string(text)) {
		if heading, ok := strings.CutPrefix(strings.TrimSpace(line), "##"); ok {
			title = strings.TrimSpace(strings.TrimLeft(heading, "#"))
		}
		sections[title] += line
	}
	delete(sections, "")
	return sections
}
