package serverlist

import (
	"encoding/json"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// Details are what the owner of a server says when he registers it.
type Details struct {
	HostName    string // as ParseHost returns it
	Port        int    // 1..65535
	Name        string
	Description string
	GameType    string
	MaxPlayers  int64
}

// Bounds of a server's texts in characters, of its own list.
const (
	MaxName        = 100
	MaxDescription = 200
	MaxGameType    = 10
	MaxMap         = 100
	maxRegion      = 32
	maxVersion     = 64
	maxMods        = 100
	maxReason      = 500
)

// Status is what a server says of itself while it runs.
type Status struct {
	Details
	KeepDescription bool // it said none; the stored one stays
	Map             string
	Players         int64
	Extras          ExtrasChange
}

// State says whether a server may be listed.
type State string

// States.
const (
	StateOpen    State = "open"
	StateHidden  State = "hidden"  // by a moderator: it may report, and is not listed
	StateClosed  State = "closed"  // by a moderator: its password is not accepted either
	StateDeleted State = "deleted" // by its owner, for good
)

// Extras are what old clients know nothing of.
type Extras struct {
	Passworded bool     `json:"passworded,omitempty"`
	Region     string   `json:"region,omitempty"`
	Version    string   `json:"version,omitempty"`
	App        uint32   `json:"app,omitempty"`  // at Steam
	Mods       []uint64 `json:"mods,omitempty"` // Workshop ids that players need, ascending
	// PublicHost and PublicPort are where players connect when this is not
	// where the server believes to be; empty and 0: it is.
	PublicHost string `json:"public_host,omitempty"`
	PublicPort int    `json:"public_port,omitempty"`
}

// ExtrasChange changes the fields that are not nil.
type ExtrasChange struct {
	Passworded *bool
	Region     *string
	Version    *string
	App        *uint32
	Mods       *[]uint64
	PublicHost *string
	PublicPort *int
}

// Empty reports whether nothing would change.
func (c ExtrasChange) Empty() bool { return c == ExtrasChange{} }

// apply returns e with the changes of c. fault.Invalid names the field that
// will not do; when lenient is set such a field stays as it was.
func (c ExtrasChange) apply(e Extras, lenient bool) (Extras, error) {
	var fields []fault.Field
	ok := func(name, message string, good bool) bool {
		if !good {
			fields = append(fields, fault.Field{Name: name, Message: message})
		}
		return good
	}
	if c.Passworded != nil {
		e.Passworded = *c.Passworded
	}
	if c.Region != nil && ok("region", "is longer than 32 characters", utf8.RuneCountInString(*c.Region) <= maxRegion) {
		e.Region = Clean(*c.Region)
	}
	if c.Version != nil && ok("version", "is longer than 64 characters", utf8.RuneCountInString(*c.Version) <= maxVersion) {
		e.Version = Clean(*c.Version)
	}
	if c.App != nil {
		e.App = *c.App
	}
	if c.Mods != nil && ok("mods", "are more than 100, or one is 0", len(*c.Mods) <= maxMods && !slices.Contains(*c.Mods, 0)) {
		e.Mods = slices.Clone(*c.Mods)
		slices.Sort(e.Mods)
		e.Mods = slices.Compact(e.Mods)
	}
	if c.PublicPort != nil && ok("public_port", "must be from 1 to 65535, or 0 for none", *c.PublicPort >= 0 && *c.PublicPort <= 65535) {
		e.PublicPort = *c.PublicPort
	}
	if c.PublicHost != nil {
		host, problems := ParseHost(*c.PublicHost)
		if *c.PublicHost == "" {
			host, problems = "", nil
		}
		if ok("public_host", "is no https address, IP address or DNS name", len(problems) == 0) {
			e.PublicHost = host
		}
	}
	if len(fields) > 0 && !lenient {
		return e, fault.New(fault.Invalid, "What is said of the server will not do").WithFields(fields...)
	}
	return e, nil
}

// text is how Extras are stored; "" when there are none.
func (e Extras) text() (string, error) {
	b, err := json.Marshal(e)
	if string(b) == "{}" {
		return "", err
	}
	return string(b), err
}

// Server is a registered game server.
type Server struct {
	ID    int64
	Owner int64 // account
	Details
	Map     string
	Players int64
	Extras  Extras

	State  State
	Reason string    // why a moderator hid or closed it
	Since  time.Time // of State; zero when it was never changed

	Check   Check // the last one; its At is zero when there was none
	Created time.Time
	Updated time.Time // its last heartbeat; zero: none yet
	Offline time.Time // when it was last taken off the list by its owner

	changed  time.Time
	revision int64 // grows with every change of the row
}

// Public returns the host and port that players connect to.
func (s *Server) Public() (host string, port int) {
	host, port = s.HostName, s.Port
	if s.Extras.PublicHost != "" {
		host = s.Extras.PublicHost
	}
	if s.Extras.PublicPort != 0 {
		port = s.Extras.PublicPort
	}
	return host, port
}

// reports reports whether the server's last heartbeat counts at a time:
// whether it is younger than the window, and younger than the owner's taking
// it off the list.
func (s *Server) reports(now time.Time, window time.Duration) bool {
	return s.Updated.After(now.Add(-window)) && s.Updated.After(s.Offline)
}

// unreachable reports whether the last check failed, and was one of the
// address that players connect to now.
func (s *Server) unreachable() bool {
	return s.Check.failed() && s.Check.of(s)
}

// Credential is a server that showed its password.
type Credential struct {
	Server int64
	Owner  int64 // account
	hash   [32]byte
}

// Error texts and limits that the wire of the metaserver names.
var (
	// ErrCredentials is the answer to a server that is not known, is closed or
	// deleted, or has another password.
	ErrCredentials = fault.New(fault.Unauthenticated, "Incorrect username or password")
	errNoServer    = fault.New(fault.NotFound, "There is no such server")
)

// parseID reads the id of a server as it is written on the wire: decimal,
// without sign, blanks or leading zeros, so that "28.0" is nobody.
func parseID(text string) (int64, bool) {
	if text == "" || len(text) > 18 || text[0] == '0' {
		return 0, false
	}
	id, err := strconv.ParseUint(text, 10, 63)
	return int64(id), err == nil
}

// check makes sure of what the service demands of details, whoever made them.
func (d *Details) check() error {
	d.Name, d.Description, d.GameType = Clean(d.Name), Clean(d.Description), Clean(d.GameType)
	var fields []fault.Field
	bad := func(name, format string) { fields = append(fields, fault.Field{Name: name, Message: format}) }
	host, problems := ParseHost(d.HostName)
	if len(problems) > 0 {
		bad("host_name", "is no https address, IP address or DNS name")
	}
	d.HostName = host
	if d.Port < 1 || d.Port > 65535 {
		bad("port", "must be from 1 to 65535")
	}
	for _, f := range []struct {
		name, text string
		most       int
	}{{"display_name", d.Name, MaxName}, {"description", d.Description, MaxDescription}, {"game_type", d.GameType, MaxGameType}} {
		if utf8.RuneCountInString(f.text) > f.most {
			bad(f.name, "is longer than "+strconv.Itoa(f.most)+" characters")
		}
	}
	if d.MaxPlayers < 0 {
		bad("max_player_count", "must be 0 or more")
	}
	if len(fields) > 0 {
		return fault.New(fault.Invalid, "What is said of the server will not do").WithFields(fields...)
	}
	return nil
}
