package workshop

import (
	"context"
	"fmt"
	"net/http"
	"reflect"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/quartermasterd/quartermaster/daemon/accounts"
	"github.com/quartermasterd/quartermaster/daemon/web"
	"github.com/quartermasterd/quartermaster/daemon/workshop/peers"
)

// registerPeers adds the operations about the backup servers of others.
func (s *Service) registerPeers(srv *web.Server) {
	ops := srv.Operations("mods")
	web.Route(ops, http.MethodGet, peers.IndexPath, s.getIndex, web.Describe("get-workshop-index", "What is served here",
		"Every version that is served here and was hashed, for backup servers of others. "+peers.HeaderSignature+" is the Ed25519 signature "+
			"over the bytes of the body, in base64; "+peers.HeaderKeyID+" names the key, the first 16 hexadecimal digits of the SHA-256 of "+
			"the public key. Answers carry an ETag."), indexDocument(srv))
	web.Route(ops, http.MethodGet, modsPath+"/peers", s.getPeers, web.Describe("get-mods-peers", "Peers",
		"The backup servers of others that are asked for versions, how they do, and the public key and the lines with which they name "+
			"this server. Addresses and errors are for callers who may change mods."))
}

// indexView is an entry of the index as the document shows it.
type indexView struct {
	ID            string `json:"id" example:"99874752"`
	Version       int64  `json:"version" doc:"Unix seconds."`
	Size          int64  `json:"size"`
	SHA256        string `json:"sha256" doc:"Hexadecimal."`
	Irreplaceable bool   `json:"irreplaceable" doc:"As far as is known here nobody else has it."`
}

// indexDocument describes a body that goes out as the bytes that were signed.
func indexDocument(srv *web.Server) func(*huma.Operation) {
	return func(o *huma.Operation) {
		schema := srv.API().OpenAPI().Components.Schemas.Schema(reflect.TypeFor[[]indexView](), true, "WorkshopIndex")
		o.Responses = map[string]*huma.Response{"200": {
			Description: http.StatusText(http.StatusOK), Content: map[string]*huma.MediaType{"application/json": {Schema: schema}},
		}}
	}
}

type indexOutput struct {
	Status       int
	ContentType  string `header:"Content-Type"`
	ETag         string `header:"ETag"`
	CacheControl string `header:"Cache-Control"`
	Signature    string `header:"X-Signature-Ed25519"`
	KeyID        string `header:"X-Key-Id"`
	Body         []byte
}

func (s *Service) getIndex(ctx context.Context, in *web.Known) (*indexOutput, error) {
	p, err := s.peers.Publish(ctx)
	if err != nil {
		return nil, err
	}
	out := &indexOutput{
		Status: http.StatusOK, ContentType: "application/json", ETag: p.ETag, CacheControl: "public, no-cache",
		Signature: p.Signature, KeyID: p.KeyID, Body: p.Body,
	}
	if web.NoneMatch(in.IfNoneMatch, p.ETag) {
		out.Status, out.Body = http.StatusNotModified, nil
	}
	return out, nil
}

type peersView struct {
	PublicKey string     `json:"public_key" doc:"Ed25519, in base64; what others pin."`
	Peers     []peerView `json:"peers"`
	Lines     *lineView  `json:"lines,omitempty" doc:"How this server is named elsewhere."`
}

// lineView holds what people copy.
type lineView struct {
	Servers []string `json:"mod_backup_servers" doc:"This server and its peers, for the settings of a game server."`
	Block   string   `json:"workshop_peers" doc:"TOML that makes this server a peer of another Quartermaster."`
}

type peerView struct {
	URL          string      `json:"url" doc:"Empty for callers who may not change mods."`
	Trust        string      `json:"trust" enum:"size,quorum,key"`
	State        peers.State `json:"state" enum:"ok,unreachable,resting,refused,unknown"`
	Software     string      `json:"software" doc:"What the peer says it is."`
	Indexed      bool        `json:"indexed" doc:"Whether it says what it has."`
	Versions     int         `json:"versions" doc:"How many versions its index lists."`
	LastSeen     *time.Time  `json:"last_seen,omitempty"`
	FailingSince *time.Time  `json:"failing_since,omitempty"`
	LastError    string      `json:"last_error" doc:"Why it is not ok. Empty for callers who may not change mods."`
	Fetched      int64       `json:"fetched" doc:"Versions it gave that were proven."`
	FetchedBytes int64       `json:"fetched_bytes"`
	Refused      int64       `json:"refused" doc:"Versions and indexes of it that were not believed."`
	RetryAt      *time.Time  `json:"retry_at,omitempty" doc:"It is left alone until then."`
}

func viewPeers(st PeersStatus) peersView {
	v := peersView{PublicKey: st.PublicKey, Peers: []peerView{}, Lines: &lineView{Servers: st.BackupServers, Block: st.BlockText()}}
	for _, p := range st.Peers {
		v.Peers = append(v.Peers, peerView{
			URL: p.URL, Trust: p.Trust, State: p.State, Software: p.Software, Indexed: p.Indexed, Versions: p.Versions,
			LastSeen: moment(p.LastSeen), FailingSince: moment(p.FailingSince), LastError: p.LastError, Fetched: p.Fetched,
			FetchedBytes: p.FetchedBytes, Refused: p.Refused, RetryAt: moment(p.RetryAt),
		})
	}
	return v
}

// BlockText returns the lines for the configuration of another Quartermaster.
func (st PeersStatus) BlockText() string {
	return fmt.Sprintf("[[workshop.peers]]\nurl = %q\ntrust = %q\nkey = %q\n", st.Block.URL, st.Block.Trust, st.Block.Key)
}

type peersInput struct {
	caller
	web.Known
}

func (s *Service) getPeers(ctx context.Context, in *peersInput) (*web.Tagged[peersView], error) {
	st, err := s.Peers(ctx, in.base)
	if err != nil {
		return nil, err
	}
	v := viewPeers(st)
	if !accounts.From(ctx).May(accounts.ScopeModsWrite) {
		v.Lines = nil
		for i := range v.Peers {
			v.Peers[i].URL, v.Peers[i].LastError = "", ""
		}
	}
	return web.Tag(in.Known, v)
}
