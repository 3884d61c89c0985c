package metaserver

import (
	"context"
	"net/http"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/accounts"
	"github.com/quartermasterd/quartermaster/daemon/web"
)

const proofKeysPath = "/api/v1/proof-keys"

// registerProofKeys adds what an administrator does with the keys of proofs.
func (s *Service) registerProofKeys(srv *web.Server) {
	ops, admin := srv.Operations("players"), accounts.Require(accounts.ScopeAdmin)
	web.Route(ops, http.MethodGet, proofKeysPath, s.getProofKeys, web.Describe("list-proof-keys", "The keys of players' proofs",
		"Those that are accepted, the one in use first. The secrets are never shown."), admin)
	web.Route(ops, http.MethodPost, proofKeysPath+"/rotate", s.postRotate, web.Describe("rotate-proof-keys", "Replace the key of players' proofs",
		"Proofs that were made stay valid until they expire. With `revoke` they all end at once: for when a key became known.", 429), admin)
}

// ProofKeyView is a key of proofs without its secrets.
type ProofKeyView struct {
	ID        int64     `json:"id" doc:"Counts the keys there ever were."`
	Kid       string    `json:"kid" doc:"Its name in signed proofs."`
	Number    int       `json:"number" doc:"Its number in short proofs."`
	CreatedAt time.Time `json:"created_at"`
	RetiredAt time.Time `json:"retired_at,omitzero" doc:"When another took its place; absent: it is in use."`
}

// ProofKeyList is a list of keys, the one in use first.
type ProofKeyList struct {
	Keys []ProofKeyView `json:"keys" nullable:"false"`
}

// ProofKeys returns the keys of proofs that are accepted, as they are stored
// now. The first one is made when there is none.
func (s *Service) ProofKeys(ctx context.Context) (ProofKeyList, error) {
	if err := s.keys.load(ctx); err != nil {
		return ProofKeyList{}, err
	}
	return s.viewKeys(), nil
}

// RotateProofKeys replaces the key of proofs; with revoke every proof there is
// ends. fault.TooMany when it was replaced too often.
func (s *Service) RotateProofKeys(ctx context.Context, revoke bool) (ProofKeyList, error) {
	if err := s.keys.load(ctx); err != nil && !revoke {
		return ProofKeyList{}, err
	}
	if _, err := s.keys.rotate(ctx, 0, revoke); err != nil {
		return ProofKeyList{}, err
	}
	return s.viewKeys(), nil
}

func (s *Service) viewKeys() ProofKeyList {
	keys := s.keys.ring.Load().Keys()
	list := ProofKeyList{Keys: make([]ProofKeyView, len(keys))}
	for i := range keys {
		k := &keys[i]
		list.Keys[i] = ProofKeyView{ID: k.ID, Kid: k.KeyID(), Number: int(k.Number), CreatedAt: k.Created, RetiredAt: k.Retired}
	}
	return list
}

func (s *Service) getProofKeys(ctx context.Context, in *struct{ web.Known }) (*web.Tagged[ProofKeyList], error) {
	list, err := s.ProofKeys(ctx)
	if err != nil {
		return nil, err
	}
	return web.Tag(in.Known, list)
}

type rotateInput struct {
	Body struct {
		Revoke bool `json:"revoke,omitempty" doc:"Accept no older key any more."`
	}
}

type rotateOutput struct{ Body ProofKeyList }

func (s *Service) postRotate(ctx context.Context, in *rotateInput) (*rotateOutput, error) {
	list, err := s.RotateProofKeys(ctx, in.Body.Revoke)
	return &rotateOutput{list}, err
}
