package catalog

import (
	"context"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/web"
)

// SourceSteam is the source of every item that came from the Steam Workshop.
const SourceSteam = "steam"

// Stock is how an item stands in the library.
type Stock struct {
	Stored           bool      // a version of it can be served
	Version          int64     // the newest that can be served, Unix seconds
	Bytes            int64     // length of its archive
	Fetching, Queued bool      // a job works on it, or waits
	Updating         bool      // such a job is for a version newer than Version
	AddedAt          time.Time // when the library first had it or was first asked for it
	Source           string    // "steam"
}

// listed reports whether the catalogue shows the item at all.
func (s Stock) listed() bool { return s.Stored || s.Fetching || s.Queued }

// Details is what Steam says of an item. Nil slices mean that nothing was
// told: what was known before stays.
type Details struct {
	ID                int64
	App               uint32
	Name, Description string
	Size              int64 // unpacked, in bytes
	Created, Updated  int64 // Unix seconds
	Tags              []string
	Dependencies      []int64
	Logo              string // address of the preview picture, "" unknown
	Screenshots       []string
}

// Archive is a version that can be served. The caller closes File.Content.
type Archive struct {
	File    web.File
	Version int64 // Unix seconds
	// Served, which may be nil, is told how a GET was answered with it.
	Served func(status int, bytes int64)
}

// Library is what the catalogue is a catalogue of. All methods are safe for
// concurrent use.
type Library interface {
	// Stock answers from memory.
	Stock(id int64) Stock
	// Each calls fn with every item that is stored or being fetched.
	Each(fn func(id int64, s Stock))
	// Details returns what is known of the item without asking Steam.
	Details(id int64) (Details, bool)
	// Describe returns an answer of Steam that is at most a minute old, after
	// a few seconds at most. It is fault.NotFound when Steam says that there is
	// no such item, fault.Forbidden when our own rules keep us from dealing
	// with it, and fault.Unavailable when Steam cannot be asked.
	Describe(ctx context.Context, id int64) (Details, error)
	// Want asks for a version of an item, for somebody who asked at asked. The
	// job is in the database before it returns and is not begun before
	// notBefore; began is false if one is under way already.
	Want(ctx context.Context, id, version int64, asked, notBefore time.Time) (began bool, err error)
	// Queue returns how many jobs wait or run.
	Queue() int
	// Ready is fault.Unavailable when nothing can be fetched at all.
	Ready() error
	// Open opens the newest version: fault.NotFound if there is none,
	// fault.Invalid if it is damaged or gone, which is forgotten at once, and
	// fault.Unavailable while nobody knows whether it is sound.
	Open(ctx context.Context, id int64) (Archive, error)
}

// The conditions of an item on the wire. They are derived, never stored.
const (
	conditionComplete = 0 // the archive and everything about it is here
	conditionBare     = 1 // the archive is here, tags, game and so on are not
	conditionFetching = 2 // a job for it, or for a newer version, is queued or runs
	// conditionQueued is what those are told instead who ask for it: no job works
	// on it yet. Older clients do not know it.
	conditionQueued = 3
)

// The types of resources.
const (
	resourceLogo       = "logo"
	resourceScreenshot = "screenshot"
)

// Game is a Steam application that has mods.
type Game struct {
	ID               int64 // Steam app id
	Name, Type       string
	Logo             string // address of a picture
	ShortDescription string
	Description      string // HTML, as the store has it
	Genres           []Genre
	Source           string
	Placeholder      bool // nothing but the id is known
	Downloads        int64
	CreatedAt        time.Time // registered here
	RefreshedAt      time.Time // the store answered last
	RetryAt          time.Time // the store is not asked before then
}

// Genre is a genre of the Steam store.
type Genre struct {
	ID   int64
	Name string
}

// Tag is a tag of mods.
type Tag struct {
	ID   int64
	Name string
}

// Resource is a picture of a mod.
type Resource struct {
	ID        int64
	Item      int64
	Type, URL string
	ChangedAt time.Time
}

// metadata is what becomes known of an item at once. It is written in one
// transaction.
type metadata struct {
	// Details of the item; nil slices leave rows as they are, empty ones
	// remove them. A Logo of "" leaves the logo.
	Details Details
	// Partial says that an empty description or time of creation was not told:
	// what is known stays.
	Partial bool
	// Game the item belongs to; nil leaves the row. One that is a placeholder
	// never replaces one that is not.
	Game *Game
	// Complete says that nothing is missing for Version.
	Complete bool
	Version  int64
	// Attempts that failed since the last success, and when the next is due.
	Attempts int
	RetryAt  time.Time
}

// record is the row of an item, without its description.
type record struct {
	Item            int64
	CreatedAt       time.Time
	Source          string
	Downloads       int64
	DeliveredAt     time.Time
	AddedAt         time.Time
	Complete        bool
	CompleteVersion int64
	Attempts        int
	RetryAt         time.Time
	UpdatedAt       time.Time
	Tags            []int64 // ids, ascending
	Dependencies    []int64 // ascending
}

// failure is what is remembered of downloads that failed, until one succeeds.
type failure struct {
	Item      int64
	Attempts  int
	Reason    string
	LastAt    time.Time
	Permanent bool
	RetryAt   time.Time // until then the item is not queued again
}
