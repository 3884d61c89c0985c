package ossvc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"time"

	"github.com/kardianos/service"

	"github.com/quartermasterd/quartermaster/daemon/durable"
	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/install"
)

const (
	unitPath     = "/etc/systemd/system/quartermaster.service"
	sysusersPath = "/etc/sysusers.d/quartermaster.conf"
	configDir    = "/etc/quartermaster"
)

// controlTimeout bounds each call of a system tool.
const controlTimeout = time.Minute

func (s *Service) definition() *service.Config {
	return &service.Config{Name: name, Executable: s.Executable, Arguments: s.Arguments}
}

// Text returns the systemd unit that Install writes.
func (s *Service) Text() (string, error) { return install.Unit(s.Command()) }

// available reports whether there is a service manager to talk to.
func available() error {
	if _, err := os.Stat("/run/systemd/system"); err != nil {
		return fault.New(fault.Unavailable, "systemd does not run on this machine").
			WithHint("run \"quartermaster run\" under the supervisor you use; \"service install --print\" shows the unit")
	}
	return nil
}

// install writes the account and the unit and tells systemd. The library's
// own installation refuses an existing unit and cannot make the account, so
// it serves for control only.
func (s *Service) install() error {
	if err := available(); err != nil {
		return err
	}
	text, err := s.Text()
	if err != nil {
		return err
	}
	if err := os.MkdirAll("/etc/sysusers.d", 0o755); err != nil {
		return err
	}
	for _, f := range []struct{ path, text string }{{sysusersPath, install.Sysusers()}, {unitPath, text}} {
		if err := replace(f.path, f.text); err != nil {
			return err
		}
	}
	if err := run("systemd-sysusers", sysusersPath); err != nil {
		return err
	}
	if err := letRead(configDir); err != nil {
		return err
	}
	return errors.Join(run("systemctl", "daemon-reload"), run("systemctl", "enable", name+".service"))
}

// letRead gives the configuration directory and the files in it to the
// service's group: systemd makes the directory but leaves what lies in it
// alone, and a file that root made is not for anybody else to read.
func letRead(dir string) error {
	group, err := user.LookupGroup(name)
	if err != nil {
		return fmt.Errorf("the service's group: %w", err)
	}
	gid, err := strconv.Atoi(group.Gid)
	if err != nil {
		return fmt.Errorf("the service's group: %w", err)
	}
	return share(dir, gid)
}

// share lets the group gid read dir and the files in it.
func share(dir string, gid int) error {
	root, err := os.OpenRoot(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer root.Close()
	entries, err := fs.ReadDir(root.FS(), ".")
	if err != nil {
		return err
	}
	errs := []error{root.Lchown(".", -1, gid), root.Chmod(".", 0o750)}
	for _, e := range entries {
		if e.Type().IsRegular() {
			errs = append(errs, root.Lchown(e.Name(), -1, gid), root.Chmod(e.Name(), 0o640))
		}
	}
	return errors.Join(errs...)
}

func (s *Service) uninstall() error {
	err := run("systemctl", "disable", name+".service")
	for _, path := range []string{unitPath, sysusersPath} {
		if e := os.Remove(path); e != nil && !errors.Is(e, fs.ErrNotExist) {
			err = errors.Join(err, e)
		}
	}
	return errors.Join(err, run("systemctl", "daemon-reload"))
}

func replace(path, text string) error {
	return durable.Replace(durable.Disk, path, 0o644, func(w io.Writer) error {
		_, err := io.WriteString(w, text)
		return err
	})
}

func run(program string, args ...string) error {
	ctx, cancel := context.WithTimeout(context.Background(), controlTimeout)
	defer cancel()
	out, err := exec.CommandContext(ctx, program, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s %v: %w: %s", program, args, err, bytes.TrimSpace(out))
	}
	return nil
}

func elevated() bool { return os.Geteuid() == 0 }
