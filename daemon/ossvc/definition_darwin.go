package ossvc

import (
	"errors"
	"io"
	"io/fs"
	"os"

	"github.com/kardianos/service"

	"github.com/quartermasterd/quartermaster/daemon/durable"
	"github.com/quartermasterd/quartermaster/install"
)

const plistPath = "/Library/LaunchDaemons/quartermaster.plist"

func (s *Service) definition() *service.Config {
	return &service.Config{Name: name, Executable: s.Executable, Arguments: s.Arguments}
}

// Text returns the launchd property list that Install writes.
func (s *Service) Text() (string, error) { return install.Plist(s.Command()) }

func (s *Service) install() error {
	text, err := s.Text()
	if err != nil {
		return err
	}
	return durable.Replace(durable.Disk, plistPath, 0o644, func(w io.Writer) error {
		_, err := io.WriteString(w, text)
		return err
	})
}

func (s *Service) uninstall() error {
	if err := os.Remove(plistPath); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func elevated() bool { return os.Geteuid() == 0 }

// available reports whether there is a service manager to talk to.
func available() error { return nil }
