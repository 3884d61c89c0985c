package radar

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/config"
	"github.com/quartermasterd/quartermaster/daemon/fault"
)

const (
	hookTimeout  = 10 * time.Second // from the dial to the answer's header
	maxRetryWait = time.Hour
)

// errRefused is the error of a connection to an address that belongs to the
// machine's link or the cloud it runs in.
var errRefused = errors.New("nothing is sent to this address")

// hooks sends messages to webhooks. It is immutable and safe for concurrent
// use. None of its errors holds an address, since addresses hold tokens.
type hooks struct {
	client *http.Client
	agent  string
}

func newHooks(transport http.RoundTripper, agent string) *hooks {
	if transport == nil {
		dialer := &net.Dialer{Timeout: hookTimeout, Control: refuse}
		transport = &http.Transport{ // without a proxy, which would connect to addresses that were not checked
			DialContext: dialer.DialContext, TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12},
			MaxResponseHeaderBytes: 64 << 10, DisableKeepAlives: true, DisableCompression: true,
		}
	}
	if agent == "" {
		agent = "quartermaster"
	}
	return &hooks{agent: agent, client: &http.Client{
		Transport: transport, Timeout: hookTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// send posts a message once. An error is a fault.Unavailable whose text says
// what happened and which may name when to try again.
func (h *hooks) send(ctx context.Context, address, secret string, m message) error {
	body, err := m.body(address)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil { // its text repeats the address
		return fault.New(fault.Unavailable, "its address cannot be used")
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", h.agent)
	req.Header.Set("X-Quartermaster-Event", m.Event)
	req.Header.Set("X-Quartermaster-Delivery", m.ID)
	if secret != "" {
		req.Header.Set("X-Quartermaster-Signature", sign(secret, body))
	}
	resp, err := h.client.Do(req)
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fault.New(fault.Unavailable, "%s", whyFailed(err))
	}
	_ = resp.Body.Close() // what it says is of no interest, however long it is
	switch {
	case resp.StatusCode >= 200 && resp.StatusCode < 300:
		return nil
	case resp.StatusCode >= 300 && resp.StatusCode < 400:
		return fault.New(fault.Unavailable, "it answered %d, a redirect, which is not followed", resp.StatusCode)
	}
	return fault.New(fault.Unavailable, "it answered %d", resp.StatusCode).WithRetryAfter(retryAfter(resp.Header))
}

// sign returns the value of X-Quartermaster-Signature: the HMAC-SHA256 of the
// body (RFC 2104), in hexadecimal.
func sign(secret string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

// retryAfter reads Retry-After in seconds (RFC 9110 §10.2.3), 0 if there is
// none.
func retryAfter(h http.Header) time.Duration {
	seconds, err := strconv.ParseFloat(strings.TrimSpace(h.Get("Retry-After")), 64)
	if err != nil || !(seconds > 0) {
		return 0
	}
	return time.Duration(min(seconds, maxRetryWait.Seconds()) * float64(time.Second))
}

// whyFailed says why there was no answer, without any address.
func whyFailed(err error) string {
	if _, ok := errors.AsType[*net.DNSError](err); ok {
		return "the name of its host was not found"
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return "its certificate is not valid"
	}
	var timeout interface{ Timeout() bool }
	switch {
	case errors.Is(err, errRefused):
		return "its address belongs to this machine's link or cloud, where nothing is sent"
	case errors.As(err, &timeout) && timeout.Timeout():
		return fmt.Sprintf("there was no answer within %d s", int(hookTimeout.Seconds()))
	case errors.Is(err, syscall.ECONNREFUSED):
		return "the connection was refused"
	}
	return "the connection failed"
}

// checkAddress refuses an address that cannot be that of a webhook. The error
// is fault.Invalid.
func checkAddress(address string) error {
	bad := func(text string) error {
		return fault.New(fault.Invalid, "The address of the webhook cannot be used").
			WithFields(fault.Field{Name: "webhook", Message: text})
	}
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil || len(address) > 2000 {
		return bad("it must be an http:// or https:// address of at most 2000 characters, without a user")
	}
	if a, err := netip.ParseAddr(u.Hostname()); err == nil && config.RefusedAddress(a) {
		return bad("nothing is sent to link-local addresses and those of cloud services")
	}
	return nil
}

// refuse is a net.Dialer.Control: it sees the address after the name was
// resolved.
func refuse(_, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil || config.RefusedAddress(at.Addr()) {
		return errRefused
	}
	return nil
}
