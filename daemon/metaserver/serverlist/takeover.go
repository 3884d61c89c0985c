package serverlist

import (
	"context"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/quartermasterd/quartermaster/daemon/db"
)

// Arrival is a server of another metaserver that is taken over. Of Server the
// id, the owner, what it says of itself and the times count; it is deleted or
// open.
type Arrival struct {
	Server
	// Salt and Key are what is stored of its password there: 16 and 64
	// hexadecimal digits.
	Salt, Key string
}

// TakeOver adds a server under its id, which must be free, with its password.
// What it says of itself and does not fit is made fit, and told of; its next
// heartbeat replaces it. The limits of how many there may be do not count.
func (s *Service) TakeOver(ctx context.Context, tx *db.Tx, a Arrival) (notes []string, err error) {
	note := func(format string, args ...any) { notes = append(notes, fmt.Sprintf(format, args...)) }
	password, ok := legacyPassword(a.Salt, a.Key)
	if !ok {
		note("its password cannot be read; its owner makes a new one")
		_, hash := newPassword() // which nobody knows
		password = hash[:]
	}
	a.fit(note)
	if a.Updated.After(s.now()) { // it would stay on the list until then
		a.Updated = s.now()
	}
	if a.State != StateDeleted {
		a.State, a.Reason, a.Since = StateOpen, "", time.Time{}
	}
	_, err = tx.Exec(ctx, `INSERT INTO serverlist_server (id, account_id, password, host_name, port, display_name, description, game_type,
		max_player_count, current_map, current_player_count, state, reason, state_at, registered_from, created_at, updated_at, changed_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, '', $15, $16, $17)`,
		a.ID, a.Owner, password, a.HostName, a.Port, a.Name, a.Description, a.GameType, a.MaxPlayers, a.Map, a.Players,
		string(a.State), a.Reason, db.Micros(a.Since), db.Micros(a.Created), db.Micros(a.Updated), db.Micros(s.now()))
	return notes, err
}

// fit makes what a server says of itself what the service demands.
func (a *Arrival) fit(note func(format string, args ...any)) {
	host, problems := ParseHost(a.HostName)
	if len(problems) > 0 {
		note("its host name is no address; it has none until its next heartbeat")
		host = ""
	}
	a.HostName = host
	if a.Port < 1 || a.Port > 65535 {
		note("its port %d is none; it has none until its next heartbeat", a.Port)
		a.Port = 0
	}
	for _, f := range []struct {
		what string
		text *string
		most int
	}{{"name", &a.Name, MaxName}, {"description", &a.Description, MaxDescription}, {"type of game", &a.GameType, MaxGameType},
		{"map", &a.Map, MaxMap}, {"reason of deletion", &a.Reason, maxReason}} {
		*f.text = Clean(*f.text)
		if utf8.RuneCountInString(*f.text) > f.most {
			note("its %s is longer than %d characters and was cut", f.what, f.most)
			*f.text = Clean(string([]rune(*f.text)[:f.most]))
		}
	}
	if a.MaxPlayers < 0 || a.Players < 0 {
		note("it had fewer than no players")
		a.MaxPlayers, a.Players = max(0, a.MaxPlayers), max(0, a.Players)
	}
}
