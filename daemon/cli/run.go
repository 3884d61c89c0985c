package cli

import (
	"context"
	"fmt"
	"log/slog"
	"strings"

	"github.com/quartermasterd/quartermaster/daemon"
	"github.com/quartermasterd/quartermaster/daemon/config"
	"github.com/quartermasterd/quartermaster/daemon/ossvc"
)

// RunCmd runs the daemon in the foreground.
type RunCmd struct {
	Listen []string `placeholder:"ADDR" help:"Address for plain HTTP, for example 127.0.0.1:27020; goes over the configuration."`
}

// Run runs until the process is asked to stop.
func (c RunCmd) Run(s *session) error {
	d := &foreground{session: s, listen: c.Listen}
	return ossvc.Foreground(s.ctx, s.Stderr, d.run)
}

// foreground is one run of the daemon, by hand or as the service.
type foreground struct {
	*session
	listen  []string
	service bool
}

// load reads the configuration as this run sees it; it is also what a reload
// does.
func (f *foreground) load() (*config.Loaded, error) {
	return config.Load(config.Options{
		File: f.globals.ConfigFile, DataDir: f.globals.Data, Listen: f.listen,
		Environ: f.Environ, Service: f.service,
	})
}

func (f *foreground) run(ctx context.Context) error {
	loaded, err := f.load()
	if err != nil {
		return err
	}
	log := daemon.NewLog(loaded.Config.Log, f.Stderr, underJournal(f.Environ))
	d, err := daemon.New(ctx, daemon.Options{Loaded: loaded, Version: f.Version, Log: log})
	if err != nil {
		return err
	}
	reload, stopReload := ossvc.Reload()
	defer stopReload()
	return d.Run(ctx, daemon.Hooks{
		Started: func(info daemon.Started) {
			f.greet(info, log)
			notify(log, ossvc.StateReady)
		},
		Stopping: func() { notify(log, ossvc.StateStopping) },
		Reload:   reload,
		Load:     f.load,
	})
}

func notify(log *slog.Logger, state string) {
	if err := ossvc.Notify(state); err != nil {
		log.Warn("the service manager was not told", slog.String("state", state), slog.Any("error", err))
	}
}

// greet prints where everything is. On a terminal it is a short page; in a
// log it is one line, and the setup link stays out of it.
func (f *foreground) greet(info daemon.Started, log *slog.Logger) {
	if !f.person() {
		log.Info("started", slog.String("version", f.Version), slog.Any("listen", info.Listen),
			slog.String("config", orNone(info.ConfigFile)), slog.String("data", info.DataDir),
			slog.String("database", info.Database), slog.Bool("needs_setup", info.SetupLink != ""),
			slog.String("setup_link_file", info.SetupLinkFile))
		return
	}
	w := f.Stderr
	fmt.Fprintf(w, "\nQuartermaster %s\n\n", f.Version)
	fmt.Fprintf(w, "  config    %s\n", orNone(info.ConfigFile))
	fmt.Fprintf(w, "  data      %s\n", info.DataDir)
	fmt.Fprintf(w, "  database  %s\n", info.Database)
	fmt.Fprintf(w, "  listening %s\n", strings.Join(info.Listen, ", "))
	fmt.Fprintf(w, "  page      %s/\n", info.URL)
	if info.SetupLink != "" {
		fmt.Fprintf(w, "\nOpen this link once to make the first admin (30 minutes; also in %s):\n\n  %s\n", info.SetupLinkFile, info.SetupLink)
	}
	fmt.Fprintln(w)
}

// person reports whether somebody reads the output as it comes. A run by hand
// also prints the page into a pipe or a file; the service never does.
func (f *foreground) person() bool { return !f.service && !underJournal(f.Environ) }

// underJournal reports whether systemd's journal reads standard error.
func underJournal(environ []string) bool {
	for _, kv := range environ {
		if strings.HasPrefix(kv, "JOURNAL_STREAM=") {
			return true
		}
	}
	return false
}
