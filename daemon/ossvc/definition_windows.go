package ossvc

import (
	"fmt"
	"strings"

	"github.com/kardianos/service"
	"golang.org/x/sys/windows"
)

// definition describes the service to the service manager: started with the
// machine, after the network is up, restarted 5 s after a crash.
func (s *Service) definition() *service.Config {
	return &service.Config{
		Name:        name,
		DisplayName: "Quartermaster",
		Description: "Mods, recordings and accounts for game servers and their players.",
		Executable:  s.Executable,
		Arguments:   s.Arguments,
		UserName:    `NT SERVICE\` + name,
		Option: service.KeyValue{
			"DelayedAutoStart":       true,
			"OnFailure":              "restart",
			"OnFailureDelayDuration": "5s",
			"OnFailureResetPeriod":   86400,
		},
	}
}

// Text describes the service that Install makes; Windows has no unit file.
func (s *Service) Text() (string, error) {
	c := s.definition()
	var b strings.Builder
	fmt.Fprintf(&b, "name         %s\r\n", c.Name)
	fmt.Fprintf(&b, "display name %s\r\n", c.DisplayName)
	fmt.Fprintf(&b, "command      %s\r\n", windows.ComposeCommandLine(s.Command()))
	fmt.Fprintf(&b, "account      %s\r\n", c.UserName)
	fmt.Fprintf(&b, "start        automatic (delayed)\r\n")
	fmt.Fprintf(&b, "on failure   restart after %s\r\n", c.Option["OnFailureDelayDuration"])
	return b.String(), nil
}

// install makes the service, or makes it anew when it exists, so that an
// upgrade and a changed command line are the same step.
func (s *Service) install() error {
	svc, err := s.system()
	if err != nil {
		return err
	}
	if status, err := s.Status(); err != nil {
		return err
	} else if status != NotInstalled {
		if status == Running {
			if err := svc.Stop(); err != nil {
				return err
			}
		}
		if err := svc.Uninstall(); err != nil {
			return err
		}
	}
	return svc.Install()
}

func (s *Service) uninstall() error {
	svc, err := s.system()
	if err != nil {
		return err
	}
	return svc.Uninstall()
}

func elevated() bool { return windows.GetCurrentProcessToken().IsElevated() }

// available reports whether there is a service manager to talk to.
func available() error { return nil }
