package matches

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/config"
	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/limit"
	"github.com/quartermasterd/quartermaster/daemon/metaserver/rating"
)

// Options say what a Service is made of. DB and Players are needed; the rest
// may be left empty.
type Options struct {
	Config config.Metaserver
	DB     *db.DB
	Log    *slog.Logger
	Now    func() time.Time // nil: time.Now

	// Players returns the accounts among ids, by id. Accounts that were
	// emptied are none.
	Players func(ctx context.Context, ids []int64) (map[int64]Player, error)
	// Servers returns the game servers among ids, by id; nil: none is known.
	Servers func(ctx context.Context, ids []int64) (map[int64]Server, error)
	// Demos returns the recordings made on the server between two times that
	// the caller may see; nil: there are none.
	Demos func(ctx context.Context, host string, port int, from, to time.Time) ([]Demo, error)
	// Audit writes what a person did into the audit log, in the transaction
	// that does it; nil: nothing is written.
	Audit func(ctx context.Context, tx *db.Tx, action, target, detail string) error
}

// Demo is a recording that shows a match.
type Demo struct {
	ID    string    `json:"id"`
	Name  string    `json:"name"`
	Start time.Time `json:"start_at"`
	End   time.Time `json:"end_at,omitzero" doc:"Absent while it grows."`
}

// Service is the matches of one database. It is safe for concurrent use, and
// several processes may work on the same database.
type Service struct {
	options    Options
	config     config.Metaserver
	log        *slog.Logger
	now        func() time.Time
	store      store
	parameters rating.Parameters
	limit      *limit.Keyed[int64] // by server
	ladders    *ladders
	// turns lets one match at a time at the database where transactions that
	// meet would undo each other and be done again: on PostgreSQL. On SQLite
	// they go one after the other by themselves and share their commits.
	turns chan struct{}
}

// maxTracked bounds how many servers the limit of reports remembers.
const maxTracked = 100_000

// New wires a Service; it does no work.
func New(o Options) (*Service, error) {
	if o.DB == nil || o.Players == nil {
		return nil, errors.New("matches: DB and Players are needed")
	}
	s := &Service{options: o, config: o.Config, log: o.Log, now: o.Now, store: store{o.DB}, parameters: Parameters(o.Config)}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	s.log = s.log.With("component", "matches")
	if s.now == nil {
		s.now = time.Now
	}
	if err := s.parameters.Validate(); err != nil {
		return nil, err
	}
	perHour := o.Config.MatchesPerHour
	s.limit = limit.New[int64](float64(perHour)/3600, perHour, maxTracked, s.now)
	s.ladders = newLadders(s.now)
	if o.DB.Kind() == db.Postgres {
		s.turns = make(chan struct{}, 1)
	}
	return s, nil
}

// Parameters returns the constants of the ratings that a configuration asks
// for.
func Parameters(c config.Metaserver) rating.Parameters {
	p := rating.Default()
	p.Formula = rating.Formula(c.Rating)
	p.Initial, p.Team, p.Step = c.InitialRating, c.RatingTeamWeight, c.RatingStep
	return p
}

// turn waits until no other match is being stored, where that matters. The
// function that it returns ends the turn.
func (s *Service) turn(ctx context.Context) (func(), error) {
	if s.turns == nil {
		return func() {}, nil
	}
	select {
	case s.turns <- struct{}{}:
		return func() { <-s.turns }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
