package steamcmd

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// tree makes a base with the content of item 7 of app 4920 in it, a link to a
// folder outside in the place of item 8, and the same below "Steam".
func tree(t testing.TB) (base, outside string) {
	t.Helper()
	base, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	outside = t.TempDir()
	for _, prefix := range []string{"", "Steam"} {
		content := filepath.Join(base, prefix, "steamapps", "workshop", "content", "4920")
		err := errors.Join(os.MkdirAll(filepath.Join(content, "7"), 0o700), os.Symlink(outside, filepath.Join(content, "8")),
			os.WriteFile(filepath.Join(content, "9"), nil, 0o600))
		if err != nil {
			t.Fatal(err)
		}
	}
	return base, outside
}

func TestLocate(t *testing.T) {
	base, outside := tree(t)
	content := "steamapps/workshop/content/4920/"
	for path, c := range map[string]struct {
		item uint64
		want string // "" for an escape
		none bool   // nothing is there
	}{
		base + "/" + content + "7":                                     {7, ".", false},
		base + "/" + content + "7/":                                    {7, ".", false},
		base + "/./x/../" + content + "7":                              {7, ".", false},
		base + "/" + content + "7/123_legacy.bin":                      {7, ".", false},
		base + "/Steam/" + content + "7":                               {7, "Steam", false},
		base + "/" + content + "6":                                     {6, "", true},
		base + "/" + content + "7/x_legacy.bin":                        {7, "", false},
		base + "/" + content + "7/sub":                                 {7, "", false},
		base + "/" + content + "8":                                     {8, "", false},
		base + "/" + content + "9":                                     {9, "", false},
		base + "/" + content + "7 ":                                    {7, "", false},
		base + "/" + content + "8/../7":                                {7, ".", false},
		base + "/" + content + "7/../../../../../..":                   {7, "", false},
		base + "/x" + content + "7":                                    {7, "", false},
		base + "x/" + content + "7":                                    {7, "", false},
		base + "/" + strings.Replace(content, "4920", "4921", 1) + "7": {7, "", false},
		outside:       {7, "", false},
		content + "7": {7, "", false},
		"/":           {7, "", false},
		"":            {7, "", false},
	} {
		at, err := locate(path, 4920, c.item, base, filepath.Join(base, "none"))
		_, escaped := errors.AsType[*escapeError](err)
		switch {
		case c.want != "":
			if err != nil || at.base != base || at.prefix != c.want {
				t.Errorf("%s: %+v %v", path, at, err)
			}
		case c.none:
			if !errors.Is(err, errNoFiles) {
				t.Errorf("%s: %v", path, err)
			}
		case !escaped:
			t.Errorf("%s: %+v %v", path, at, err)
		}
	}
}

// FuzzLocate: what is located is a folder below the base.
func FuzzLocate(f *testing.F) {
	base, _ := tree(f)
	f.Add("/steamapps/workshop/content/4920/7", uint64(7))
	f.Add("/Steam/steamapps/workshop/content/4920/7/1_legacy.bin", uint64(7))
	f.Add("/steamapps/workshop/content/4920/8/../8", uint64(8))
	f.Add("/../x", uint64(9))
	f.Fuzz(func(t *testing.T, rest string, item uint64) {
		at, err := locate(base+rest, 4920, item, base)
		if err != nil {
			return
		}
		real, err := filepath.EvalSymlinks(filepath.Join(at.base, filepath.FromSlash(at.item)))
		if err != nil || !strings.HasPrefix(real, base+string(filepath.Separator)) {
			t.Errorf("%q leads to %q, %v", rest, real, err)
		}
	})
}
