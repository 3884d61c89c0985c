package demosink

import (
	"context"
	"strings"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// Broadcast is a message to all players. Its text is its key.
type Broadcast struct {
	Message    string
	Importance string // free text
	CreatedAt  time.Time
}

const maxBroadcasts = 1000

// Broadcasts returns all messages, the newest first; never nil.
func (s *Service) Broadcasts(ctx context.Context) (all []Broadcast, err error) {
	err = s.store.db.Read(ctx, func(tx *db.Tx) error {
		all, err = rowsOf(ctx, tx, func(row scanner) (b Broadcast, err error) {
			var created int64
			err = row.Scan(&b.Message, &b.Importance, &created)
			b.CreatedAt = db.Time(created)
			return b, err
		}, "SELECT message, importance, created_at FROM demos_broadcast ORDER BY created_at DESC, message LIMIT $1", maxBroadcasts)
		return err
	})
	return all, err
}

// Announce adds a message, or gives the same message a new importance and
// date.
func (s *Service) Announce(ctx context.Context, message, importance string) (Broadcast, error) {
	b := Broadcast{Message: clean(message), Importance: clean(importance), CreatedAt: s.clock.Now().UTC().Truncate(time.Microsecond)}
	if b.Message == "" {
		return b, fault.New(fault.Invalid, "The message is empty")
	}
	err := s.store.db.Write(ctx, func(tx *db.Tx) error {
		var n int64
		if err := tx.QueryRow(ctx, "SELECT COUNT(*) FROM demos_broadcast").Scan(&n); err != nil {
			return err
		}
		if n >= maxBroadcasts {
			return fault.New(fault.Conflict, "There are %d messages already", n).WithHint("delete some first")
		}
		_, err := tx.Exec(ctx, "INSERT INTO demos_broadcast (message, importance, created_at) VALUES ($1, $2, $3) "+
			"ON CONFLICT (message) DO UPDATE SET importance = excluded.importance, created_at = excluded.created_at",
			b.Message, b.Importance, db.Micros(b.CreatedAt))
		if err != nil {
			return err
		}
		return s.audit(ctx, tx, "broadcast.add", b.Message, b.Importance)
	})
	return b, err
}

// Withdraw deletes a message.
func (s *Service) Withdraw(ctx context.Context, message string) error {
	return s.store.db.Write(ctx, func(tx *db.Tx) error {
		n, err := tx.Exec(ctx, "DELETE FROM demos_broadcast WHERE message = $1", clean(message))
		if err == nil && n == 0 {
			err = fault.New(fault.NotFound, "There is no such message")
		}
		if err != nil {
			return err
		}
		return s.audit(ctx, tx, "broadcast.delete", clean(message), "")
	})
}

// clean makes what a person wrote fit for the database.
func clean(s string) string {
	return strings.TrimSpace(strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", ""))
}

// audit notes in tx what a person did.
func (s *Service) audit(ctx context.Context, tx *db.Tx, action, target, detail string) error {
	if s.options.Audit == nil {
		return nil
	}
	return s.options.Audit(ctx, tx, action, target, detail)
}
