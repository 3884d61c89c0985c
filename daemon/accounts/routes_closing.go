package accounts

import (
	"context"
	"fmt"
	"net/http"

	"github.com/quartermasterd/quartermaster/daemon/web"
)

// registerClosing adds what moderators do with other people's accounts.
func (s *Service) registerClosing(ops web.Operations) {
	const path = "/api/v1/accounts/{id}"
	web.Route(ops, http.MethodPut, path+"/closed", s.putClosed, web.Describe("close-account", "Close an account",
		"Ends its sessions; nothing of it is lost. An account with a role is for admins to close.", 400, 404, 409), Require(ScopeMetaModerate))
	web.Route(ops, http.MethodDelete, path+"/closed", s.deleteClosed,
		web.Describe("open-account", "Open a closed account", "", 404, 409), Require(ScopeMetaModerate))
	web.Route(ops, http.MethodPut, path+"/name", s.putName,
		web.Describe("rename-account", "Give an account another display name", "", 400, 404, 409), Require(ScopeMetaModerate))
	web.Route(ops, http.MethodPut, path+"/verified", s.putVerified,
		web.Describe("verify-account", "Count an account's e-mail address as proved", "", 404, 409), Require(ScopeAdmin))
	web.Route(ops, http.MethodPut, path+"/emptied", s.putEmptied, web.Describe("empty-account", "Delete what an account is, but its number",
		"What its owner can do as well. Cannot be undone.", 404, 409), Require(ScopeAdmin))
	web.Route(ops, http.MethodGet, path+"/export", s.getOthersExport,
		web.Describe("export-account", "Everything kept about an account", "", 404), Require(ScopeAdmin))
}

type closedInput struct {
	IDInput
	Body struct {
		Reason string `json:"reason" minLength:"1" maxLength:"300" doc:"The owner is told"`
	}
}

func (s *Service) putClosed(ctx context.Context, in *closedInput) (*struct{}, error) {
	return nil, s.CloseAccount(ctx, in.ID, in.Body.Reason)
}

func (s *Service) deleteClosed(ctx context.Context, in *IDInput) (*struct{}, error) {
	return nil, s.OpenAccount(ctx, in.ID)
}

type othersNameInput struct {
	IDInput
	Body struct {
		Name string `json:"name" maxLength:"256" doc:"Display name"`
	}
}

func (s *Service) putName(ctx context.Context, in *othersNameInput) (*struct{}, error) {
	a, err := s.Account(ctx, fmt.Sprintf("#%d", in.ID))
	if err != nil {
		return nil, err
	}
	if err := mayModerate(ctx, a); err != nil {
		return nil, err
	}
	_, err = s.Rename(ctx, in.ID, in.Body.Name)
	return nil, err
}

func (s *Service) putVerified(ctx context.Context, in *IDInput) (*struct{}, error) {
	return nil, s.VerifyAccount(ctx, in.ID)
}

func (s *Service) putEmptied(ctx context.Context, in *IDInput) (*struct{}, error) {
	return nil, s.EmptyAccount(ctx, in.ID)
}

func (s *Service) getOthersExport(ctx context.Context, in *IDInput) (*exportOutput, error) {
	return s.exported(ctx, in.ID)
}
