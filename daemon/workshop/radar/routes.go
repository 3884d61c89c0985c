package radar

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/accounts"
	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/web"
)

const path = "/api/v1/mods/servers"

// Register adds the operations of the API. The list is public, as the list of
// mods is: it holds no address, neither of a server nor of a webhook.
func (s *Service) Register(ops web.Operations) {
	write := accounts.Require(accounts.ScopeModsWrite)
	web.Route(ops, http.MethodGet, path, s.listServers, web.Describe("list-mod-servers", "Mods of game servers",
		"Which mods the game servers run and which of those are out of date. Answers carry an ETag."))
	web.Route(ops, http.MethodPut, path+"/{name}", s.putServer, web.Describe("put-mod-server", "Say which mods a server runs",
		"Makes a server, or replaces its mods and collections. A webhook and its secret stay as they are unless given; an empty text "+
			"takes them away. Of a server in the configuration only mods are taken, beside those configured.", 400, 409, 429),
		web.MaxBody(512<<10), write)
	web.Route(ops, http.MethodDelete, path+"/{name}", s.deleteServer, web.Describe("delete-mod-server", "Forget a server",
		"A server in the configuration stays (409).", 404, 409), write)
	web.Route(ops, http.MethodPost, path+"/{name}/restarted", s.postRestarted, web.Describe("mod-server-restarted", "Say that a server was started",
		"For its start script. Without mods, the server is taken to run what is current now, unless its folder says otherwise.", 400, 404),
		web.MaxBody(512<<10), write)
	web.Route(ops, http.MethodPost, path+"/{name}/webhook-test", s.postTest, web.Describe("test-mod-server-webhook", "Test the webhook of a server",
		"Sends one message now. 503 says why it did not arrive.", 404, 409, 503), web.Timeout(2*hookTimeout), write)
}

// The shapes of the API. Ids are strings because JavaScript's numbers do not
// hold 64 bits; times are RFC 3339 in UTC and left out when unknown.

type serverList struct {
	Servers []serverView `json:"servers"`
}

type serverView struct {
	Name         string     `json:"name" example:"ns2-main"`
	Origin       string     `json:"origin" enum:"config,api" doc:"Where its list comes from."`
	Mods         []modView  `json:"mods"`
	Outdated     int        `json:"outdated" doc:"How many mods are out of date."`
	CheckedAt    *time.Time `json:"checked_at,omitempty" doc:"When Steam was last asked about all of them."`
	RestartedAt  *time.Time `json:"restarted_at,omitempty" doc:"When the server last said that it was started."`
	Webhook      bool       `json:"webhook" doc:"Whether there is one."`
	WebhookError string     `json:"webhook_error" doc:"Why the last message did not arrive; empty if it did. Only for callers with mods:write."`
	DeliveredAt  *time.Time `json:"webhook_delivered_at,omitempty" doc:"When the last message arrived."`
}

type modView struct {
	ID        string     `json:"id" example:"117887554"`
	Hex       string     `json:"hex" example:"706d242"`
	Title     string     `json:"title"`
	Running   int64      `json:"running" doc:"The version the server runs, in Unix seconds; 0 if unknown."`
	Basis     Basis      `json:"basis" enum:",reported,folder,assumed" doc:"How that is known: the server reported it, its folder holds it, or it was current at the last restart or when the mod was first seen in the list."`
	Current   int64      `json:"current" doc:"The version Steam has, in Unix seconds; 0 if unknown."`
	State     State      `json:"state" enum:"current,outdated,unknown,gone"`
	Since     int64      `json:"since,omitempty" doc:"Since when it is out of date: when the first version was published that the server lacks, in Unix seconds."`
	NoticedAt *time.Time `json:"noticed_at,omitempty" doc:"When that was noticed here."`
	Tried     bool       `json:"tried,omitempty" doc:"The server was restarted after that and lacks the version still: another restart is unlikely to help."`
}

func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

func viewServer(s Server) serverView {
	v := serverView{
		Name: s.Name, Origin: "api", Mods: []modView{}, Outdated: s.Outdated, CheckedAt: moment(s.CheckedAt),
		RestartedAt: moment(s.RestartedAt), Webhook: s.Webhook, WebhookError: s.WebhookError, DeliveredAt: moment(s.DeliveredAt),
	}
	if s.Configured {
		v.Origin = "config"
	}
	for _, m := range s.Mods {
		v.Mods = append(v.Mods, modView{
			ID: strconv.FormatUint(m.ID, 10), Hex: strconv.FormatUint(m.ID, 16), Title: m.Title, Running: m.Running, Basis: m.Basis,
			Current: m.Current, State: m.State, Since: m.Since, NoticedAt: moment(m.NoticedAt), Tried: m.Tried,
		})
	}
	return v
}

// JSON returns what programs see of servers: the shape of the API, ready for
// json.Marshal.
func JSON(servers []Server) any {
	list := serverList{Servers: []serverView{}}
	for _, s := range servers {
		list.Servers = append(list.Servers, viewServer(s))
	}
	return list
}

type listInput struct{ web.Known }

func (s *Service) listServers(ctx context.Context, in *listInput) (*web.Tagged[serverList], error) {
	servers, err := s.Servers(ctx)
	if err != nil {
		return nil, err
	}
	list := JSON(servers).(serverList)
	if !accounts.From(ctx).May(accounts.ScopeModsWrite) {
		for i := range list.Servers {
			list.Servers[i].WebhookError = ""
		}
	}
	return web.Tag(in.Known, list)
}

type runningInput struct {
	ID      string `json:"id" maxLength:"200" doc:"Decimal, m<hex> or 0x<hex>." example:"117887554"`
	Version int64  `json:"version,omitempty" minimum:"0" maximum:"999999999999" doc:"The version it runs, in Unix seconds; 0 or none: not said."`
}

// running reads the mods of a request.
func (s *Service) runningMods(in []runningInput) ([]Running, error) {
	var mods []Running
	for _, x := range in {
		id, err := s.parseItem(x.ID)
		if err != nil {
			return nil, err
		}
		mods = append(mods, Running{id, x.Version})
	}
	return mods, nil
}

func (s *Service) parseItem(text string) (uint64, error) {
	id, err := s.library.ParseItem(text)
	if err == nil && id == 0 {
		err = fault.New(fault.Invalid, "0 is not a Workshop item")
	}
	return id, err
}

type putInput struct {
	Name string `path:"name" maxLength:"64" example:"ns2-main"`
	Body struct {
		Mods        []runningInput `json:"mods,omitempty" maxItems:"2000"`
		Collections []string       `json:"collections,omitempty" maxItems:"100" doc:"Steam collections whose items it runs, too."`
		Webhook     *string        `json:"webhook,omitempty" maxLength:"2000" doc:"Where changes are told: an http:// or https:// address. It is never shown again."`
		Secret      *string        `json:"webhook_secret,omitempty" maxLength:"500" doc:"Signs what the webhook is sent. It is never shown again."`
	}
}

type serverOutput struct{ Body serverView }

func (s *Service) putServer(ctx context.Context, in *putInput) (*serverOutput, error) {
	mods, err := s.runningMods(in.Body.Mods)
	if err != nil {
		return nil, err
	}
	list := List{Mods: mods, Webhook: in.Body.Webhook, Secret: in.Body.Secret}
	for _, text := range in.Body.Collections {
		id, err := s.parseItem(text)
		if err != nil {
			return nil, err
		}
		list.Collections = append(list.Collections, id)
	}
	server, err := s.Put(ctx, in.Name, list)
	if err != nil {
		return nil, err
	}
	return &serverOutput{viewServer(server)}, nil
}

type nameInput struct {
	Name string `path:"name" maxLength:"64"`
}

func (s *Service) deleteServer(ctx context.Context, in *nameInput) (*struct{}, error) {
	return nil, s.Delete(ctx, in.Name)
}

type restartedInput struct {
	Name string `path:"name" maxLength:"64"`
	Body *struct {
		Mods []runningInput `json:"mods,omitempty" maxItems:"2000" doc:"Which versions it runs, if it knows."`
	}
}

func (s *Service) postRestarted(ctx context.Context, in *restartedInput) (*serverOutput, error) {
	var mods []Running
	if in.Body != nil {
		var err error
		if mods, err = s.runningMods(in.Body.Mods); err != nil {
			return nil, err
		}
	}
	server, err := s.Restarted(ctx, in.Name, mods)
	if err != nil {
		return nil, err
	}
	return &serverOutput{viewServer(server)}, nil
}

func (s *Service) postTest(ctx context.Context, in *nameInput) (*struct{}, error) {
	return nil, s.TestWebhook(ctx, in.Name)
}
