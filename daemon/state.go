package daemon

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/accounts"
	"github.com/quartermasterd/quartermaster/daemon/blob"
	"github.com/quartermasterd/quartermaster/daemon/config"
	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/durable"
	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/limit"
	"github.com/quartermasterd/quartermaster/daemon/mail"
	"github.com/quartermasterd/quartermaster/daemon/steam/community"
	"github.com/quartermasterd/quartermaster/daemon/steam/store"
	"github.com/quartermasterd/quartermaster/daemon/steam/webapi"
	"github.com/quartermasterd/quartermaster/daemon/workshop"
)

// Options says what a State or a Daemon is made of.
type Options struct {
	// Loaded is a valid configuration; it must not be nil.
	Loaded *config.Loaded
	// Version is shown to people and programs.
	Version string
	// Log must not be nil.
	Log *slog.Logger
}

// State is what the daemon keeps, opened but with nothing running: the
// database, the blobs, and the accounts over them. Commands use it beside a
// running daemon.
type State struct {
	Options
	DB       *db.DB
	Blobs    *blob.Disk
	Mail     *mail.Queue
	Accounts *accounts.Service
	Traffic  *limit.Traffic

	started time.Time
}

// OpenState makes the data directory if it is missing, opens the database
// (backing it up and migrating it when that is due) and the blob store. The
// caller must Close it.
func OpenState(ctx context.Context, o Options) (*State, error) {
	return openState(ctx, o, limit.NewTraffic(o.Loaded.Config.Limits, time.Now, o.Log))
}

func openState(ctx context.Context, o Options, traffic *limit.Traffic) (_ *State, err error) {
	s := &State{Options: o, Traffic: traffic, started: time.Now()}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	dir := o.Loaded.DataDir
	if err := makeDataDir(dir); err != nil {
		return nil, err
	}
	s.DB, err = db.Open(ctx, db.Options{URL: o.Loaded.Config.Database.URL, Dir: dir, Log: o.Log, Now: time.Now})
	if err != nil {
		return nil, err
	}
	s.Blobs, err = blob.OpenDisk(durable.Disk, s.BlobDir())
	if err != nil {
		return nil, err
	}
	if s.Mail, err = s.newMail(); err != nil {
		return nil, err
	}
	s.Accounts = s.newAccounts()
	if err := s.Accounts.Prepare(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

// Workshop returns the library of mods over this state. The function, which
// may be nil, completes the options with what only a running daemon has.
func (s *State) Workshop(complete func(*workshop.Options)) (*workshop.Service, error) {
	c := s.Loaded.Config
	host, port := firstListener(c.HTTP.Listen)
	o := workshop.Options{
		Config: c.Workshop, Steam: c.Steam, SteamCMD: c.SteamCMD, DataDir: s.Loaded.DataDir, UserAgent: "quartermaster/" + s.Version,
		Limits: c.Limits, DB: s.DB, Blobs: s.Blobs, Log: s.Log, Received: s.Traffic.Fetched,
		Audit: s.Accounts.Audit, PublicURL: c.HTTP.PublicURL, ListenHost: host, ListenPort: port,
		Client: webapi.New(webapi.Options{
			BaseURL: c.Steam.APIURL, Key: c.Steam.APIKey, UserAgent: "quartermaster/" + s.Version,
			Budget: workshop.NewBudget(s.DB, c.Steam.DailyLimit),
		}),
	}
	if c.Steam.StoreURL != "" {
		o.Games = store.New(store.Options{BaseURL: c.Steam.StoreURL, Country: c.Steam.StoreCountry, UserAgent: "quartermaster/" + s.Version})
	}
	if c.Steam.CommunityPages && c.Steam.APIKey == "" {
		o.Pages = community.New(community.Options{BaseURL: c.Steam.CommunityURL, UserAgent: "quartermaster/" + s.Version})
	}
	if complete != nil {
		complete(&o)
	}
	return workshop.New(o)
}

// BlobDir is where blobs lie.
func (s *State) BlobDir() string { return filepath.Join(s.Loaded.DataDir, "blobs") }

// Close closes the blobs and then the database. It may be called on a State
// that was opened only in part.
func (s *State) Close() error {
	var errs []error
	if s.Blobs != nil {
		errs = append(errs, s.Blobs.Close())
	}
	if s.DB != nil {
		errs = append(errs, s.DB.Close())
	}
	return errors.Join(errs...)
}

// occupy makes the data directory this daemon's alone until the lock is given
// back or the process ends, however it ends. Commands beside it do not ask. On
// a file system without locks there is none, and no error.
func occupy(dir string, log *slog.Logger) (*durable.FileLock, error) {
	if err := makeDataDir(dir); err != nil {
		return nil, err
	}
	path := filepath.Join(dir, "daemon.lock")
	lock, err := durable.TryLock(path, true)
	switch {
	case errors.Is(err, durable.ErrLocked):
		holder := cmp.Or(durable.Holder(path), "another process")
		return nil, fault.New(fault.Unavailable, "Quartermaster already runs on the data directory %s (%s)", dir, holder).
			WithHint("stop it first, or give this one a data directory of its own with --data")
	case err != nil:
		log.Warn("the data directory cannot be locked; take care that only one Quartermaster runs on it", slog.Any("error", err))
		return nil, nil
	}
	if err := lock.Sign(fmt.Sprintf("process %d", os.Getpid())); err != nil {
		return nil, errors.Join(err, lock.Unlock())
	}
	return lock, nil
}

// makeDataDir makes the directory and proves that it can be written to, so
// that a wrong owner is named at start and not at the first download.
func makeDataDir(dir string) error {
	if err := refuseForeignRoot(dir); err != nil {
		return err
	}
	hint := "give it to the user that runs Quartermaster, or choose another one with --data"
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return fault.Wrap(err, fault.Forbidden, "the data directory %s cannot be made", dir).WithHint("%s", hint)
	}
	probe, err := os.CreateTemp(dir, ".probe-*")
	if err != nil {
		return fault.Wrap(err, fault.Forbidden, "the data directory %s cannot be written to", dir).WithHint("%s", hint)
	}
	return errors.Join(probe.Close(), os.Remove(probe.Name()))
}
