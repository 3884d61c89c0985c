package peers

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"

	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// Bounds of an index. What is served here beyond MaxEntries is not listed.
const (
	MaxEntries  = 200_000
	maxIndex    = 40 << 20 // bytes of its text
	maxVersion  = 999_999_999_999
	maxFileSize = 1 << 50
)

// Entry is one version that a server serves.
type Entry struct {
	Name          Name
	Size          int64
	SHA256        [32]byte
	Irreplaceable bool // as far as the server knows nobody else has it
}

// entryJSON is an Entry on the wire.
type entryJSON struct {
	ID            string `json:"id"`
	Version       int64  `json:"version"`
	Size          int64  `json:"size"`
	SHA256        string `json:"sha256"`
	Irreplaceable bool   `json:"irreplaceable"`
}

// Index is what a server serves, sorted by item and version. It is immutable.
type Index []Entry

func compareNames(a, b Name) int {
	return cmp.Or(cmp.Compare(a.Item, b.Item), cmp.Compare(a.Version, b.Version))
}

// find returns the entry of n.
func (x Index) find(n Name) (Entry, bool) {
	i, ok := slices.BinarySearchFunc(x, n, func(e Entry, n Name) int { return compareNames(e.Name, n) })
	if !ok {
		return Entry{}, false
	}
	return x[i], true
}

// added returns the names that x has and old has not.
func (x Index) added(old Index) []Name {
	var names []Name
	for _, e := range x {
		if _, ok := old.find(e.Name); !ok {
			names = append(names, e.Name)
		}
	}
	return names
}

// newIndex sorts entries, of which it keeps at most MaxEntries: those that
// nobody else has go before the newest.
func newIndex(entries []Entry) Index {
	if len(entries) > MaxEntries {
		slices.SortFunc(entries, func(a, b Entry) int {
			if a.Irreplaceable != b.Irreplaceable {
				if a.Irreplaceable {
					return -1
				}
				return 1
			}
			return cmp.Or(cmp.Compare(b.Name.Version, a.Name.Version), cmp.Compare(a.Name.Item, b.Name.Item))
		})
		entries = entries[:MaxEntries]
	}
	slices.SortFunc(entries, func(a, b Entry) int { return compareNames(a.Name, b.Name) })
	return entries
}

// Encode returns the text of an index: a JSON list. Equal indexes have equal
// texts.
func (x Index) Encode() []byte {
	b := make([]byte, 0, 2+170*len(x))
	b = append(b, '[')
	for i, e := range x {
		if i > 0 {
			b = append(b, ',', '\n')
		}
		b = strconv.AppendUint(append(b, `{"id":"`...), e.Name.Item, 10)
		b = strconv.AppendInt(append(b, `","version":`...), e.Name.Version, 10)
		b = strconv.AppendInt(append(b, `,"size":`...), e.Size, 10)
		b = hex.AppendEncode(append(b, `,"sha256":"`...), e.SHA256[:])
		b = strconv.AppendBool(append(b, `","irreplaceable":`...), e.Irreplaceable)
		b = append(b, '}')
	}
	return append(b, ']', '\n')
}

// ParseIndex reads the text of an index. Fields that it does not know are
// passed over; an entry that is no version, one that occurs twice and more
// than MaxEntries are fault.Invalid.
func ParseIndex(text []byte) (Index, error) {
	bad := func(err error) error { return fault.Wrap(err, fault.Invalid, "The index is not one") }
	d := json.NewDecoder(bytes.NewReader(text))
	if t, err := d.Token(); err != nil || t != json.Delim('[') {
		return nil, bad(fmt.Errorf("it does not begin with a list: %w", err))
	}
	x := Index{}
	for d.More() {
		if len(x) >= MaxEntries {
			return nil, bad(fmt.Errorf("it has more than %d entries", MaxEntries))
		}
		var e entryJSON
		if err := d.Decode(&e); err != nil {
			return nil, bad(err)
		}
		entry, err := e.entry()
		if err != nil {
			return nil, bad(fmt.Errorf("entry %d: %w", len(x)+1, err))
		}
		x = append(x, entry)
	}
	if _, err := d.Token(); err != nil {
		return nil, bad(err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, bad(fmt.Errorf("something follows the list"))
	}
	slices.SortStableFunc(x, func(a, b Entry) int { return compareNames(a.Name, b.Name) })
	for i := 1; i < len(x); i++ {
		if x[i].Name == x[i-1].Name {
			return nil, bad(fmt.Errorf("%s occurs twice", x[i].Name.File()))
		}
	}
	return slices.Clip(x), nil
}

func (e entryJSON) entry() (Entry, error) {
	id, err := strconv.ParseUint(e.ID, 10, 64)
	out := Entry{Name: Name{Item: id, Version: e.Version}, Size: e.Size, Irreplaceable: e.Irreplaceable}
	switch {
	case err != nil || id == 0:
		return out, fmt.Errorf("no item id")
	case e.Version < 0 || e.Version > maxVersion:
		return out, fmt.Errorf("no version")
	case e.Size <= 0 || e.Size > maxFileSize:
		return out, fmt.Errorf("no size")
	case len(e.SHA256) != 2*len(out.SHA256):
		return out, fmt.Errorf("no SHA-256")
	}
	if _, err := hex.Decode(out.SHA256[:], []byte(e.SHA256)); err != nil {
		return out, fmt.Errorf("no SHA-256: %w", err)
	}
	return out, nil
}
