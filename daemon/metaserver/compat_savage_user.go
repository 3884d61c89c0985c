package metaserver

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/accounts"
	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/metaserver/validation"
)

// Texts of the original.
const (
	textNoUser       = "User not found"
	textNameTaken    = "Display name taken"
	textEmailTaken   = "Username taken"
	textNameIsEmail  = "Display name can't be an email address"
	textVerified     = "User already verified mail"
	textNoMailToken  = "No mail verification token found for user (request a new one)"
	textWrongToken   = "Incorrect mail verification token"
	textTokenSent    = "Token sent"
	textTooSoon      = "Wait at least %d seconds before requesting a new token"
	textBlacklisted  = "Username mail domain is in blacklist"
	typeBlacklisted  = "value_error.domainblacklist"
	textBytesLike    = "expected string or bytes-like object"
	minWirePassword  = 8
	maxWirePassword  = 128
	maxWireName      = 64
	mailTokenLetters = 6
	maxBatch         = 500
)

func (s *Service) userEndpoints() []endpoint {
	user := ref("UserRead")
	return []endpoint{
		{method: "GET", path: "/v1/user/by-id", op: "user", auth: authUser, serve: userByID,
			doc: operationDoc{summary: "A user", query: ints("user_id"), answer: user, errors: []int{404}}},
		{method: "GET", path: "/v1/user/by-id/batch", op: "user_by_id_batch", auth: authUser, serve: userBatch,
			doc: operationDoc{summary: "Several users, by id", query: intLists("user_ids"), answer: listOf(user)}},
		{method: "POST", path: "/v1/user/login", op: "user_login", auth: authUser, serve: userLogin,
			doc: operationDoc{summary: "Prove oneself to game servers", query: optionalInts("server_id"), answer: ref("UserReadWithProof")}},
		{method: "POST", path: "/v1/user/verify-user-proof", op: "user_verify_user_proof", body: validation.Embedded, serve: verifyUserProof,
			doc: operationDoc{summary: "Whether a proof is that of a user", answer: boolean()}},
		{method: "POST", path: "/v1/user/register", op: "user_register", body: validation.Model, serve: userRegister, rare: true,
			doc: operationDoc{summary: "Make an account", request: "UserCreate", answer: ref("UserReadWithProof"), errors: []int{409, 429, 503}}},
		{method: "POST", path: "/v1/user/email/verify", op: "user_email_verify", auth: authUnverified, body: validation.Embedded, serve: emailVerify, rare: true,
			doc: operationDoc{summary: "Enter the code of the mail", answer: ref("UserReadWithProof"), errors: []int{403}}},
		{method: "POST", path: "/v1/user/email/renew-token", op: "user_email_new_token", auth: authUnverified, serve: renewToken, rare: true,
			doc: operationDoc{summary: "Ask for another code", answer: text(), errors: []int{403, 429}}},
		{method: "POST", path: "/v1/user/change-display-name", op: "user_change_display_name", auth: authUser, body: validation.Embedded, serve: changeDisplayName, rare: true,
			doc: operationDoc{summary: "Change one's display name", answer: user, errors: []int{409}}},
		{method: "GET", path: "/v1/proof-keys", op: "proof_keys", serve: proofKeys, untagged: true,
			doc: operationDoc{summary: "The keys of signed proofs, as JWKS (RFC 7517)", answer: ref("ProofKeys")}},
	}
}

// userRead is a user on the wire.
type userRead struct {
	ID          int64  `json:"id"`
	DisplayName string `json:"display_name"`
	Created     moment `json:"created"`
	LastOnline  moment `json:"last_online"`
}

type userReadWithProof struct {
	userRead
	Proof       string `json:"proof"`
	SignedProof string `json:"signed_proof"`
}

func readUser(p accounts.Person) userRead {
	return userRead{ID: p.ID, DisplayName: p.Name, Created: moment(p.Created), LastOnline: moment(p.LastOnline)}
}

func userByID(c *call) (any, error) {
	id := c.in.Query("user_id").Int()
	if err := c.in.Err(); err != nil {
		return nil, err
	}
	p, ok, err := c.s.accounts.Person(c.r.Context(), id)
	switch {
	case err != nil:
		return nil, err
	case !ok:
		return nil, refuse(http.StatusNotFound, textNoUser)
	}
	return readUser(p), nil
}

func userBatch(c *call) (any, error) {
	ids := c.in.Query("user_ids").Ints(maxBatch)
	if err := c.in.Err(); err != nil {
		return nil, err
	}
	persons, err := c.s.accounts.Persons(c.r.Context(), ids)
	if err != nil {
		return nil, err
	}
	list := make([]userRead, len(persons))
	for i, p := range persons {
		list[i] = readUser(p)
	}
	return list, nil
}

// userLogin notes that the user is online and proves him to game servers; with
// server_id the signed proof is for that one only.
func userLogin(c *call) (any, error) {
	var server int64
	if f := c.in.Query("server_id"); f.Given() {
		server = f.Int(validation.Ge(1))
	}
	if err := c.in.Err(); err != nil {
		return nil, err
	}
	return c.proved(c.user, server, true)
}

// proved is the answer to a user whose password was right.
func (c *call) proved(p accounts.Person, server int64, online bool) (any, error) {
	if online {
		at, err := c.s.accounts.SeenOnline(c.r.Context(), p.ID)
		if err != nil {
			return nil, err
		}
		p.LastOnline = at
	}
	short, signed, err := c.s.prove(p, server)
	if err != nil {
		return nil, err
	}
	return userReadWithProof{readUser(p), short, signed}, nil
}

func userRegister(c *call) (any, error) {
	email := c.emailOf(c.in.Body("username"))
	name := nameOf(c.in.Body("display_name"))
	password := c.in.Body("password").Text(validation.MinLen(minWirePassword), validation.MaxLen(maxWirePassword))
	if err := c.in.Err(); err != nil {
		return nil, err
	}
	language, _, _ := strings.Cut(c.r.Header.Get("Accept-Language"), ",")
	p, err := c.s.accounts.RegisterPerson(c.r.Context(), accounts.NewPerson{
		Email: email, Name: name, Password: password, Lang: language,
	}, c.ip)
	if err != nil {
		return nil, c.registerRefusal(err)
	}
	return c.proved(p, 0, false)
}

// registerRefusal is why there is no account.
func (c *call) registerRefusal(err error) error {
	switch {
	case errors.Is(err, accounts.ErrNameTaken):
		return refuse(http.StatusConflict, textNameTaken)
	case errors.Is(err, accounts.ErrEmailTaken):
		return refuse(http.StatusConflict, textEmailTaken)
	}
	return err
}

// emailOf reads the address of a new account.
func (c *call) emailOf(f *validation.Field) string {
	if f.Given() && !f.IsText() {
		f.Fail(validation.NotText())
	}
	return f.Text(func(s string) (string, validation.Failures) {
		if c.s.accounts.EmailBlocked(s) {
			return s, validation.Fail(typeBlacklisted, textBlacklisted)
		}
		address, err := accounts.NormalEmail(s)
		if err != nil {
			return s, validation.Email()
		}
		return address, nil
	})
}

// nameOf reads a display name.
func nameOf(f *validation.Field) string {
	if f.Null() || f.Given() && !f.IsText() {
		f.Fail(validation.Fail("type_error", textBytesLike))
	}
	return f.Text(displayName...)
}

// displayName are the rules of a display name.
var displayName = []validation.TextRule{notEmail, validation.Trim, validation.MinLen(1), validation.MaxLen(maxWireName), showable}

func notEmail(s string) (string, validation.Failures) {
	if _, err := accounts.NormalEmail(s); err == nil {
		return s, validation.Custom(textNameIsEmail)
	}
	return s, nil
}

// showable refuses names that do not show, or pass for others.
func showable(s string) (string, validation.Failures) {
	clean, err := accounts.CheckNewName(s)
	if err != nil {
		return s, validation.Custom(fault.Public(err))
	}
	return clean, nil
}

func emailVerify(c *call) (any, error) {
	token := c.in.Body("mail_token").Text(validation.MinLen(mailTokenLetters), validation.MaxLen(mailTokenLetters))
	if err := c.in.Err(); err != nil {
		return nil, err
	}
	p, err := c.s.accounts.VerifyEmail(c.r.Context(), c.user.ID, token)
	switch {
	case errors.Is(err, accounts.ErrEmailVerified):
		return nil, refuse(http.StatusForbidden, textVerified)
	case errors.Is(err, accounts.ErrNoMailToken):
		return nil, refuse(http.StatusForbidden, textNoMailToken)
	case errors.Is(err, accounts.ErrWrongMailToken):
		return nil, refuse(http.StatusForbidden, textWrongToken)
	case err != nil:
		return nil, err
	}
	return c.proved(p, 0, true)
}

func renewToken(c *call) (any, error) {
	err := c.s.accounts.RenewMailToken(c.r.Context(), c.user.ID)
	soon, tooSoon := errors.AsType[*accounts.TooSoon](err)
	switch {
	case errors.Is(err, accounts.ErrEmailVerified):
		return nil, refuse(http.StatusForbidden, textVerified)
	case tooSoon:
		return nil, refuse(http.StatusTooManyRequests, fmt.Sprintf(textTooSoon, int(soon.Every/time.Second)))
	case err != nil:
		return nil, err
	}
	return textTokenSent, nil
}

func changeDisplayName(c *call) (any, error) {
	name := c.in.Body("display_name").Text(displayName...)
	if err := c.in.Err(); err != nil {
		return nil, err
	}
	p, err := c.s.accounts.Rename(c.r.Context(), c.user.ID, name)
	if errors.Is(err, accounts.ErrNameTaken) {
		return nil, refuse(http.StatusConflict, textNameTaken)
	}
	if err != nil {
		return nil, err
	}
	return readUser(p), nil
}
