package modzip

import (
	"bytes"
	"io"
	"os/exec"
	"strings"
	"testing"

	"github.com/dsnet/compress/bzip2"

	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// bzip2ed packs data into one bzip2 stream.
func bzip2ed(t testing.TB, data string) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := bzip2.NewWriter(&b, nil)
	if err == nil {
		_, err = io.WriteString(w, data)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func bzip2Entry(t testing.TB, name, data string) raw {
	t.Helper()
	return raw{name: name, data: data, method: methodBzip2, packed: bzip2ed(t, data)}
}

func TestVerifyBzip2(t *testing.T) {
	text := strings.Repeat("all your base\n", 1000)
	dense := strings.Repeat("\x00", 2<<20)
	lying := bzip2Entry(t, "a", dense)
	lying.size, lying.localSize = 1<<20, 1<<20
	rest := bzip2Entry(t, "a", text)
	rest.packed = append(rest.packed, 'x', 'y')
	cut := bzip2Entry(t, "a", text)
	cut.packed = cut.packed[:len(cut.packed)/2]
	flipped := bzip2Entry(t, "a", text)
	flipped.packed[10] ^= 1 // of the checksum of the block
	for name, c := range map[string]struct {
		zip  []byte
		want string
	}{
		"whole":    {build(archiveOptions{}, bzip2Entry(t, "lua/a.lua", text), bzip2Entry(t, "empty", ""), raw{name: "b", data: "b"}), ""},
		"dense":    {build(archiveOptions{}, bzip2Entry(t, "a", dense)), `zip entry 1 "a": it unpacks to more than 200 times its size`},
		"lying":    {build(archiveOptions{}, lying), `zip entry 1 "a": it is longer than the directory says`},
		"rest":     {build(archiveOptions{}, rest), `zip entry 1 "a": its packed data are damaged`},
		"cut":      {build(archiveOptions{}, cut), `zip entry 1 "a": its packed data are damaged`},
		"flipped":  {build(archiveOptions{}, flipped), `zip entry 1 "a": its packed data are damaged`},
		"no bzip2": {build(archiveOptions{}, raw{name: "a", data: text, method: methodBzip2}), `zip entry 1 "a": its packed data are damaged`},
	} {
		err := Verify(t.Context(), bytes.NewReader(c.zip), int64(len(c.zip)), Full, Limits{Bzip2: true})
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case c.want != "" && (!fault.Is(err, fault.Invalid) || fault.Public(err) != c.want):
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
		if err := verify(t, c.zip, Directory); err == nil {
			t.Errorf("%s: accepted without being asked to", name)
		}
	}
}

// TestPythonBzip2 checks an archive as Python's zipfile writes it.
func TestPythonBzip2(t *testing.T) {
	python := tool(t, "python3")
	const program = `
import io, sys, zipfile
b = io.BytesIO()
with zipfile.ZipFile(b, "w", compression=zipfile.ZIP_BZIP2) as z:
    z.writestr("About/About.xml", "<a/>" * 5000)
    z.writestr("Текстуры/a.txt", "x")
    z.writestr("empty", "")
sys.stdout.buffer.write(b.getvalue())
`
	z, err := exec.Command(python, "-c", program).Output()
	if err != nil {
		t.Fatal(err)
	}
	if err := Verify(t.Context(), bytes.NewReader(z), int64(len(z)), Full, Limits{Bzip2: true}); err != nil {
		t.Error(err)
	}
}
