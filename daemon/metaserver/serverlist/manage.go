package serverlist

import (
	"context"
	"fmt"
	"unicode/utf8"

	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// Everybody is the owner that may change every server, for moderators.
const Everybody int64 = 0

// change lets fn change a server of an owner and shows the result at once.
// fault.NotFound: there is none, or it is somebody else's.
func (s *Service) change(ctx context.Context, owner, id int64, fn func(tx *db.Tx, v *Server) error) (Server, error) {
	var changed Server
	err := s.store.db.Write(ctx, func(tx *db.Tx) error {
		v, err := find(ctx, tx, id)
		if err == nil && owner != Everybody && v.Owner != owner {
			err = errNoServer
		}
		if err != nil {
			return err
		}
		if err := fn(tx, &v); err != nil {
			return err
		}
		changed, err = save(ctx, tx, v, s.now())
		return err
	})
	s.forget(id)
	if err != nil {
		return Server{}, err
	}
	s.board.put(changed)
	return changed, nil
}

// target names a server in the audit record.
func target(v *Server) string { return fmt.Sprintf("server #%d %s", v.ID, v.Name) }

// DetailsChange changes the fields that are not nil.
type DetailsChange struct {
	HostName, Name, Description, GameType *string
	Port                                  *int
	MaxPlayers                            *int64
}

func (c DetailsChange) apply(d *Details) error {
	set(&d.HostName, c.HostName)
	set(&d.Name, c.Name)
	set(&d.Description, c.Description)
	set(&d.GameType, c.GameType)
	set(&d.Port, c.Port)
	set(&d.MaxPlayers, c.MaxPlayers)
	return d.check()
}

func set[T any](to *T, from *T) {
	if from != nil {
		*to = *from
	}
}

// Edit changes what the owner says of a server. What the server reports
// itself it replaces with its next heartbeat. fault.Invalid, fault.NotFound;
// fault.Conflict: a moderator closed it.
func (s *Service) Edit(ctx context.Context, owner, id int64, d DetailsChange, e ExtrasChange) (Server, error) {
	return s.change(ctx, owner, id, func(_ *db.Tx, v *Server) error {
		if err := notClosed(v); err != nil {
			return err
		}
		if err := d.apply(&v.Details); err != nil {
			return err
		}
		var err error
		v.Extras, err = e.apply(v.Extras, false)
		return err
	})
}

func notClosed(v *Server) error {
	if v.State == StateClosed {
		return fault.New(fault.Conflict, "A moderator closed this server: %s", v.Reason)
	}
	return nil
}

// Rotate gives a server a new password and returns it; the old one is void at
// once. fault.NotFound; fault.Conflict: a moderator closed it.
func (s *Service) Rotate(ctx context.Context, owner, id int64) (Server, string, error) {
	password, hash := newPassword()
	v, err := s.change(ctx, owner, id, func(tx *db.Tx, v *Server) error {
		if err := notClosed(v); err != nil {
			return err
		}
		return savePassword(ctx, tx, id, hash)
	})
	if err != nil {
		return Server{}, "", err
	}
	return v, password, nil
}

// TakeOffline takes a server off the list until its next heartbeat.
// fault.NotFound.
func (s *Service) TakeOffline(ctx context.Context, owner, id int64) (Server, error) {
	return s.change(ctx, owner, id, func(_ *db.Tx, v *Server) error {
		v.Offline = s.now()
		if v.Offline.Before(v.Updated) { // the clock was set back
			v.Offline = v.Updated
		}
		return nil
	})
}

// Delete removes a server of an owner for good: its password is void, and it
// is nowhere shown. fault.NotFound.
func (s *Service) Delete(ctx context.Context, owner, id int64) error {
	_, err := s.change(ctx, owner, id, func(tx *db.Tx, v *Server) error { return s.remove(ctx, tx, v) })
	return err
}

func (s *Service) remove(ctx context.Context, tx *db.Tx, v *Server) error {
	v.State, v.Reason, v.Since = StateDeleted, "", s.now()
	if err := deleteBans(ctx, tx, v.ID); err != nil {
		return err
	}
	return s.audit(ctx, tx, "server.delete", target(v), "")
}

// DeleteOwned removes every server of an account, in the transaction that
// ends the account. The list follows within two seconds, or with Refresh.
func (s *Service) DeleteOwned(ctx context.Context, tx *db.Tx, owner int64) error {
	ids, err := ownedIDs(ctx, tx, owner)
	if err != nil {
		return err
	}
	for _, id := range ids {
		v, err := find(ctx, tx, id)
		if err != nil {
			return err
		}
		if err := s.remove(ctx, tx, &v); err != nil {
			return err
		}
		if _, err := save(ctx, tx, v, s.now()); err != nil {
			return err
		}
	}
	return nil
}

// Moderate hides or closes a server, with a reason that its owner is shown,
// or opens it again. fault.Invalid: there is no reason; fault.NotFound.
func (s *Service) Moderate(ctx context.Context, id int64, to State, reason string) (Server, error) {
	reason = Clean(reason)
	switch {
	case to == StateOpen:
		reason = ""
	case to != StateHidden && to != StateClosed:
		return Server{}, fault.New(fault.Invalid, "A moderator hides, closes or opens a server")
	case reason == "" || utf8.RuneCountInString(reason) > maxReason:
		return Server{}, fault.New(fault.Invalid, "The owner of the server needs a reason, of at most %d characters", maxReason)
	}
	action := map[State]string{StateOpen: "server.open", StateHidden: "server.hide", StateClosed: "server.close"}[to]
	return s.change(ctx, Everybody, id, func(tx *db.Tx, v *Server) error {
		v.State, v.Reason, v.Since = to, reason, s.now()
		return s.audit(ctx, tx, action, target(v), reason)
	})
}

// Registered returns up to n servers by id, listed or not, those after one,
// and how many there are in all.
func (s *Service) Registered(ctx context.Context, after int64, n int) (all []Server, total int64, err error) {
	if all, err = s.store.registered(ctx, after, n); err != nil {
		return nil, 0, err
	}
	total, err = s.store.countRegistered(ctx)
	return all, total, err
}
