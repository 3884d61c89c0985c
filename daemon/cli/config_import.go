package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"github.com/quartermasterd/quartermaster/daemon/config"
	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// ConfigImportWorkshopbackupCmd turns the configuration of the NS2 Workshop
// Backup Server into ours. The old file is only read.
type ConfigImportWorkshopbackupCmd struct {
	File  string `arg:"" help:"The workshopbackup.json, in the folder that the old server serves."`
	Out   string `placeholder:"FILE" help:"Write the configuration here, and the Steam API key to steam-api-key beside it. Default: print it, without the key."`
	Force bool   `help:"Replace existing files."`
}

// Run prints or writes the configuration and reports every key on standard
// error, or as JSON on standard output.
func (c ConfigImportWorkshopbackupCmd) Run(s *session) error {
	file, err := filepath.Abs(c.File)
	if err != nil {
		return err
	}
	options := config.ImportOptions{Root: filepath.Dir(file)}
	out := ""
	if c.Out != "" && c.Out != "-" {
		if out, err = filepath.Abs(c.Out); err != nil {
			return err
		}
		options.KeyFile = filepath.Join(filepath.Dir(out), "steam-api-key")
	}
	if out == file || options.KeyFile == file {
		return fault.New(fault.Invalid, "%s is the file to be imported; it is never written", file)
	}
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return fault.New(fault.NotFound, "there is no file %s", file)
	}
	if err != nil {
		return fmt.Errorf("the file cannot be imported: %w", err)
	}
	im, err := config.ImportWorkshopBackup(bytes.NewReader(text), options)
	if err != nil {
		return err
	}
	if out == "" {
		options.KeyFile = ""
	} else if err := c.write(s, out, options.KeyFile, im); err != nil {
		return err
	}
	return s.reportImport(out, options.KeyFile, im)
}

// write puts the key in place before the configuration that names it.
func (c ConfigImportWorkshopbackupCmd) write(s *session, out, keyFile string, im *config.Import) error {
	names := []string{out}
	if im.APIKey != "" {
		names = append(names, keyFile)
	}
	for _, name := range names {
		if _, err := os.Lstat(name); err == nil && !c.Force {
			return fault.New(fault.Conflict, "%s exists already", name).WithHint("--force replaces it")
		}
	}
	if im.APIKey != "" {
		if err := writeFile(keyFile, []byte(im.APIKey+"\n"), 0o600); err != nil {
			return err
		}
	}
	_, err := s.writeNew(out, im.TOML, c.Force)
	return err
}

func (s *session) reportImport(out, keyFile string, im *config.Import) error {
	if im.APIKey == "" {
		keyFile = ""
	}
	answer := struct {
		File     string           `json:"file,omitempty"`
		KeyFile  string           `json:"key_file,omitempty"`
		TOML     string           `json:"toml,omitempty"`
		Mappings []config.Mapping `json:"mappings"`
	}{File: out, KeyFile: keyFile, Mappings: im.Mappings}
	if out == "" {
		answer.TOML = string(im.TOML)
	}
	return s.print(answer, func() {
		if out == "" {
			_, _ = s.Stdout.Write(im.TOML)
		}
		for _, m := range im.Mappings {
			fmt.Fprintln(s.Stderr, mappingLine(m))
		}
		if out != "" {
			s.printf("%s", out)
		}
		if keyFile != "" {
			s.printf("%s", keyFile)
			fmt.Fprintln(s.Stderr, "hint: the old file still holds the Steam API key; delete it there once the old server is retired")
		}
	})
}

// mappingLine says in one line what became of a key.
func mappingLine(m config.Mapping) string {
	mark, from := "ok", m.From
	if m.Warning {
		mark = "look here"
	}
	if from == "" {
		from = "(folder)"
	}
	if quoted := strconv.Quote(from); len(quoted) != len(from)+2 { // a name that would disturb the terminal
		from = quoted
	}
	line := fmt.Sprintf("%-9s  %-40s", mark, from)
	switch {
	case m.To != "" && m.Value != "":
		line += " -> " + m.To + " = " + m.Value
	case m.To != "":
		line += " -> " + m.To
	}
	if m.Note != "" {
		line += "  (" + m.Note + ")"
	}
	return line
}
