package webui_test

import (
	"io/fs"
	"path"
	"regexp"
	"strings"
	"testing"

	"github.com/quartermasterd/quartermaster/webui"
)

// maxTotal keeps the page light on slow links: all modules and both languages
// before compression, of which a visit fetches the modules and one language.
const maxTotal = 896 << 10

func readAll(t *testing.T) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := fs.WalkDir(webui.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := fs.ReadFile(webui.FS(), name)
		files[name] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestTheWholePageIsSmall(t *testing.T) {
	total := 0
	for _, content := range readAll(t) {
		total += len(content)
	}
	if total > maxTotal {
		t.Errorf("the page has %d bytes, more than %d", total, maxTotal)
	}
}

func TestIndexNamesEveryModuleAndOnlyWhatExists(t *testing.T) {
	files := readAll(t)
	index := files["index.html"]
	named := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?:href|src)="([^"]+)"`).FindAllStringSubmatch(index, -1) {
		name, ok := strings.CutPrefix(m[1], "/app/static/")
		if _, exists := files[name]; !ok || !exists {
			t.Errorf("index.html names %s, which is not among the files", m[1])
		}
		named[name] = true
	}
	for name := range files {
		typesOnly := strings.HasSuffix(name, "/model.js")
		switch path.Ext(name) {
		case ".js", ".css":
			if !named[name] && !typesOnly {
				t.Errorf("index.html does not name %s: browsers would find it late or never", name)
			}
		}
	}
}

func TestNothingInlineAndNothingFromElsewhere(t *testing.T) {
	inline := regexp.MustCompile(`(?i)\sstyle=|\son[a-z]+=|<style|<script>|javascript:`)
	elsewhere := regexp.MustCompile(`(?:src|href)="(?:https?:)?//|[ :(]url\(|@import|from 'https?:|import\('https?:`)
	for name, content := range readAll(t) {
		switch path.Ext(name) {
		case ".html", ".svg":
			if m := inline.FindString(content); m != "" {
				t.Errorf("%s has inline code or style: %q", name, m)
			}
		}
		if m := elsewhere.FindString(content); m != "" {
			t.Errorf("%s loads from elsewhere: %q", name, m)
		}
	}
}
