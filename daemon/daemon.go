// Package daemon wires every part together and runs them: New builds, Run
// starts, supervises and stops in order. Nothing but the command line imports
// it.
package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/quartermasterd/quartermaster/daemon/admin"
	"github.com/quartermasterd/quartermaster/daemon/config"
	"github.com/quartermasterd/quartermaster/daemon/demosink"
	"github.com/quartermasterd/quartermaster/daemon/durable"
	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/limit"
	"github.com/quartermasterd/quartermaster/daemon/metaserver"
	"github.com/quartermasterd/quartermaster/daemon/web"
	"github.com/quartermasterd/quartermaster/daemon/workshop"
	"github.com/quartermasterd/quartermaster/webui"
)

// The start and the stop, in order. Each step leans only on those before it.
//
//	start: configuration (valid before New) → log → addresses are free →
//	       data directory → alone in it → database (backup, migrate) → blobs → features and routes →
//	       listeners bound → ready → everything that runs
//	stop:  not ready → listeners stop accepting, requests drain (5 s) →
//	       event streams end → jobs end (3 s) → blobs → checkpoint,
//	       database (2 s)
//
// Whatever is stopped later may still be used by what is stopped earlier.

// Hooks connect a run to the process around it. Any field may be left empty.
type Hooks struct {
	// Started is called once every listener is bound and requests are served.
	Started func(Started)
	// Stopping is called when the stop begins.
	Stopping func()
	// Reload receives when the configuration should be read again with Load.
	Reload <-chan os.Signal
	Load   func() (*config.Loaded, error)
}

// Started tells where a running daemon is to be found.
type Started struct {
	Listen                   []string // host:port, as bound
	URL                      string   // how a person on this machine opens the page
	ConfigFile, DataDir      string
	Database                 string // for people, without a password
	SetupLink, SetupLinkFile string // empty once an admin exists
}

// Daemon is everything, wired and not yet running.
type Daemon struct {
	*State
	lock     *durable.FileLock // nil where the file system has none
	web      *web.Server
	workshop *workshop.Service   // nil when workshop.enabled is off
	demos    *demosink.Service   // nil when demos.enabled is off
	meta     *metaserver.Service // nil when metaserver.enabled is off
	admin    *admin.Service
}

// New opens the state and wires the parts. Nothing runs and no port is open
// until Run; but whether the ports are free is looked at first, so that a
// start in vain leaves nothing behind.
func New(ctx context.Context, o Options) (_ *Daemon, err error) {
	c := o.Loaded.Config
	traffic := limit.NewTraffic(c.Limits, time.Now, o.Log)
	server, err := web.New(web.Options{HTTP: c.HTTP, Limits: c.Limits, Traffic: traffic, Metrics: c.Metrics, Log: o.Log, Version: o.Version})
	if err != nil {
		return nil, err
	}
	if err := server.Probe(ctx); err != nil {
		return nil, err
	}
	d := &Daemon{web: server}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.Close())
		}
	}()
	if d.lock, err = occupy(o.Loaded.DataDir, o.Log); err != nil {
		return nil, err
	}
	if d.State, err = openState(ctx, o, traffic); err != nil {
		return nil, err
	}
	d.web.Registerer().MustRegister(d.Mail.Collectors()...)
	d.Accounts.Register(d.web)
	if c.Demos.Enabled { // before the game-client face of the mods, which takes every doubled slash
		d.demos, err = d.State.Demos(func(o *demosink.Options) {
			o.Hub, o.Registerer = d.web.Events(), d.web.Registerer()
		})
		if err != nil {
			return nil, err
		}
		d.demos.Register(d.web)
		d.Accounts.RegisterProvision(d.web)
	}
	if c.Metaserver.Enabled {
		d.meta, err = d.Metaserver(func(o *metaserver.Options) {
			o.Hub, o.Registerer = d.web.Events(), d.web.Registerer()
			if d.demos != nil {
				o.Demos = matchDemos(d.demos)
			}
			o.ModURL, o.ProbeA2S = d.modPath, probeA2S
		})
		if err != nil {
			return nil, err
		}
		d.meta.Register(d.web)
	}
	if c.Workshop.Enabled {
		d.workshop, err = d.Workshop(func(w *workshop.Options) {
			w.Hub, w.Registerer = d.web.Events(), d.web.Registerer()
			w.RequestHeaders = c.Log.RequestHeaders
		})
		if err != nil {
			return nil, err
		}
		d.workshop.Register(d.web)
		d.web.NotFoundProgram(http.HandlerFunc(d.workshop.NotFormat))
	}
	d.admin = admin.New(admin.Options{
		Page: webui.FS(), Workshop: d.workshop, Log: o.Log, Version: o.Version,
		Paths:     admin.Paths{Config: o.Loaded.File, Data: o.Loaded.DataDir, Database: d.databaseName(), Blobs: d.BlobDir()},
		Listeners: d.web.Addrs, Started: d.started, Space: d.space, Traffic: d.web.Traffic, Mail: d.Mail,
	})
	d.admin.Register(d.web)
	d.web.Ready("database", d.DB.Ping)
	d.web.Ready("data", func(ctx context.Context) error { _, err := d.Blobs.Free(ctx); return err })
	return d, nil
}

// modPath is where players download a mod that a game server of the metaserver
// needs. An item belongs to one application, which need not be asked for.
func (d *Daemon) modPath(_ context.Context, _ uint32, id uint64) string {
	if d.workshop == nil {
		return ""
	}
	return d.workshop.DownloadPath(workshop.ItemID(id))
}

// Close gives up the state and the data directory. It may be called on a
// Daemon that New left half made.
func (d *Daemon) Close() error {
	var errs []error
	if d.State != nil {
		errs = append(errs, d.State.Close())
	}
	if d.lock != nil {
		errs = append(errs, d.lock.Unlock())
		d.lock = nil
	}
	return errors.Join(errs...)
}

// Run binds the listeners, serves and works until ctx ends or a part fails,
// and then stops everything in order. It returns the first failure.
func (d *Daemon) Run(ctx context.Context, h Hooks) (err error) {
	defer func() { err = errors.Join(err, d.Close()) }()
	if err := d.web.Listen(ctx); err != nil {
		return err
	}
	jobs, stopJobs := context.WithCancel(context.WithoutCancel(ctx))
	defer stopJobs()
	serving, stopServing := context.WithCancel(ctx)
	defer stopServing()

	var work, front errgroup.Group
	failed := make(chan error, 8)
	watch := func(g *errgroup.Group, name string, run func() error) {
		g.Go(func() error {
			err := run()
			if err != nil {
				err = fmt.Errorf("%s: %w", name, err)
				failed <- err
			}
			return err
		})
	}
	watch(&work, "database", func() error { return d.DB.Run(jobs) })
	watch(&work, "traffic", func() error { return d.Traffic.Run(jobs) })
	watch(&work, "mail", func() error { return d.Mail.Run(jobs) })
	watch(&work, "accounts", func() error { return d.Accounts.Run(jobs) })
	if d.workshop != nil {
		if err := d.workshop.Load(ctx); err != nil {
			return err
		}
		watch(&work, "workshop", func() error { return d.workshop.Run(jobs) })
	}
	if d.demos != nil {
		if err := d.demos.Load(ctx); err != nil {
			return err
		}
		watch(&work, "demos", func() error { return d.demos.Run(jobs) })
	}
	if d.meta != nil {
		if err := d.meta.Load(ctx); err != nil {
			return err
		}
		watch(&work, "metaserver", func() error { return d.meta.Run(jobs) })
	}
	watch(&front, "http", func() error { return d.web.Run(serving) })
	d.web.SetReady(true)
	d.announce(ctx, h)
	watch(&work, "memory", func() error { settle(jobs, d.Log); return nil })
	watch(&work, "reload", func() error { d.reloads(jobs, h); return nil })

	select {
	case <-ctx.Done():
	case err = <-failed:
		d.Log.Error("a part failed, stopping", slog.Any("error", err))
	}
	if h.Stopping != nil {
		h.Stopping()
	}
	stopServing()
	err = errors.Join(err, front.Wait())
	stopJobs()
	return errors.Join(err, waitAtMost(&work, 3*time.Second))
}

// waitAtMost waits for the jobs. One that does not end in time is left behind:
// the process exits, and what it did not acknowledge is done again at the next
// start.
func waitAtMost(g *errgroup.Group, d time.Duration) error {
	done := make(chan error, 1)
	go func() { done <- g.Wait() }()
	select {
	case err := <-done:
		return err
	case <-time.After(d):
		return fault.New(fault.Unavailable, "the jobs did not stop within %s", d)
	}
}

// announce makes the setup link if it is needed and tells the process around
// us that we are there.
func (d *Daemon) announce(ctx context.Context, h Hooks) {
	info := Started{
		Listen: d.web.Addrs(), URL: localURL(d.Loaded.Config.HTTP.PublicURL, d.web.Addrs()),
		ConfigFile: d.Loaded.File, DataDir: d.Loaded.DataDir, Database: d.databaseName(),
	}
	needed, err := d.Accounts.NeedsSetup(ctx)
	if err == nil && needed {
		info.SetupLinkFile = filepath.Join(d.Loaded.DataDir, "setup-link.txt")
		info.SetupLink, err = d.Accounts.SetupLink(ctx, info.URL)
	}
	if err != nil {
		d.Log.Error("the setup link could not be made; try \"quartermaster setup-link\"", slog.Any("error", err))
	}
	if h.Started != nil {
		h.Started(info)
	}
}

// reloads reads the configuration again when asked. A wrong one is reported
// and the old one stays in force.
func (d *Daemon) reloads(ctx context.Context, h Hooks) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-h.Reload:
		}
		loaded, err := h.Load()
		if err != nil {
			d.Log.Error("the configuration was not reloaded, the old one stays in force", slog.Any("error", err))
			continue
		}
		d.Traffic.Reload(loaded.Config.Limits)
		if d.workshop != nil {
			d.workshop.Reload(loaded.Config.Workshop)
		}
		d.Log.Info("the configuration was reloaded; listeners, storage, limits.exempt, limits.max_conns, limits.max_conns_per_ip and the limits of requests change at the next start")
	}
}

// space measures the disk of the blobs.
func (d *Daemon) space() (free, total int64, err error) {
	if free, err = durable.Disk.Free(d.BlobDir()); err != nil {
		return 0, 0, err
	}
	total, err = durable.Total(d.BlobDir())
	return free, total, err
}

// databaseName names the database for people.
func (d *Daemon) databaseName() string {
	if d.DB.Kind() == "sqlite" {
		return d.DB.Path()
	}
	return d.Loaded.Config.Mask().Database.URL
}

// localURL is how a person opens the page: the public address, or this
// machine under the first bound port.
func localURL(public string, addrs []string) string {
	if public != "" {
		return public
	}
	if len(addrs) == 0 {
		return ""
	}
	host, port, err := net.SplitHostPort(addrs[0])
	if err != nil {
		return "http://" + addrs[0]
	}
	if ip := net.ParseIP(host); host == "" || ip.IsUnspecified() {
		host = "localhost"
	}
	return "http://" + net.JoinHostPort(host, port)
}

// firstListener takes the first configured listener apart. The host is empty
// when it is every address of the machine.
func firstListener(listen []string) (host string, port int) {
	if len(listen) == 0 {
		return "", 0
	}
	host, text, err := net.SplitHostPort(listen[0])
	if err != nil {
		return "", 0
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = ""
	}
	if port, err = strconv.Atoi(text); err != nil {
		return host, 0
	}
	return host, port
}
