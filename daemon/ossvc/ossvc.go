// Package ossvc makes the daemon a service of the operating system: systemd
// on Linux, the service manager on Windows, launchd on macOS. It hides
// kardianos/service; no other package sees its types.
//
// The unit text is ours (package install) and is written as it is. Install
// on top of an existing installation is an upgrade, not an error.
package ossvc

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"github.com/kardianos/service"

	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// name is the service's name everywhere.
const name = "quartermaster"

// Status is what the system says of the service.
type Status string

// The states of a service.
const (
	Running      Status = "running"
	Stopped      Status = "stopped"
	NotInstalled Status = "not installed"
	Failing      Status = "failed"
)

// Service is the daemon as the operating system sees it. It is not safe for
// concurrent use.
type Service struct {
	// Executable is the absolute path of the binary to run.
	Executable string
	// Arguments are absolute in every path, since a service starts in a
	// directory of the system's choice.
	Arguments []string
}

// New returns the service that runs this very binary with "service run" and
// the given further arguments.
func New(arguments ...string) (*Service, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("finding this program's own path: %w", err)
	}
	if exe, err = filepath.EvalSymlinks(exe); err != nil {
		return nil, fmt.Errorf("finding this program's own path: %w", err)
	}
	return &Service{Executable: exe, Arguments: append([]string{"service", "run"}, arguments...)}, nil
}

// Command returns the command line that the service runs.
func (s *Service) Command() []string { return append([]string{s.Executable}, s.Arguments...) }

// Install makes or upgrades the service and lets it start with the machine.
// It does not start it.
func (s *Service) Install() error { return explain("install", s.install()) }

// Uninstall stops the service and removes it. Data and configuration stay.
func (s *Service) Uninstall() error {
	status, err := s.Status()
	if err != nil {
		return err
	}
	if status == NotInstalled {
		return fault.New(fault.NotFound, "the service is not installed")
	}
	if status == Running {
		if err := s.Stop(); err != nil {
			return err
		}
	}
	return explain("uninstall", s.uninstall())
}

// Start starts the installed service.
func (s *Service) Start() error { return s.control("start", service.Service.Start) }

// Stop stops it and waits until it has stopped.
func (s *Service) Stop() error { return s.control("stop", service.Service.Stop) }

// Restart stops and starts it.
func (s *Service) Restart() error { return s.control("restart", service.Service.Restart) }

// Status asks the system.
func (s *Service) Status() (Status, error) {
	svc, err := s.system()
	if err != nil {
		return "", err
	}
	status, err := svc.Status()
	switch {
	case errors.Is(err, service.ErrNotInstalled):
		return NotInstalled, nil
	case err != nil && runtime.GOOS == "linux":
		return Failing, nil
	case err != nil:
		return "", explain("ask for", err)
	case status == service.StatusRunning:
		return Running, nil
	}
	return Stopped, nil
}

func (s *Service) control(verb string, action func(service.Service) error) error {
	svc, err := s.system()
	if err != nil {
		return err
	}
	return explain(verb, action(svc))
}

// system returns the library's view of the service.
func (s *Service) system() (service.Service, error) {
	if err := available(); err != nil {
		return nil, err
	}
	svc, err := service.New(nothing{}, s.definition())
	if errors.Is(err, service.ErrNoServiceSystemDetected) {
		return nil, fault.New(fault.Unavailable, "no service system was found on this machine").
			WithHint("run \"quartermaster run\" under the supervisor you use")
	}
	if err != nil {
		return nil, err
	}
	return svc, nil
}

// nothing stands for the program where the service is only controlled.
type nothing struct{}

func (nothing) Start(service.Service) error { return nil }
func (nothing) Stop(service.Service) error  { return nil }

// explain turns the system's refusal into an error with a next step.
func explain(verb string, err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, os.ErrPermission) || !elevated() {
		e := fault.Wrap(err, fault.Forbidden, "cannot %s the service", verb)
		if runtime.GOOS == "windows" {
			return e.WithHint("run this in a terminal opened with \"Run as administrator\"")
		}
		return e.WithHint("run this with sudo")
	}
	return fmt.Errorf("cannot %s the service: %w", verb, err)
}
