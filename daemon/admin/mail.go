package admin

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/quartermasterd/quartermaster/daemon/accounts"
	"github.com/quartermasterd/quartermaster/daemon/mail"
	"github.com/quartermasterd/quartermaster/daemon/web"
)

const mailPath = "/api/v1/mail"

// registerMail adds what admins see of the mails.
func (s *Service) registerMail(ops web.Operations) {
	web.Route(ops, http.MethodGet, mailPath, s.listMail, web.Describe("list-mail", "Mails that wait or were given up",
		"The newest first. What a mail says is not told.", 400), accounts.Require(accounts.ScopeAdmin))
	web.Route(ops, http.MethodPost, mailPath+"/test", s.testMail, web.Describe("test-mail", "Send a test mail now",
		"Past the queue. A 503 tells what the server answered.", 400, 503), accounts.Require(accounts.ScopeAdmin))
	web.Route(ops, http.MethodPost, mailPath+"/{id}/retry", s.retryMail, web.Describe("retry-mail", "Try a waiting mail now", "", 404),
		func(o *huma.Operation) { o.DefaultStatus = http.StatusAccepted }, accounts.Require(accounts.ScopeAdmin))
}

type listMailInput struct {
	Cursor string `query:"cursor" doc:"next of the page before; empty for the first page"`
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
	Failed bool   `query:"failed" doc:"Only those that were given up"`
	web.Known
}

// MailList is the answer to GET /api/v1/mail.
type MailList struct {
	Mails []mail.Entry `json:"mails" nullable:"false"`
	Total int          `json:"total" doc:"How many there are on all pages"`
	Next  string       `json:"next" doc:"Cursor of the next page; empty after the last"`
	Ready bool         `json:"ready" doc:"Whether a server or an outbox is configured"`
}

func (s *Service) listMail(ctx context.Context, in *listMailInput) (*web.Tagged[MailList], error) {
	all, next, total, err := s.options.Mail.List(ctx, in.Failed, in.Cursor, in.Limit)
	if err != nil {
		return nil, err
	}
	return web.Tag(in.Known, MailList{Mails: all, Total: total, Next: next, Ready: s.options.Mail.Ready()})
}

type testMailInput struct {
	Body struct {
		To   string `json:"to" maxLength:"320" doc:"Whom to send it to"`
		Lang string `json:"lang,omitempty" enum:"en,ru" default:"en"`
	}
}

type testMailOutput struct {
	Body struct {
		Where string `json:"where" doc:"What took the mail"`
	}
}

func (s *Service) testMail(ctx context.Context, in *testMailInput) (*testMailOutput, error) {
	where, err := s.options.Mail.Try(ctx, in.Body.To, in.Body.Lang)
	if err != nil {
		return nil, err
	}
	out := &testMailOutput{}
	out.Body.Where = where
	return out, nil
}

func (s *Service) retryMail(ctx context.Context, in *struct {
	ID int64 `path:"id" minimum:"1"`
}) (*struct{}, error) {
	return nil, s.options.Mail.Retry(ctx, in.ID)
}
