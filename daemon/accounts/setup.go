package accounts

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"path/filepath"
	"strings"

	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/durable"
	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// setupPage is the page's address, up to the token.
const setupPage = "/app/setup#"

// setupFile is the file in the data directory that holds the setup link.
const setupFile = "setup-link.txt"

// NeedsSetup reports whether there is no admin yet.
func (s *Service) NeedsSetup(ctx context.Context) (bool, error) {
	if s.ready.Load() {
		return false, nil
	}
	var admins int
	err := s.db.Read(ctx, func(tx *db.Tx) (err error) {
		admins, err = countAdmins(ctx, tx)
		return err
	})
	if err != nil {
		return false, err
	}
	if admins > 0 {
		s.ready.Store(true) // for good: the last admin cannot be removed
	}
	return admins == 0, nil
}

// SetupLink opens a new first-run link and returns it: base (or, when it is
// empty, the public URL), the page's address, and a token in the fragment,
// which browsers never send and servers never log. It is valid for 30 minutes
// and once; earlier links stop working. The link is also written to
// setup-link.txt in the data directory, readable by its owner alone.
// fault.Conflict when there is an admin already.
func (s *Service) SetupLink(ctx context.Context, base string) (string, error) {
	if base == "" {
		base = s.public
	}
	if base == "" {
		return "", fault.New(fault.Invalid, "The setup link needs the address of the web page").
			WithHint("set http.public_url")
	}
	token := newToken()
	err := s.db.Write(ctx, func(tx *db.Tx) error {
		if err := noAdmin(ctx, tx); err != nil {
			return err
		}
		if err := putSetup(ctx, tx, hashToken(token), s.now().Add(setupLifetime)); err != nil {
			return err
		}
		return s.Audit(ctx, tx, "setup.link", "", "")
	})
	if err != nil {
		return "", err
	}
	link := strings.TrimRight(base, "/") + setupPage + token
	err = durable.Replace(durable.Disk, s.setupPath(), 0o600, func(w io.Writer) error {
		_, err := io.WriteString(w, link+"\n")
		return err
	})
	if err != nil { // the link itself works
		s.log.Warn("the setup link was not written to a file", slog.String("file", s.setupPath()), slog.Any("error", err))
	}
	return link, nil
}

func (s *Service) setupPath() string { return filepath.Join(s.dataDir, setupFile) }

// LastSetupBase returns the address that the setup link in the data directory
// leads to, "" when there is none. A running daemon wrote the one it really
// listens on, which flags may have changed.
func (s *Service) LastSetupBase() string {
	f, err := durable.Disk.Open(s.setupPath())
	if err != nil {
		return ""
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, 4096))
	base, _, ok := strings.Cut(string(text), setupPage)
	if err != nil || !ok {
		return ""
	}
	return base
}

// noAdmin answers fault.Conflict when there is one.
func noAdmin(ctx context.Context, tx *db.Tx) error {
	n, err := countAdmins(ctx, tx)
	if err == nil && n > 0 {
		return fault.New(fault.Conflict, "There is an admin already, so there is nothing to set up").
			WithHint("a forgotten password is replaced with: quartermaster admin reset-password NAME")
	}
	return err
}

// setupDone notes that there is an admin and removes the file with the link.
func (s *Service) setupDone() {
	s.ready.Store(true)
	err := durable.Disk.Remove(s.setupPath())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		s.log.Warn("the used setup link was not removed", slog.String("file", s.setupPath()), slog.Any("error", err))
	}
}

// errSetupLink says that a setup link cannot be used.
var errSetupLink = fault.New(fault.Forbidden, "This setup link was used already or has expired").
	WithHint("quartermaster setup-link prints a new one")

// Setup makes the first admin with the token of a setup link and signs him
// in. Of several callers with one link exactly one succeeds; the others are
// answered fault.Forbidden.
func (s *Service) Setup(ctx context.Context, token string, a Attempt) (Opened, error) {
	if err := s.address.take(a.IP); err != nil {
		return Opened{}, err
	}
	h := hashToken(token)
	var open bool
	err := s.db.Read(ctx, func(tx *db.Tx) (err error) { // before the costly hash
		if err := noAdmin(ctx, tx); err != nil {
			return err
		}
		open, err = hasSetup(ctx, tx, h, s.now())
		return err
	})
	if err != nil {
		return Opened{}, err
	}
	if !open {
		return Opened{}, errSetupLink
	}
	name, phc, err := s.prepare(ctx, a.Name, a.Password)
	if err != nil {
		return Opened{}, err
	}
	o := Opened{Token: newToken()}
	setup := withCaller(ctx, caller{Principal: Principal{Name: name, Via: viaSetup}, ip: ipText(a.IP)})
	err = s.db.Write(ctx, func(tx *db.Tx) error {
		if open, err := takeSetup(ctx, tx, h, s.now()); err != nil {
			return err
		} else if !open {
			return errSetupLink
		}
		if err := noAdmin(ctx, tx); err != nil {
			return err
		}
		if o.Account, err = s.create(setup, tx, name, phc, RoleAdmin); err != nil {
			return err
		}
		o.ID, err = s.openSession(ctx, tx, o.Account, o.Token, a, viaSetup)
		return err
	})
	if err != nil {
		return Opened{}, err
	}
	s.setupDone()
	return o, nil
}
