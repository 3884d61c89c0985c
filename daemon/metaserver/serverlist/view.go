package serverlist

import (
	"context"
	"net"
	"strconv"
	"time"
)

type totalsView struct {
	Servers int64 `json:"servers"`
	Players int64 `json:"players"`
}

type pointView struct {
	At      time.Time `json:"at" doc:"When the five minutes began."`
	Servers int64     `json:"servers" doc:"The most there were."`
	Players int64     `json:"players"`
}

type historyView struct {
	Points []pointView `json:"points" nullable:"false"`
	Now    totalsView  `json:"now"`
}

// baseKey is where the address that the caller reached us by is in a context.
type baseKey struct{}

func baseOf(ctx context.Context) string {
	base, _ := ctx.Value(baseKey{}).(string)
	return base
}

type modView struct {
	ID  string `json:"id" doc:"Workshop id."`
	URL string `json:"url,omitempty" format:"uri" doc:"Where it can be downloaded here; absent when it cannot."`
}

// View is a server as everybody may see it.
type View struct {
	ID          string    `json:"id"`
	Name        string    `json:"name" doc:"With colours, as ^900 or ^r."`
	PlainName   string    `json:"plain_name" doc:"Without colours."`
	Description string    `json:"description,omitempty"`
	Host        string    `json:"host" doc:"Where players connect: an https URL, an IP address or a DNS name."`
	Port        int       `json:"port"`
	Connect     string    `json:"connect" doc:"Host and port, to be copied into the game."`
	GameType    string    `json:"game_type,omitempty"`
	Map         string    `json:"map,omitempty"`
	Players     int64     `json:"players"`
	MaxPlayers  int64     `json:"max_players"`
	Passworded  bool      `json:"passworded"`
	Region      string    `json:"region,omitempty"`
	Version     string    `json:"version,omitempty"`
	App         string    `json:"app,omitempty" doc:"Application id at Steam."`
	Mods        []modView `json:"mods" nullable:"false" doc:"Workshop items that players need."`
	Online      bool      `json:"online" doc:"It is listed."`
	Updated     time.Time `json:"updated,omitzero" doc:"Its last heartbeat."`
}

// view shapes a server for everybody. Nothing of what only its owner may know
// is in it: neither who that is, nor the address behind a public one.
func (s *Service) view(ctx context.Context, v *Server) View {
	host, port := v.Public()
	out := View{
		ID: strconv.FormatInt(v.ID, 10), Name: v.Name, PlainName: PlainName(v.Name), Description: v.Description, Host: host, Port: port,
		Connect: net.JoinHostPort(hostOf(host), strconv.Itoa(port)), GameType: v.GameType, Map: v.Map, Players: v.Players, MaxPlayers: v.MaxPlayers,
		Passworded: v.Extras.Passworded, Region: v.Extras.Region, Version: v.Extras.Version, Mods: []modView{},
		Online: s.board.lists(v, s.now()), Updated: v.Updated,
	}
	if v.Extras.App != 0 {
		out.App = strconv.FormatUint(uint64(v.Extras.App), 10)
	}
	for _, mod := range v.Extras.Mods {
		m := modView{ID: strconv.FormatUint(mod, 10)}
		if s.options.ModURL != nil {
			if path := s.options.ModURL(ctx, v.Extras.App, mod); path != "" {
				m.URL = baseOf(ctx) + path
			}
		}
		out.Mods = append(out.Mods, m)
	}
	return out
}

type warningView struct {
	Code Cause  `json:"code"`
	Text string `json:"text"`
}

type listingView struct {
	Listed   bool          `json:"listed"`
	Code     Cause         `json:"code" enum:"listed,never_reported,silent,offline,hidden,closed,unreachable"`
	Text     string        `json:"text" doc:"Why it is listed or not, in words."`
	Warnings []warningView `json:"warnings" nullable:"false" doc:"What may keep players out."`
}

type checkView struct {
	Outcome Outcome   `json:"outcome" enum:"reachable,no_answer,unknown_name,private,reserved_port"`
	Text    string    `json:"text"`
	Kind    string    `json:"kind" enum:"a2s,tcp"`
	Host    string    `json:"host"`
	Port    int       `json:"port"`
	Address string    `json:"address,omitempty" doc:"The IP address that was asked."`
	At      time.Time `json:"at"`
	Millis  int64     `json:"millis,omitempty" doc:"How long the answer took."`
	Current bool      `json:"current" doc:"It was of the address that players connect to now."`
}

// OwnerView is a server as its owner and moderators see it.
type OwnerView struct {
	View
	HostName   string      `json:"host_name" doc:"The host that the server itself names."`
	HostPort   int         `json:"host_port"`
	PublicHost string      `json:"public_host,omitempty" doc:"Where players connect instead."`
	PublicPort int         `json:"public_port,omitempty"`
	State      State       `json:"state" enum:"open,hidden,closed"`
	Reason     string      `json:"reason,omitempty" doc:"Why a moderator hid or closed it."`
	StateAt    time.Time   `json:"state_at,omitzero"`
	Created    time.Time   `json:"created"`
	OfflineAt  time.Time   `json:"offline_at,omitzero" doc:"When it was last taken off the list."`
	Listing    listingView `json:"listing"`
	Check      *checkView  `json:"check,omitempty" doc:"The last check from outside."`
	Owner      *personView `json:"owner,omitempty" doc:"Only for moderators."`
}

type personView struct {
	ID   string `json:"id"`
	Name string `json:"name,omitempty"`
}

// ownerView shapes a server for its owner.
func (s *Service) ownerView(ctx context.Context, v *Server) OwnerView {
	l := s.Explain(v)
	out := OwnerView{
		View: s.view(ctx, v), HostName: v.HostName, HostPort: v.Port, PublicHost: v.Extras.PublicHost, PublicPort: v.Extras.PublicPort,
		State: v.State, Reason: v.Reason, StateAt: v.Since, Created: v.Created, OfflineAt: v.Offline,
		Listing: listingView{l.Listed, l.Cause, l.Text, []warningView{}},
	}
	for _, w := range l.Warnings {
		out.Listing.Warnings = append(out.Listing.Warnings, warningView{w.Cause, w.Text})
	}
	if c := v.Check; !c.At.IsZero() {
		out.Check = &checkView{c.Outcome, c.text(), c.Kind, c.Host, c.Port, c.Address, c.At, c.Elapsed.Milliseconds(), c.of(v)}
	}
	return out
}

// Describe shapes servers as moderators see them, with their owners.
func (s *Service) Describe(ctx context.Context, all []Server) ([]OwnerView, error) {
	owners := make([]int64, 0, len(all))
	for i := range all {
		owners = append(owners, all[i].Owner)
	}
	names := map[int64]string{}
	if s.options.Names != nil && len(owners) > 0 {
		var err error
		if names, err = s.options.Names(ctx, owners); err != nil {
			return nil, err
		}
	}
	out := make([]OwnerView, 0, len(all))
	for i := range all {
		v := s.ownerView(ctx, &all[i])
		v.Owner = &personView{strconv.FormatInt(all[i].Owner, 10), names[all[i].Owner]}
		out = append(out, v)
	}
	return out, nil
}

// Export returns everything that is stored about the servers of an account,
// as JSON has it, for who asks for his data.
func (s *Service) Export(ctx context.Context, owner int64) (any, error) {
	all, err := s.Owned(ctx, owner)
	if err != nil {
		return nil, err
	}
	out := make([]OwnerView, 0, len(all))
	for i := range all {
		out = append(out, s.ownerView(ctx, &all[i]))
	}
	return out, nil
}
