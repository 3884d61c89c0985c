package daemon

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/quartermasterd/quartermaster/"

// metaserverPart is what the features of the metaserver may import.
var metaserverPart = []string{"daemon/metaserver/rating", "daemon/accounts", "daemon/web", "daemon/db", "daemon/durable", "daemon/limit", "daemon/steam",
	"daemon/config", "daemon/fault"}

// layers says what each package below daemon/ may import of ours. The
// longest matching prefix counts; "=x" means package x without the packages
// below it. Test files may also use the test packages.
var layers = map[string][]string{
	"daemon/fault":           {},
	"daemon/config":          {"daemon/fault"},
	"daemon/durable":         {"daemon/fault", "daemon/durable"},
	"daemon/limit":           {"daemon/config", "daemon/fault"},
	"daemon/blob":            {"daemon/durable", "daemon/fault", "daemon/blob"},
	"daemon/db":              {"daemon/durable", "daemon/fault", "daemon/db"},
	"daemon/web":             {"daemon/limit", "daemon/config", "daemon/fault", "daemon/durable"},
	"daemon/steam":           {"daemon/steam"},
	"daemon/mail":            {"daemon/db", "daemon/durable", "daemon/config", "daemon/fault"},
	"daemon/accounts":        {"daemon/steam", "daemon/web", "daemon/mail", "daemon/db", "daemon/limit", "daemon/durable", "daemon/config", "daemon/fault"},
	"daemon/workshop/modzip": {"daemon/fault"},
	// The pure parts of FastDL.
	"daemon/workshop/fastdl/bzip":     {"daemon/fault"},
	"daemon/workshop/fastdl/gametree": {"daemon/config", "daemon/fault"},
	"daemon/workshop/pytorrent":       {"daemon/fault"},
	// The catalogue asks the library through an interface of its own.
	"daemon/workshop/catalog": {"daemon/accounts", "daemon/web", "daemon/db", "daemon/durable", "daemon/limit", "daemon/steam",
		"daemon/config", "daemon/fault"},
	"daemon/workshop": {"daemon/accounts", "daemon/web", "daemon/db", "daemon/blob", "daemon/durable", "daemon/limit",
		"daemon/steam", "daemon/config", "daemon/fault", "daemon/workshop"},
	// The pure parts of the demo sink.
	"daemon/demosink/anomaly":  {},
	"daemon/demosink/demofile": {"daemon/fault"},
	"daemon/demosink/pgcsv":    {},
	"daemon/demosink":          {"daemon/accounts", "daemon/web", "daemon/db", "daemon/blob", "daemon/durable", "daemon/limit", "daemon/steam", "daemon/config", "daemon/fault", "daemon/demosink"},
	// The pure parts of the metaserver, and its features, which ask each other
	// through interfaces of their own.
	"daemon/metaserver/validation": {"daemon/fault"},
	"daemon/metaserver/proof":      {"daemon/fault"},
	"daemon/metaserver/rating":     {},
	"daemon/metaserver/savage":     {"daemon/fault"},
	"daemon/metaserver/clans":      metaserverPart,
	"daemon/metaserver/serverlist": metaserverPart,
	"daemon/metaserver/matches":    metaserverPart,
	"daemon/metaserver": {"daemon/metaserver", "daemon/mail", "daemon/accounts", "daemon/web", "daemon/db", "daemon/durable", "daemon/limit",
		"daemon/steam", "daemon/config", "daemon/fault"},
	"daemon/admin": {"daemon/workshop", "daemon/mail", "daemon/steam", "daemon/accounts", "daemon/web", "daemon/db", "daemon/blob", "daemon/durable",
		"daemon/config", "daemon/fault", "webui"},
	"daemon/ossvc":  {"install", "daemon/durable", "daemon/config", "daemon/fault"},
	"daemon/cli":    {"daemon", "install"},
	"daemon/faults": {},
	"docs/examples": {},
	"webui":         {},
	"install":       {},
}

// testOnly are packages that only test files may import.
var testOnly = []string{"daemon/db/dbtest", "daemon/blob/blobtest", "daemon/durable/durabletest", "daemon/steam/steamtest",
	"daemon/workshop/pytorrent/pytorrenttest", "daemon/metaserver/savage/savagetest"}

// forTests reports whether a package, or one it lies in, is for tests only.
func forTests(path string) bool {
	return slices.ContainsFunc(testOnly, func(p string) bool { return path == p || strings.HasPrefix(path, p+"/") })
}

type pkg struct {
	ImportPath                         string
	Imports, TestImports, XTestImports []string
}

// TestImportsPointOneWay fails on an import that the layers forbid.
func TestImportsPointOneWay(t *testing.T) {
	for _, p := range list(t) {
		from := strings.TrimPrefix(p.ImportPath, module)
		allowed, ok := rule(from)
		if !ok {
			continue
		}
		for _, imported := range p.Imports {
			check(t, from, imported, allowed, forTests(from))
		}
		for _, imported := range slices.Concat(p.TestImports, p.XTestImports) {
			check(t, from+" (tests)", imported, append([]string{from}, allowed...), true)
		}
	}
}

func check(t *testing.T, from, imported string, allowed []string, test bool) {
	t.Helper()
	to, ours := strings.CutPrefix(imported, module)
	if !ours {
		return
	}
	if forTests(to) {
		if !test {
			t.Errorf("%s imports %s, which is for tests", from, to)
		}
		return
	}
	for _, a := range allowed {
		if to == a || strings.HasPrefix(to, a+"/") {
			return
		}
	}
	t.Errorf("%s must not import %s", from, to)
}

// rule returns what the package may import: the rule of the longest prefix.
func rule(path string) ([]string, bool) {
	for p := path; p != ""; {
		if allowed, ok := layers[p]; ok {
			return allowed, true
		}
		cut := strings.LastIndexByte(p, '/')
		if cut < 0 {
			return nil, false
		}
		p = p[:cut]
	}
	return nil, false
}

func list(t *testing.T) []pkg {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports,TestImports,XTestImports", "../...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []pkg
	d := json.NewDecoder(strings.NewReader(string(out)))
	for {
		var p pkg
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

// TestEveryPackageHasALayer keeps new packages from escaping the rules.
func TestEveryPackageHasALayer(t *testing.T) {
	for _, p := range list(t) {
		path := strings.TrimPrefix(p.ImportPath+"/", module)
		path = strings.TrimSuffix(path, "/")
		_, placed := rule(path)
		if placed || path == "" || path == "daemon" || path == "bench" || strings.HasPrefix(path, "bench/") {
			continue
		}
		t.Errorf("%s has no place in the layers", path)
	}
}
