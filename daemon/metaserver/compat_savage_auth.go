package metaserver

import (
	"encoding/base64"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/quartermasterd/quartermaster/daemon/accounts"
	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// authMode says whose credentials an endpoint asks for.
type authMode uint8

const (
	authNone       authMode = iota // open; credentials are not looked at
	authUser                       // a user whose e-mail address is proved and who is not deleted
	authUnverified                 // any user with the right password
	authServer                     // a registered game server
	authEither                     // authUser or authServer
)

// The answers 401.
const (
	textNotAuthenticated = "Not authenticated"
	textInvalidAuth      = "Invalid authentication credentials"
	textIncorrect        = "Incorrect username or password"
	textUnverified       = "User email is unverified"
	textDeleted          = "User is deleted"
)

// authenticate finds out who calls.
func (c *call) authenticate(mode authMode) error {
	if mode == authNone {
		return nil
	}
	name, password, err := basic(c.r.Header.Get("Authorization"))
	if err != nil {
		return err
	}
	switch mode {
	case authServer:
		return c.asServer(name, password)
	case authEither:
		// The names of users hold an "@" and those of servers are numbers.
		// The answer to either is that of servers.
		if !strings.Contains(name, "@") {
			return c.asServer(name, password)
		}
		err := c.asUser(name, password, authUser)
		if r, ok := err.(refusal); ok && r.status == http.StatusUnauthorized {
			return unauthorized(textIncorrect)
		}
		return err
	}
	return c.asUser(name, password, mode)
}

// basic reads credentials of RFC 7617. Clients write them in UTF-8 or in
// Latin-1.
func basic(header string) (name, password string, err error) {
	scheme, encoded, _ := strings.Cut(header, " ")
	if !strings.EqualFold(scheme, "Basic") {
		return "", "", unauthorized(textNotAuthenticated)
	}
	raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(encoded))
	if err != nil {
		return "", "", unauthorized(textInvalidAuth)
	}
	name, password, ok := strings.Cut(plainText(raw), ":")
	if !ok {
		return "", "", unauthorized(textInvalidAuth)
	}
	return name, password, nil
}

// plainText decodes UTF-8, or Latin-1 when it is none.
func plainText(raw []byte) string {
	if utf8.Valid(raw) {
		return string(raw)
	}
	runes := make([]rune, len(raw))
	for i, b := range raw {
		runes[i] = rune(b)
	}
	return string(runes)
}

func (c *call) asUser(name, password string, mode authMode) error {
	user, err := c.s.accounts.ByEmail(c.r.Context(), name, password, c.ip)
	switch {
	case fault.Is(err, fault.Unauthenticated):
		return unauthorized(textIncorrect)
	case err != nil:
		return err
	case mode == authUser && user.Verified.IsZero():
		return unauthorized(textUnverified)
	case mode == authUser && !user.Closed.IsZero():
		return unauthorized(textDeleted)
	}
	c.user = user
	caller := accounts.Principal{AccountID: user.ID, Name: user.Name, Via: accounts.ViaEmail}
	c.r = c.r.WithContext(accounts.WithAddress(c.r.Context(), caller, c.ip))
	return nil
}

func (c *call) asServer(name, password string) error {
	credential, err := c.s.servers.Authenticate(c.r.Context(), name, password)
	if fault.Is(err, fault.Unauthenticated) {
		return unauthorized(textIncorrect)
	}
	c.credential, c.server = credential, credential.Server
	return err
}

func unauthorized(detail string) refusal { return refuse(http.StatusUnauthorized, detail) }
