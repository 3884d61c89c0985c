package metaserver

import (
	"log/slog"
	"net/http"
	"strconv"

	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/metaserver/serverlist"
	"github.com/quartermasterd/quartermaster/daemon/metaserver/validation"
	"github.com/quartermasterd/quartermaster/daemon/web"
)

func (s *Service) serverEndpoints() []endpoint {
	server := ref("ServerRead")
	mine := endpoint{method: "GET", path: "/v1/server/list/my", op: "server_list_my", auth: authUser, serve: serverMine,
		doc: operationDoc{summary: "One's own game servers", answer: listOf(server)}}
	online := endpoint{method: "GET", path: "/v1/server/list/online", op: "server_list_online", serve: serverOnline,
		doc: operationDoc{summary: "The game servers that are online", answer: listOf(server)}}
	return []endpoint{
		{method: "POST", path: "/v1/server/register", op: "server_register", auth: authUser, body: validation.Model, serve: serverRegister, rare: true,
			doc: operationDoc{summary: "Register a game server", request: "ServerCreate", answer: ref("ServerLogin"), errors: []int{400}}},
		mine, alias(mine, "/v1/server/my"),
		online, alias(online, "/v1/server/online"),
		{method: "POST", path: "/v1/server/update", op: "server_update", auth: authServer, body: validation.Model, serve: serverUpdate,
			doc: operationDoc{summary: "The heartbeat of a game server", request: "ServerUpdate", answer: server}},
		{method: "POST", path: "/v1/server/verify-clan-membership", op: "server_verify_clan_membership", auth: authServer, body: validation.Embedded, serve: serverVerifyMembership,
			doc: operationDoc{summary: "Whether a user belongs to a clan", answer: boolean()}},
		{method: "POST", path: "/v1/server/offline", op: "server_offline", auth: authServer, serve: serverOffline,
			doc: operationDoc{summary: "Take the game server that asks off the list, until its next heartbeat", answer: server}},
		{method: "GET", path: "/v1/server/bans", op: "server_bans", auth: authServer, serve: serverBans,
			doc: operationDoc{summary: "The users whom the game server that asks is not to let in", answer: listOf(ref("ServerBan"))}},
	}
}

// alias is an endpoint under another path, which the document leaves out.
func alias(e endpoint, path string) endpoint {
	e.path, e.hidden = path, true
	return e
}

// serverLogin is what a game server shows from now on.
type serverLogin struct {
	Username string `json:"username"`
	Password string `json:"password"`
}

// serverRead is a game server on the wire.
type serverRead struct {
	HostName           string `json:"host_name"`
	Port               int    `json:"port"`
	DisplayName        string `json:"display_name"`
	Description        string `json:"description"`
	GameType           string `json:"game_type"`
	MaxPlayerCount     int64  `json:"max_player_count"`
	ID                 int64  `json:"id"`
	CurrentMap         string `json:"current_map"`
	CurrentPlayerCount int64  `json:"current_player_count"`
	Updated            moment `json:"updated"`
}

func readServer(v *serverlist.Server) serverRead {
	return serverRead{
		HostName: v.HostName, Port: v.Port, DisplayName: v.Name, Description: v.Description, GameType: v.GameType,
		MaxPlayerCount: v.MaxPlayers, ID: v.ID, CurrentMap: v.Map, CurrentPlayerCount: v.Players, Updated: moment(v.Updated),
	}
}

// wireServer is a server of the public list: under the address that players
// connect to, which is not always the one that it names itself.
func wireServer(v *serverlist.Server) []byte {
	read := readServer(v)
	read.HostName, read.Port = v.Public()
	body, err := encode(read)
	if err != nil { // only ever texts and numbers
		return []byte("null")
	}
	return body
}

// details reads what is said of a server when it is registered, and again
// with every heartbeat.
func (c *call) details() serverlist.Details {
	return serverlist.Details{
		HostName: c.in.Body("host_name").Text(hostName),
		Port:     int(c.in.Body("port").Int(validation.Ge(1), validation.Le(65535))),
		Name:     c.in.Body("display_name").Text(validation.Trim, validation.MaxLen(serverlist.MaxName)),
		Description: func(f *validation.Field) string {
			if !f.Given() {
				return ""
			}
			return f.Text(validation.Trim, validation.MaxLen(serverlist.MaxDescription))
		}(c.in.Body("description")),
		GameType:   c.in.Body("game_type").Text(validation.Trim, validation.MaxLen(serverlist.MaxGameType)),
		MaxPlayers: c.in.Body("max_player_count").Int(validation.Ge(0)),
	}
}

// hostName is the rule of an address.
func hostName(s string) (string, validation.Failures) {
	host, problems := serverlist.ParseHost(s)
	failures := make(validation.Failures, len(problems))
	for i, p := range problems {
		failures[i] = validation.Failure{Type: p.Type, Msg: p.Message, Ctx: p.Context}
	}
	return host, failures
}

// extras reads what old servers do not send. It is called when the rest was
// found to be right: what is wrong here is left out and nothing more, since
// the keys mean something else to other programs.
func (c *call) extras() serverlist.ExtrasChange {
	var e serverlist.ExtrasChange
	text := func(name string) *string {
		f := c.in.Body(name)
		if !f.Given() || !f.IsText() {
			return nil
		}
		s := f.Text(validation.MaxLen(4096))
		if f.Broken() {
			return nil
		}
		return &s
	}
	if f := c.in.Body("passworded"); f.Given() {
		if v := f.Bool(); !f.Broken() {
			e.Passworded = &v
		}
	}
	e.Region, e.Version, e.PublicHost = text("region"), text("version"), text("public_host")
	if f := c.in.Body("public_port"); f.Given() {
		if n := f.Int(validation.Ge(0), validation.Le(65535)); !f.Broken() {
			port := int(n)
			e.PublicPort = &port
		}
	}
	if f := c.in.Body("app"); f.Given() {
		if n := f.Int(validation.Ge(0), validation.Le(1<<32-1)); !f.Broken() {
			app := uint32(n)
			e.App = &app
		}
	}
	e.Mods = mods(c.in.Body("mods"))
	return e
}

// mods reads a list of Workshop ids, as numbers or texts.
func mods(f *validation.Field) *[]uint64 {
	if !f.Given() {
		return nil
	}
	ids := []uint64{}
	for _, item := range f.List(validation.Items(0, 100)) {
		n, err := strconv.ParseUint(item.Text(), 10, 64)
		if err != nil {
			return nil
		}
		ids = append(ids, n)
	}
	if f.Broken() {
		return nil
	}
	return &ids
}

func serverRegister(c *call) (any, error) {
	d := c.details()
	if err := c.in.Err(); err != nil {
		return nil, err
	}
	v, password, err := c.s.servers.Add(c.r.Context(), c.user.ID, d, c.extras(), c.ip)
	if fault.Is(err, fault.Invalid) {
		return nil, refuse(http.StatusBadRequest, fault.Public(err))
	}
	if err != nil {
		return nil, err
	}
	return serverLogin{strconv.FormatInt(v.ID, 10), password}, nil
}

func serverMine(c *call) (any, error) {
	all, err := c.s.servers.Owned(c.r.Context(), c.user.ID)
	if err != nil {
		return nil, err
	}
	list := make([]serverRead, len(all))
	for i := range all {
		list[i] = readServer(&all[i])
	}
	return list, nil
}

// serverOnline sends the one body that everybody gets.
func serverOnline(c *call) (any, error) {
	page := c.s.servers.List()
	body, tag := page.Body, page.ETag
	h := c.w.Header()
	h["Vary"], h["Cache-Control"] = headerVary, headerNoCache
	if web.AcceptsGzip(c.r.Header["Accept-Encoding"]) {
		if small, ok := c.s.servers.Gzip(page); ok {
			body, tag = small, page.GzipETag
		}
	}
	h["Etag"] = []string{tag}
	if known := c.r.Header.Get("If-None-Match"); known != "" && (web.NoneMatch(known, page.ETag) || web.NoneMatch(known, page.GzipETag)) {
		c.w.WriteHeader(http.StatusNotModified)
		c.sent = http.StatusNotModified
		return nil, nil
	}
	if tag == page.GzipETag {
		h["Content-Encoding"] = headerGzip
	}
	return prepared(body), nil
}

// Shared by all answers, never written to.
var (
	headerVary    = []string{"Accept-Encoding"}
	headerNoCache = []string{"no-cache"}
	headerGzip    = []string{"gzip"}
)

func serverUpdate(c *call) (any, error) {
	st := serverlist.Status{Details: c.details()}
	st.KeepDescription = !c.in.Body("description").Given()
	st.Map = c.in.Body("current_map").Text(validation.MaxLen(serverlist.MaxMap))
	st.Players = c.in.Body("current_player_count").Int(validation.Ge(0))
	if err := c.in.Err(); err != nil {
		return nil, err
	}
	st.Extras = c.extras()
	v, err := c.s.servers.Heartbeat(c.r.Context(), c.credential, st)
	if err != nil {
		return nil, err
	}
	return readServer(&v), nil
}

func serverVerifyMembership(c *call) (any, error) {
	user, clan := c.in.Body("user_id").Int(), c.in.Body("clan_id").Int()
	if err := c.in.Err(); err != nil {
		return nil, err
	}
	return c.s.clans.Membership(c.r.Context(), clan, user)
}

// serverOffline is for a game server that shuts down.
func serverOffline(c *call) (any, error) {
	v, err := c.s.servers.TakeOffline(c.r.Context(), serverlist.Everybody, c.server)
	if err != nil {
		return nil, err
	}
	c.s.log.Debug("a game server went offline", slog.Int64("server", v.ID))
	return readServer(&v), nil
}

// serverBan is a user whom a game server is not to let in.
type serverBan struct {
	UserID  int64  `json:"user_id"`
	Reason  string `json:"reason"`
	Created moment `json:"created"`
	Until   moment `json:"until"`
}

func serverBans(c *call) (any, error) {
	all, err := c.s.servers.Bans(c.r.Context(), serverlist.Everybody, c.server)
	if err != nil {
		return nil, err
	}
	list := make([]serverBan, len(all))
	for i, b := range all {
		list[i] = serverBan{b.Account, b.Reason, moment(b.At), moment(b.Until)}
	}
	return list, nil
}
