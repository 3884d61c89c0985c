package serverlist

import (
	"cmp"
	"encoding/base64"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// Filter selects listed servers. Zero fields select all.
type Filter struct {
	Query         string // part of the name, description, map or address
	GameType      string // whole, without regard to case
	Map           string // part of it
	Region        string // whole, without regard to case
	Version       string // whole, without regard to case
	HasPlayers    bool
	NotFull       bool
	NotPassworded bool
	Mod           uint64 // needs this Workshop item
}

func (f *Filter) match(s *Server) bool {
	switch {
	case f.HasPlayers && s.Players == 0,
		f.NotFull && s.Players >= s.MaxPlayers,
		f.NotPassworded && s.Extras.Passworded,
		f.GameType != "" && !strings.EqualFold(f.GameType, s.GameType),
		f.Region != "" && !strings.EqualFold(f.Region, s.Extras.Region),
		f.Version != "" && !strings.EqualFold(f.Version, s.Extras.Version),
		f.Map != "" && !contains(s.Map, f.Map),
		f.Mod != 0 && !slices.Contains(s.Extras.Mods, f.Mod):
		return false
	}
	host, _ := s.Public()
	return f.Query == "" || contains(PlainName(s.Name), f.Query) || contains(s.Name, f.Query) || contains(s.Description, f.Query) ||
		contains(s.Map, f.Query) || contains(host, f.Query)
}

func contains(text, part string) bool {
	return strings.Contains(strings.ToLower(text), strings.ToLower(part))
}

// PlainName returns a name without its colours: "^" and three digits or one
// of the letters that name a colour.
func PlainName(name string) string {
	var b strings.Builder
	for i := 0; i < len(name); {
		if name[i] == '^' {
			if i+3 < len(name) && digits(name[i+1:i+4]) {
				i += 4
				continue
			}
			if i+1 < len(name) && strings.IndexByte("rgbwkycm", name[i+1]) >= 0 {
				i += 2
				continue
			}
		}
		b.WriteByte(name[i])
		i++
	}
	return strings.TrimSpace(b.String())
}

func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// The orders of a list.
const (
	ByPlayers = "players" // most first
	ByName    = "name"    // without colours and regard to case
	ByUpdated = "updated" // the last heartbeat first
	ByRoom    = "room"    // for the most players first
	ByMap     = "map"     // without regard to case
	ByType    = "game_type"
)

// Sorting is an order of a list; Reverse turns it round.
type Sorting struct {
	By      string // "" is ByPlayers
	Reverse bool
}

// Browse returns up to n of the listed servers that a filter selects, those
// after a cursor ("": from the first), the cursor of the next page ("" after
// the last), and how many there are in all. Between two calls servers move;
// one that does may then be seen twice or not at all.
func (s *Service) Browse(f Filter, sort Sorting, cursor string, n int) (all []Server, next string, total int, err error) {
	order, err := orderOf(sort)
	if err != nil {
		return nil, "", 0, err
	}
	page := s.List()
	all = make([]Server, 0, len(page.servers))
	for i := range page.servers {
		if f.match(&page.servers[i]) {
			all = append(all, page.servers[i])
		}
	}
	total = len(all)
	order.sort(all)
	if cursor != "" {
		after, err := order.parse(cursor)
		if err != nil {
			return nil, "", 0, err
		}
		at, _ := slices.BinarySearchFunc(all, after, order.compareKey)
		all = all[at:]
	}
	if len(all) > n {
		all = all[:n]
		next = order.cursor(&all[n-1])
	}
	return all, next, total, nil
}

// key is the place of a server in a list.
type key struct {
	number int64
	name   string
	id     int64
}

// order sorts by a number downwards or by a text, or the other way round, and
// then by the id.
type order struct {
	number  func(*Server) int64
	text    func(*Server) string
	reverse bool
}

func orderOf(sort Sorting) (order, error) {
	o := order{reverse: sort.Reverse}
	switch sort.By {
	case "", ByPlayers:
		o.number = func(s *Server) int64 { return s.Players }
	case ByUpdated:
		o.number = func(s *Server) int64 { return s.Updated.UnixMicro() }
	case ByRoom:
		o.number = func(s *Server) int64 { return s.MaxPlayers }
	case ByName:
		o.text = func(s *Server) string { return PlainName(s.Name) }
	case ByMap:
		o.text = func(s *Server) string { return s.Map }
	case ByType:
		o.text = func(s *Server) string { return s.GameType }
	default:
		return order{}, fault.New(fault.Invalid, "Servers are not sorted by %q", sort.By)
	}
	return o, nil
}

func (o order) key(s *Server) key {
	k := key{id: s.ID}
	if o.text != nil {
		k.name = strings.ToLower(o.text(s))
	} else {
		k.number = o.number(s)
	}
	return k
}

func (o order) compareKeys(a, b key) int {
	c := cmp.Or(cmp.Compare(b.number, a.number), cmp.Compare(a.name, b.name))
	if o.reverse {
		c = -c
	}
	return cmp.Or(c, cmp.Compare(a.id, b.id))
}

// compareKey finds the first server after a key.
func (o order) compareKey(s Server, after key) int {
	if c := o.compareKeys(o.key(&s), after); c != 0 {
		return c
	}
	return -1
}

func (o order) sort(all []Server) {
	keys := make(map[int64]key, len(all))
	for i := range all {
		keys[all[i].ID] = o.key(&all[i])
	}
	slices.SortFunc(all, func(a, b Server) int { return o.compareKeys(keys[a.ID], keys[b.ID]) })
}

func (o order) cursor(s *Server) string {
	k := o.key(s)
	return strconv.FormatInt(k.number, 10) + "_" + strconv.FormatInt(k.id, 10) + "_" + base64.RawURLEncoding.EncodeToString([]byte(k.name))
}

func (o order) parse(cursor string) (key, error) {
	number, rest, ok := strings.Cut(cursor, "_")
	id, encoded, ok2 := strings.Cut(rest, "_")
	n, err := strconv.ParseInt(number, 10, 64)
	i, err2 := strconv.ParseInt(id, 10, 64)
	name, err3 := base64.RawURLEncoding.DecodeString(encoded)
	if !ok || !ok2 || errors.Join(err, err2, err3) != nil || o.text == nil && encoded != "" {
		return key{}, fault.New(fault.Invalid, "The cursor is not one of this list").WithHint("begin without one")
	}
	return key{n, string(name), i}, nil
}
