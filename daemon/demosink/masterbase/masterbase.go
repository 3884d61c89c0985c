// Package masterbase reads what a MegaAntiCheat masterbase left: its tables,
// from its PostgreSQL or from its CSV exports, and the files of its
// recordings, from a folder or from S3. Nothing of it is ever written, and
// nothing in it is believed: a row that cannot be read is told of as such.
package masterbase

import (
	"context"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/steam"
)

// maxIDDigits is the length of 2^128-1, the highest number of a session.
const maxIDDigits = 39

// ValidID reports whether id consists of 1 to 39 digits. Only then is it the
// number of a session and may be part of a path.
func ValidID(id string) bool {
	if id == "" || len(id) > maxIDDigits {
		return false
	}
	for i := range len(id) {
		if id[i] < '0' || id[i] > '9' {
			return false
		}
	}
	return true
}

// LateSize is the length of late bytes.
const LateSize = 16

// Session is a row of demo_sessions with everything that refers to it. Texts
// are as they came; times are UTC.
type Session struct {
	Where   string // the file and line, or the table, for people
	Problem string // why the row cannot be used; only ID is set then
	ID      string

	SteamID  steam.ID // of the uploader, 0 = unknown
	DemoName string
	FakeIP   string
	Map      string
	Active   bool // may still grow there
	Open     bool
	Ingested bool
	Pruned   bool

	Start, End       time.Time // End is zero when the row has none
	Created, Updated time.Time
	Size             int64 // of the file; meaningless unless HasSize
	HasSize          bool
	Late             []byte // LateSize bytes, or nil
	Score            float64
	HasScore         bool // never with a score that is not a number

	Reports []Report
	Counts  []Count
	Reviews []Review
	Counted bool // Counts is all that was found, not all that is known of it
}

// Report is a player's word about another.
type Report struct {
	Target  steam.ID
	Reason  string // bot or cheater
	Created time.Time
}

// Count is how often an algorithm found something.
type Count struct {
	Target     steam.ID
	Algorithm  string
	Detections int64
	Created    time.Time
}

// Review is a person's verdict on a player.
type Review struct {
	Target, Reviewer steam.ID
	Verdict          string // none, benign, inconclusive, confirmed or error
	Created          time.Time
}

// Person is what a table knows of somebody at Steam.
type Person struct {
	SteamID steam.ID
	Key     string // API key in clear text, "" = none
	Created time.Time
	Analyst bool
	Limited bool // gets no key
}

// Broadcast is a message to all players.
type Broadcast struct {
	Message, Importance string
	Created             time.Time
}

// Retention is the row of prune_config.
type Retention struct {
	MaxBytes int64   // 0 = no limit
	Ratio    float64 // from 0 to 1
}

// Problem is something that was left where it is.
type Problem struct {
	Where string // file and line, or table
	ID    string // of a session, "" = of none
	Why   string
}

// Source is the tables. It is for one goroutine.
type Source interface {
	// Check reads all that Sessions will, so that what is damaged is found
	// before anything is done, and calls fn with the number of every session
	// whose file may be wanted.
	Check(ctx context.Context, fn func(id string) error) error
	// Sessions calls fn with every session.
	Sessions(ctx context.Context, fn func(Session) error) error
	// People calls fn with everybody who has a key, is an analyst or is limited,
	// maybe more than once with the same person.
	People(ctx context.Context, fn func(Person) error) error
	// Broadcasts calls fn with every message.
	Broadcasts(ctx context.Context, fn func(Broadcast) error) error
	// Retention returns the rules of retention; ok is false when there are
	// none.
	Retention(ctx context.Context) (r Retention, ok bool, err error)
	// Problems returns which rows, other than sessions, could not be used so
	// far, at most MaxProblems, and how many more there were.
	Problems() (all []Problem, more int)
	// Close gives files and connections back.
	Close() error
}

// MaxProblems bounds what is remembered of what could not be used.
const MaxProblems = 10_000

// problems collects up to MaxProblems.
type problems struct {
	all  []Problem
	more int
}

func (p *problems) add(where, id, why string) {
	if len(p.all) == MaxProblems {
		p.more++
		return
	}
	p.all = append(p.all, Problem{where, id, why})
}

// Problems implements Source.
func (p *problems) Problems() ([]Problem, int) { return p.all, p.more }
