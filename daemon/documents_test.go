package daemon

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// found returns what the first group of a pattern matches in files, each with
// the prefix before it. Tests are no files.
func found(t *testing.T, prefix, pattern string, globs ...string) []string {
	t.Helper()
	var list []string
	for _, glob := range globs {
		files, err := filepath.Glob(glob)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %d files, %v", glob, len(files), err)
		}
		for _, name := range files {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(string(text), -1) {
				list = append(list, prefix+m[1])
			}
		}
	}
	if len(list) == 0 {
		t.Fatalf("%s is nowhere in %v", pattern, globs)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// problemCodes are the codes of all that may be wrong.
func problemCodes(t *testing.T) []string {
	const code = `Code:\s+"([a-z_]*[a-z])"`
	return slices.Concat(
		found(t, "", code, "workshop/*.go", "workshop/radar/*.go", "admin/overview.go"),
		found(t, "", `(?m)^\tproblem\w+\s+= "([a-z_]*[a-z])"`, "workshop/*.go"),
		found(t, "fastdl_", code, "workshop/fastdl/gametree/scan.go"),
		found(t, "fastdl_", `"(link_[a-z]+)"`, "workshop/fastdl/gametree/scan.go"),
		found(t, "catalog_", code, "workshop/catalog/fill*.go"),
		found(t, "peer_", `Problem\{"([a-z_]*[a-z])"`, "workshop/peers/*.go"),
	)
}

// Every problem has a title in both languages of the page and a row in the
// manual, and there is no title without a problem.
func TestProblemsAreDocumented(t *testing.T) {
	codes := problemCodes(t)
	manual, err := os.ReadFile("../docs/mods.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, code := range codes {
		if !strings.Contains(string(manual), "`"+code+"`") {
			t.Errorf("docs/mods.md does not speak of %s", code)
		}
	}
	for _, language := range []string{"en", "ru"} {
		b, err := os.ReadFile("../webui/static/texts/" + language + ".json")
		if err != nil {
			t.Fatal(err)
		}
		var texts map[string]any
		if err := json.Unmarshal(b, &texts); err != nil {
			t.Fatal(err)
		}
		for _, code := range codes {
			if texts["problem."+code] == nil {
				t.Errorf("%s has no title in %s.json", code, language)
			}
		}
		for key := range texts {
			if code, ok := strings.CutPrefix(key, "problem."); ok && !slices.Contains(codes, code) {
				t.Errorf("%s.json has a title for %s, which nothing reports", language, code)
			}
		}
	}
}

// The table of metrics in docs/api.md names those that there are.
func TestMetricsAreDocumented(t *testing.T) {
	var dirs []string
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		if files, err := filepath.Glob(filepath.Join(path, "*.go")); err != nil || len(files) > 0 {
			dirs = append(dirs, filepath.Join(path, "*.go"))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	have := found(t, "", `"(quartermaster_[a-z_]+)"`, dirs...)
	text, err := os.ReadFile("../docs/api.md")
	if err != nil {
		t.Fatal(err)
	}
	var said []string
	for _, m := range regexp.MustCompile("`(quartermaster_[a-z_]+)[`{]").FindAllStringSubmatch(string(text), -1) {
		said = append(said, m[1])
	}
	for _, name := range have {
		if !slices.Contains(said, name) {
			t.Errorf("docs/api.md does not speak of %s", name)
		}
	}
	for _, name := range said {
		if !slices.Contains(have, name) {
			t.Errorf("docs/api.md speaks of %s, which there is not", name)
		}
	}
}
