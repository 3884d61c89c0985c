// Package openid signs people in through Steam: OpenID 2.0 as a relying party
// of exactly one provider. It holds no state. The caller binds the return
// address to a browser by a state of its own and remembers the nonces of
// assertions it accepted, since both have to outlive a process.
//
// Facts of the protocol: OpenID Authentication 2.0, §9 (requests), §10
// (answers), §11 (verification).
package openid

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/steam"
)

// Endpoint is where Steam takes requests, and the only address ever asked.
const Endpoint = "https://steamcommunity.com/openid/login"

const (
	namespace   = "http://specs.openid.net/auth/2.0"
	anyIdentity = namespace + "/identifier_select"

	// MaxAge is how old an assertion may be; a caller has to remember nonces
	// for longer.
	MaxAge = 5 * time.Minute
	// skew is how far the provider's clock may be ahead.
	skew = time.Minute

	timeout   = 10 * time.Second
	maxAnswer = 16 << 10
	maxField  = 2 << 10
)

// ErrRefused is wrapped by errors that say that somebody has not proved who
// they are. Any other error of Verify means that Steam could not be asked.
var ErrRefused = errors.New("the sign-in was not confirmed")

// ErrCancelled is an ErrRefused: the person turned back at Steam.
var ErrCancelled = fmt.Errorf("%w: it was cancelled at Steam", ErrRefused)

func refused(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrRefused, fmt.Sprintf(format, args...))
}

// Client checks assertions. Its fields are not changed after the first call;
// it is safe for concurrent use then.
type Client struct {
	// Endpoint is "" for Steam's. Tests set it.
	Endpoint string
	// HTTP is what asks the provider; nil: a client without redirects. It
	// must not follow redirects.
	HTTP *http.Client
	// Now is the clock; nil: time.Now.
	Now func() time.Time
}

// Assertion is a proven sign-in.
type Assertion struct {
	ID steam.ID
	// Nonce is unique to the sign-in. Accept it once: refuse one that was
	// seen within 10 minutes.
	Nonce string
	Time  time.Time // when Steam made it
}

func (c *Client) endpoint() string {
	if c.Endpoint == "" {
		return Endpoint
	}
	return c.Endpoint
}

func (c *Client) now() time.Time {
	if c.Now == nil {
		return time.Now()
	}
	return c.Now()
}

// URL is where a browser is sent to sign in. It comes back to returnTo, an
// absolute address that carries the caller's state in its query. realm is what
// Steam shows: the origin of returnTo, "https://example.org/".
func (c *Client) URL(returnTo, realm string) string {
	q := url.Values{
		"openid.ns": {namespace}, "openid.mode": {"checkid_setup"}, "openid.return_to": {returnTo}, "openid.realm": {realm},
		"openid.identity": {anyIdentity}, "openid.claimed_id": {anyIdentity},
	}
	return c.endpoint() + "?" + q.Encode()
}

// mustBeSigned are the fields that say who signs in, where and when.
var mustBeSigned = []string{"op_endpoint", "claimed_id", "identity", "return_to", "response_nonce", "assoc_handle"}

var claimed = regexp.MustCompile(`^https://steamcommunity\.com/openid/id/(\d{17})$`)

// Verify checks what the browser brought back to returnTo, the very address
// that was given to URL. The error wraps ErrRefused when the assertion does
// not prove anything; otherwise Steam could not be asked and trying again may
// help. The caller still has to refuse a nonce that it has accepted before.
func (c *Client) Verify(ctx context.Context, query url.Values, returnTo string) (Assertion, error) {
	fields, err := single(query)
	if err != nil {
		return Assertion{}, err
	}
	a, err := c.check(fields, returnTo)
	if err != nil {
		return Assertion{}, err
	}
	return a, c.confirm(ctx, fields)
}

// single takes the openid fields, each of which may come once: two different
// readers of a doubled field could see two different people.
func single(query url.Values) (map[string]string, error) {
	fields := map[string]string{}
	for name, values := range query {
		short, ok := strings.CutPrefix(name, "openid.")
		switch {
		case !ok:
			continue
		case len(values) != 1:
			return nil, refused("openid.%s was sent %d times", short, len(values))
		case len(values[0]) > maxField || len(fields) >= 40:
			return nil, refused("the answer is too long")
		}
		fields[short] = values[0]
	}
	return fields, nil
}

// check is everything that can be said without asking Steam.
func (c *Client) check(f map[string]string, returnTo string) (a Assertion, err error) {
	if f["mode"] == "cancel" {
		return a, ErrCancelled
	}
	for name, want := range map[string]string{
		"ns": namespace, "mode": "id_res", "op_endpoint": c.endpoint(), "return_to": returnTo, "identity": f["claimed_id"],
	} {
		if f[name] != want {
			return a, refused("openid.%s is not what it has to be", name)
		}
	}
	signed := strings.Split(f["signed"], ",")
	for _, name := range mustBeSigned {
		if !slices.Contains(signed, name) {
			return a, refused("openid.%s is not signed", name)
		}
	}
	if f["sig"] == "" || f["assoc_handle"] == "" {
		return a, refused("there is no signature")
	}
	match := claimed.FindStringSubmatch(f["claimed_id"])
	if match == nil {
		return a, refused("openid.claimed_id is no Steam account")
	}
	if a.ID, err = steam.Parse(match[1]); err != nil || !a.ID.Person() {
		return a, refused("openid.claimed_id is no person's account")
	}
	a.Nonce = f["response_nonce"]
	a.Time, err = nonceTime(a.Nonce)
	if age := c.now().Sub(a.Time); err != nil || age > MaxAge || age < -skew {
		return a, refused("openid.response_nonce is not of the last %s", MaxAge)
	}
	return a, nil
}

// nonceTime reads the time that a nonce begins with (§10.1).
func nonceTime(nonce string) (time.Time, error) {
	const layout = "2006-01-02T15:04:05Z"
	if len(nonce) < len(layout) || len(nonce) > 255 {
		return time.Time{}, errors.New("no time")
	}
	return time.Parse(layout, nonce[:len(layout)])
}

// confirm asks Steam whether it made the assertion (§11.4.2). The address is
// never taken from the assertion.
func (c *Client) confirm(ctx context.Context, f map[string]string) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	form := url.Values{}
	for name, value := range f {
		form.Set("openid."+name, value)
	}
	form.Set("openid.mode", "check_authentication")
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.endpoint(), strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := c.http().Do(req)
	if err != nil {
		return fmt.Errorf("asking Steam: %w", err)
	}
	defer resp.Body.Close() //nolint:errcheck // only read
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("asking Steam: the answer was %s", resp.Status)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil || len(body) > maxAnswer {
		return fmt.Errorf("reading the answer of Steam: %w", cmp.Or(err, errTooLong))
	}
	return confirmed(body)
}

var errTooLong = errors.New("it is too long")

// confirmed reads the lines "key:value" (§4.1.1). is_valid has to be there
// once and say true.
func confirmed(body []byte) error {
	valid, times := "", 0
	lines := bufio.NewScanner(bytes.NewReader(body))
	for lines.Scan() {
		if key, value, ok := strings.Cut(strings.TrimSuffix(lines.Text(), "\r"), ":"); ok && key == "is_valid" {
			valid, times = value, times+1
		}
	}
	if lines.Err() != nil || times != 1 || valid != "true" {
		return refused("Steam does not know the assertion")
	}
	return nil
}

func (c *Client) http() *http.Client {
	if c.HTTP != nil {
		return c.HTTP
	}
	return &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}
