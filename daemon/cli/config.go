package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/quartermasterd/quartermaster/daemon/config"
	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// ConfigCmd groups the commands about the configuration.
type ConfigCmd struct {
	Check                ConfigCheckCmd                `cmd:"" help:"Read and validate the configuration; nothing is started or written."`
	Show                 ConfigShowCmd                 `cmd:"" help:"Print the configuration as the daemon would use it, secrets masked."`
	Init                 ConfigInitCmd                 `cmd:"" help:"Write a commented configuration file with the defaults."`
	ImportWorkshopbackup ConfigImportWorkshopbackupCmd `cmd:"" name:"import-workshopbackup" help:"Turn a workshopbackup.json into a configuration."`
}

// ConfigCheckCmd validates.
type ConfigCheckCmd struct{}

// Run reports every fault at once; the exit code is 0 or 2.
func (ConfigCheckCmd) Run(s *session) error {
	loaded, err := s.load()
	problems, wrong := errors.AsType[config.Problems](err)
	if err != nil && !wrong {
		return err
	}
	if s.globals.JSON {
		return s.checkJSON(loaded, problems)
	}
	if wrong {
		return err
	}
	s.printf("the configuration is fine")
	s.printf("  file  %s", orNone(loaded.File))
	s.printf("  data  %s", loaded.DataDir)
	for _, w := range doubts(loaded.Config) {
		s.printf("warning: %s: %s", w.Key, w.Message)
	}
	return nil
}

// doubt is what a valid configuration may have wrong all the same.
type doubt struct {
	Key     string `json:"key"`
	Message string `json:"message"`
}

// doubts looks at the folders that the configuration names. A missing one is
// no fault: its disk may be mounted later.
func doubts(c config.Config) []doubt {
	list := []doubt{}
	for i, root := range c.Workshop.Roots {
		info, err := os.Stat(root)
		key := fmt.Sprintf("workshop.roots[%d]", i)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			list = append(list, doubt{key, root + " does not exist"})
		case err != nil:
			list = append(list, doubt{key, err.Error()})
		case !info.IsDir():
			list = append(list, doubt{key, root + " is not a folder"})
		}
	}
	return list
}

func (s *session) checkJSON(loaded *config.Loaded, problems config.Problems) error {
	type problem struct {
		Source  string `json:"source"`
		Line    int    `json:"line,omitempty"`
		Key     string `json:"key,omitempty"`
		Message string `json:"message"`
	}
	answer := struct {
		OK       bool      `json:"ok"`
		File     string    `json:"file,omitempty"`
		Data     string    `json:"data,omitempty"`
		Problems []problem `json:"problems"`
		Warnings []doubt   `json:"warnings"`
	}{OK: len(problems) == 0, Problems: []problem{}, Warnings: []doubt{}}
	if loaded != nil {
		answer.File, answer.Data = loaded.File, loaded.DataDir
	}
	if loaded != nil && answer.OK {
		answer.Warnings = doubts(loaded.Config)
	}
	for _, p := range problems {
		answer.Problems = append(answer.Problems, problem(p))
	}
	if err := s.print(answer, nil); err != nil {
		return err
	}
	if !answer.OK {
		return silent{ExitUsage}
	}
	return nil
}

func orNone(path string) string {
	if path == "" {
		return "none, the defaults apply"
	}
	return path
}

// ConfigShowCmd prints the effective configuration.
type ConfigShowCmd struct{}

// Run prints TOML that Load reads back, or JSON, with every secret masked.
func (ConfigShowCmd) Run(s *session) error {
	loaded, err := s.load()
	if err != nil {
		return err
	}
	masked := loaded.Config.Mask()
	masked.Data.Dir = loaded.DataDir
	if s.globals.JSON {
		return s.print(masked.Tree(), nil)
	}
	text, err := masked.TOML()
	if err != nil {
		return err
	}
	_, err = s.Stdout.Write(text)
	return err
}

// ConfigInitCmd writes the commented example.
type ConfigInitCmd struct {
	File  string `arg:"" optional:"" help:"File to write; \"-\" or nothing prints it."`
	Force bool   `help:"Replace an existing file."`
}

// Run writes the example configuration to a new file with mode 0640.
func (c ConfigInitCmd) Run(s *session) error {
	if c.File == "" || c.File == "-" {
		_, err := s.Stdout.Write(s.Example)
		return err
	}
	path, err := s.writeNew(c.File, s.Example, c.Force)
	if err != nil {
		return err
	}
	s.printf("%s", path)
	return nil
}

// writeNew writes a file that must not exist yet unless force is set, and
// returns its absolute path.
func (s *session) writeNew(name string, text []byte, force bool) (string, error) {
	path, err := filepath.Abs(name)
	if err != nil {
		return "", err
	}
	if _, err := os.Lstat(path); err == nil && !force {
		return "", fault.New(fault.Conflict, "%s exists already", path).WithHint("--force replaces it")
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	return path, writeFile(path, text, 0o640)
}
