package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// maxImportBytes bounds a workshopbackup.json; real ones have a few kB.
const maxImportBytes = 4 << 20

// Mapping says what became of one key of an imported configuration.
type Mapping struct {
	// From is the key in the imported file.
	From string `json:"from"`
	// To is our key, "" when there is none.
	To string `json:"to,omitempty"`
	// Value is what our key is set to, in TOML; "" when it is left out.
	Value string `json:"value,omitempty"`
	// Note says what the reader should know, Warning whether he must look.
	Note    string `json:"note,omitempty"`
	Warning bool   `json:"warning,omitempty"`
}

// ImportOptions says what the imported file cannot.
type ImportOptions struct {
	// Root is the absolute path of the folder the file lies in, which the
	// original serves; it becomes workshop.roots. Empty: not written.
	Root string
	// KeyFile is where the caller will put the API key; it becomes
	// steam.api_key_file. Empty: the key is left out.
	KeyFile string
}

// Import is a configuration made from another program's.
type Import struct {
	// TOML is a commented configuration file without secrets.
	TOML []byte
	// APIKey is the Steam key that stood in the file, for KeyFile; "" if none.
	APIKey string
	// Mappings holds one entry per key of the file.
	Mappings []Mapping
}

// ImportWorkshopBackup turns the workshopbackup.json of the NS2 Workshop
// Backup Server (0.6.1 and older) into our configuration. Keys that we do not
// know are reported and left out. A value of the wrong type is fault.Invalid
// with one field per key; nothing is guessed.
func ImportWorkshopBackup(r io.Reader, o ImportOptions) (*Import, error) {
	source, err := readWorkshopBackup(r)
	if err != nil {
		return nil, err
	}
	im := importer{source: source, options: o, out: &Import{Mappings: []Mapping{}}, sections: map[string][]string{}}
	if o.Root != "" {
		im.set("", "workshop.roots", tomlList([]string{tomlString(o.Root)}), "the folder of the imported file, which is only read from now on")
	}
	for _, k := range workshopBackupKeys {
		if v, ok := source[k.name]; ok {
			k.read(&im, k.name, v)
			delete(source, k.name)
		}
	}
	im.unknown()
	if len(im.wrong) > 0 {
		return nil, fault.New(fault.Invalid, "the file cannot be imported").WithFields(im.wrong...)
	}
	im.out.TOML = im.toml()
	return im.out, nil
}

func readWorkshopBackup(r io.Reader) (map[string]any, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxImportBytes+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxImportBytes {
		return nil, fault.New(fault.TooLarge, "the file is too large to be a workshopbackup.json")
	}
	d := json.NewDecoder(bytes.NewReader(bytes.TrimPrefix(text, []byte("\ufeff"))))
	d.UseNumber()
	var source map[string]any
	err = d.Decode(&source)
	if _, ok := errors.AsType[*json.UnmarshalTypeError](err); ok || err == nil && source == nil {
		err = errors.New("it holds no object in braces")
	}
	if err == nil && d.More() {
		err = errors.New("text follows the closing brace")
	}
	if err != nil {
		return nil, fault.New(fault.Invalid, "the file is not a workshopbackup.json: %v", err)
	}
	return source, nil
}

// importer collects lines of TOML by section, and what goes wrong.
type importer struct {
	source   map[string]any
	options  ImportOptions
	out      *Import
	sections map[string][]string
	wrong    []fault.Field
	left     []string // unknown keys
	listens  bool     // http.listen is written
}

// workshopBackupKeys are the keys of the original in the order of its file.
// The second spelling of the app ids is the one its manual names.
var workshopBackupKeys = []struct {
	name string
	read func(im *importer, key string, value any)
}{
	{"ALLOWED_APP_IDS", (*importer).apps},
	{"ALLOWED_APP_ID", (*importer).appsByManual},
	{"ALLOWED_MOD_IDS", importItems("workshop.allow")},
	{"DISALLOWED_MOD_IDS", importItems("workshop.deny")},
	{"MONITOR_MOD_IDS", importItems("workshop.monitor.ids")},
	{"MONITOR_INTERVAL", (*importer).monitorInterval},
	{"INTERFACE", (*importer).listen},
	{"PORT", (*importer).listen},
	{"MAX_OUTSTANDING_STEAM_DOWNLOAD_REQUESTS", (*importer).parallel},
	{"VERSION_OVERLAP_WINDOW", (*importer).overlap},
	{"LOG", (*importer).log},
	{"API_URL", (*importer).apiURL},
	{"API_KEY", (*importer).apiKey},
}

// set writes a line of TOML and reports it.
func (im *importer) set(from, to, value, note string) {
	dot := strings.LastIndexByte(to, '.')
	section, key := to[:dot], to[dot+1:]
	comment := from
	if note != "" {
		if comment != "" {
			comment += ": "
		}
		comment += note
	}
	if comment != "" {
		im.sections[section] = append(im.sections[section], "# "+comment)
	}
	im.sections[section] = append(im.sections[section], key+" = "+value)
	im.out.Mappings = append(im.out.Mappings, Mapping{From: from, To: to, Value: value, Note: note})
}

// warn reports a key that needs a look; to and value may be empty.
func (im *importer) warn(from, to, value, note string) {
	if to != "" && value != "" {
		im.set(from, to, value, note)
		im.out.Mappings[len(im.out.Mappings)-1].Warning = true
		return
	}
	im.out.Mappings = append(im.out.Mappings, Mapping{From: from, To: to, Note: note, Warning: true})
}

// same reports a key whose value is our default anyway.
func (im *importer) same(from, to, note string) {
	im.out.Mappings = append(im.out.Mappings, Mapping{From: from, To: to, Note: note})
}

func (im *importer) fail(key, format string, args ...any) {
	im.wrong = append(im.wrong, fault.Field{Name: key, Message: fmt.Sprintf(format, args...)})
}

// unknown reports the keys that nothing read, in alphabetical order. Their
// values are not shown, since one of them may be a secret.
func (im *importer) unknown() {
	for _, key := range slices.Sorted(maps.Keys(im.source)) {
		im.left = append(im.left, key)
		im.warn(key, "", "", "unknown key, left out")
	}
}

// toml puts the sections together in the order of the example file.
func (im *importer) toml() []byte {
	var b bytes.Buffer
	b.WriteString("# Made by \"quartermaster config import-workshopbackup\". The words in capitals are\n" +
		"# the keys this came from. A key that is not here keeps its default;\n" +
		"# \"quartermaster config init\" prints them all.\n")
	for _, section := range []string{"http", "log", "steam", "workshop", "workshop.monitor", "workshop.retention"} {
		if lines := im.sections[section]; len(lines) > 0 {
			b.WriteString("\n[" + section + "]\n" + strings.Join(lines, "\n") + "\n")
		}
	}
	if len(im.left) > 0 {
		b.WriteString("\n# Left out, since no key of ours corresponds:\n")
		for _, key := range im.left {
			fmt.Fprintf(&b, "#   %q\n", key)
		}
	}
	return b.Bytes()
}

// tomlString writes a basic string of TOML 1.0.
func tomlString(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, c := range s {
		switch {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteRune(c)
		case c < 0x20 || c == 0x7f:
			fmt.Fprintf(&b, "\\u%04X", c)
		default:
			b.WriteRune(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}

func tomlList(items []string) string { return "[" + strings.Join(items, ", ") + "]" }
