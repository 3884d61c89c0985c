package cli

import (
	"context"
	"path/filepath"

	"github.com/quartermasterd/quartermaster/daemon/ossvc"
)

// ServiceCmd groups the commands about the system service.
type ServiceCmd struct {
	Install   ServiceInstallCmd   `cmd:"" help:"Install or upgrade the service; it starts with the machine."`
	Uninstall ServiceUninstallCmd `cmd:"" help:"Stop and remove the service; data and configuration stay."`
	Start     ServiceStartCmd     `cmd:"" help:"Start the service."`
	Stop      ServiceStopCmd      `cmd:"" help:"Stop the service."`
	Restart   ServiceRestartCmd   `cmd:"" help:"Stop and start the service."`
	Status    ServiceStatusCmd    `cmd:"" help:"Tell whether it runs; exit code 0 if it does, 3 if it is not installed, 5 without a service system, 1 otherwise."`
	Run       ServiceRunCmd       `cmd:"" help:"Run under the service manager (used by the service itself)."`
}

// service returns the service as this command line describes it. The paths
// are made absolute, since a service starts elsewhere.
func (s *session) service() (*ossvc.Service, error) {
	var args []string
	for _, f := range []struct{ flag, path string }{{"--config", s.globals.ConfigFile}, {"--data", s.globals.Data}} {
		if f.path == "" {
			continue
		}
		abs, err := filepath.Abs(f.path)
		if err != nil {
			return nil, err
		}
		args = append(args, f.flag, abs)
	}
	return ossvc.New(args...)
}

// act runs one action on the service and says what was done.
func (s *session) act(done string, action func(*ossvc.Service) error) error {
	svc, err := s.service()
	if err != nil {
		return err
	}
	if err := action(svc); err != nil {
		return err
	}
	return s.print(struct {
		Done string `json:"done"`
	}{done}, func() { s.printf("%s", done) })
}

// ServiceInstallCmd installs.
type ServiceInstallCmd struct {
	Print bool `help:"Print the unit text and install nothing."`
}

// Run checks the configuration first, since a service that cannot start is
// no use, and then writes the unit.
func (c ServiceInstallCmd) Run(s *session) error {
	if c.Print {
		svc, err := s.service()
		if err != nil {
			return err
		}
		text, err := svc.Text()
		if err != nil {
			return err
		}
		_, err = s.Stdout.Write([]byte(text))
		return err
	}
	if _, err := s.load(); err != nil {
		return err
	}
	return s.act("installed; start it with: quartermaster service start", (*ossvc.Service).Install)
}

// ServiceUninstallCmd removes the service.
type ServiceUninstallCmd struct{}

// Run stops and removes it.
func (ServiceUninstallCmd) Run(s *session) error {
	return s.act("uninstalled; data and configuration were left where they are", (*ossvc.Service).Uninstall)
}

// ServiceStartCmd starts the service.
type ServiceStartCmd struct{}

// Run starts it.
func (ServiceStartCmd) Run(s *session) error { return s.act("started", (*ossvc.Service).Start) }

// ServiceStopCmd stops the service.
type ServiceStopCmd struct{}

// Run stops it.
func (ServiceStopCmd) Run(s *session) error { return s.act("stopped", (*ossvc.Service).Stop) }

// ServiceRestartCmd restarts the service.
type ServiceRestartCmd struct{}

// Run restarts it.
func (ServiceRestartCmd) Run(s *session) error { return s.act("restarted", (*ossvc.Service).Restart) }

// ServiceStatusCmd tells the state.
type ServiceStatusCmd struct{}

// Run prints the state and sets the exit code.
func (ServiceStatusCmd) Run(s *session) error {
	svc, err := s.service()
	if err != nil {
		return err
	}
	status, err := svc.Status()
	if err != nil {
		return err
	}
	err = s.print(struct {
		Status ossvc.Status `json:"status"`
	}{status}, func() { s.printf("%s", status) })
	switch {
	case err != nil || status == ossvc.Running:
		return err
	case status == ossvc.NotInstalled:
		return silent{ExitNotFound}
	}
	return silent{ExitFailure}
}

// ServiceRunCmd is what the unit starts.
type ServiceRunCmd struct{}

// Run is RunCmd with the service's directories and under its manager.
func (ServiceRunCmd) Run(s *session) error {
	d := &foreground{session: s, service: true}
	return ossvc.Run(s.ctx, s.Stderr, func(ctx context.Context) error { return d.run(ctx) })
}
