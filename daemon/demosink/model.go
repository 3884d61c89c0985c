package demosink

import (
	"context"
	"crypto/rand"
	"math/big"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/quartermasterd/quartermaster/daemon/demosink/anomaly"
	"github.com/quartermasterd/quartermaster/daemon/demosink/demofile"
	"github.com/quartermasterd/quartermaster/daemon/steam"
)

// SessionID names a recording: a random number below 2^128, in decimal digits.
type SessionID string

// maxIDDigits is the length of 2^128-1.
const maxIDDigits = 39

// NewSessionID returns a random version 4 UUID (RFC 9562 §5.4) as a number.
func NewSessionID() SessionID {
	var b [16]byte
	_, _ = rand.Read(b[:]) // does not fail
	b[6] = b[6]&0x0F | 0x40
	b[8] = b[8]&0x3F | 0x80
	return SessionID(new(big.Int).SetBytes(b[:]).String())
}

// Valid reports whether id consists of 1 to 39 digits. Only then may it be
// part of a file name.
func (id SessionID) Valid() bool {
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

// DemoKey is the blob of a recording.
func (id SessionID) DemoKey() string { return "demoblobs/" + string(id) + ".dem" }

// AnalysisKey is the blob of what an analysis found in a recording.
func (id SessionID) AnalysisKey() string { return "jsonblobs/" + string(id) + ".json" }

// Source is how a recording came here.
type Source string

// Sources.
const (
	SourceStream  Source = "stream"
	SourceWatch   Source = "watch"
	SourcePush    Source = "push"
	SourceUpload  Source = "upload"
	SourceDemosTF Source = "demostf"
	SourceMatchZy Source = "matchzy"
	SourceImport  Source = "import"
)

// Session is one recording.
type Session struct {
	ID       SessionID
	Account  int64    // 0 = nobody's
	SteamID  steam.ID // of the uploader, 0 = unknown
	Source   Source
	DemoName string // as the client says; never part of a path
	Active   bool   // may still grow
	Open     bool   // a connection is attached
	Ingested bool   // an analysis is stored
	Pruned   bool   // its blob was deleted to make room
	Verified bool   // Steam knows the game server
	StartAt  time.Time
	EndAt    time.Time // zero while it is active
	FakeIP   string    // ip:port of the game server as the client says
	Map      string

	Size      int64 // bytes of the blob; meaningless unless HasSize
	HasSize   bool  // a blob was stored
	Late      []byte
	Score     float64
	HasScore  bool
	Suspicion string // why it is unlike a demo; "" = it is not
	SHA256    []byte // of the blob

	Received   int64 // bytes on stable storage
	LastByteAt time.Time
	CleanClose bool      // the last connection ended with a Close of the client
	GraceUntil time.Time // when it is closed unless its player comes back; zero = not
	Statistics anomaly.State
	Owner      string // whose spool holds it; "" once it is finished
	LeaseUntil time.Time

	Format    demofile.Format
	Server    string // from here on: what the header says
	Player    string
	GameDir   string
	Seconds   float64
	Ticks     int64
	CreatedAt time.Time
	UpdatedAt time.Time
}

// finishing reports whether the recording is closed but its blob is not yet
// made, or not yet the last word.
func (s *Session) finishing() bool { return !s.Active && s.Owner != "" }

// Reason is why a player was reported.
type Reason string

// Reasons.
const (
	ReasonBot     Reason = "bot"
	ReasonCheater Reason = "cheater"
)

// Valid reports whether it is one of the reasons.
func (r Reason) Valid() bool { return r == ReasonBot || r == ReasonCheater }

// Report is one player's word about another.
type Report struct {
	Session   SessionID
	Target    steam.ID
	Reason    Reason
	Account   int64     // who reports
	Checked   bool      // Steam knows the target
	HandledAt time.Time // zero: nobody looked at it
	HandledBy int64
	CreatedAt time.Time
}

// Caller is who sent a request.
type Caller struct {
	Account                   int64
	SteamID                   steam.ID
	Analyst, Moderator, Admin bool
}

// Directory knows accounts.
type Directory interface {
	// ByKey resolves an API key; fault.Unauthenticated when nobody has it.
	ByKey(ctx context.Context, key string) (Caller, error)
}

// Verifier asks Steam. Errors mean that Steam could not be asked. Calls end
// with their context.
type Verifier interface {
	// Server reports whether Steam knows the game server at address, which is
	// ip:port. fake says that it is an address of Steam Datagram Relay.
	Server(ctx context.Context, address string, fake bool) (found bool, err error)
	// Person reports whether the account exists, and whether its profile was
	// never set up.
	Person(ctx context.Context, id steam.ID) (exists, limited bool, err error)
}

// maxText bounds what a client says about its recording.
const maxText = 260

// text makes a client's string fit for the database: valid UTF-8 without NUL,
// of bounded length.
func text(s string) string {
	s = strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "")
	if len(s) <= maxText {
		return s
	}
	n := maxText
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
