package daemon

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/quartermasterd/quartermaster/daemon/db"
)

func byID(id int64) string { return fmt.Sprintf("/v1/user/by-id?user_id=%d", id) }

func TestMetaUserRegistration(t *testing.T) {
	t.Parallel()
	eachMeta(t, func(t *testing.T, r *metaRig) {
		r.post("/v1/user/login", nil, login{}).says(401, "Not authenticated")
		foo := login{"foo@example.com", playerPassword}
		answer := r.post("/v1/user/register", fields{"username": foo.name, "display_name": "foo", "password": foo.password}, login{}).is(200)
		o := answer.object()
		if o["id"] != 1.0 || o["display_name"] != "foo" || o["last_online"] != nil || len(o["proof"].(string)) != 64 {
			t.Fatalf("registered: %s", answer.body)
		}
		if !strings.HasPrefix(string(answer.body), `{"id":1,"display_name":"foo","created":"20`) || answer.header.Get("Content-Type") != "application/json" {
			t.Errorf("on the wire: %s", answer.body)
		}
		if claims := claimsOf(t, o["signed_proof"].(string)); claims.Expiry > claims.Issued {
			t.Errorf("a proof that is checked offline holds before the address is proved: %+v", claims)
		}
		unverified := r.get(byID(1), foo)
		unverified.says(401, "User email is unverified")
		if unverified.header.Get("WWW-Authenticate") != "Basic" {
			t.Errorf("WWW-Authenticate: %q", unverified.header.Get("WWW-Authenticate"))
		}
		r.post("/v1/user/register", fields{"username": "bar@example.com", "display_name": "foo", "password": foo.password}, login{}).says(409, "Display name taken")
		r.post("/v1/user/email/verify", fields{"mail_token": r.mails.token(foo.name)}, foo).is(200)
		read := r.get(byID(1), foo).is(200).object()
		if read["id"] != 1.0 || read["display_name"] != "foo" || read["created"] != o["created"] || read["last_online"] == nil {
			t.Errorf("read back: %v", read)
		}
		r.post("/v1/user/register", fields{"username": foo.name, "display_name": "bar", "password": foo.password}, login{}).says(409, "Username taken")
		r.post("/v1/user/register", fields{"username": "baz@example.com", "display_name": strings.Repeat("x", 300), "password": foo.password}, login{}).is(422)
		for _, body := range []fields{
			{"username": "no address", "password": foo.password}, {"username": "a@example.com", "password": "short"},
			{"username": "a@example.com", "password": strings.Repeat("p", 11_000)},
		} {
			r.post("/v1/user/register", body, login{}).is(422)
		}
		r.post("/v1/user/login", nil, foo).is(200)
		r.post("/v1/user/login", nil, login{foo.name, "wrong password"}).says(401, "Incorrect username or password")
	})
}

func TestMetaUserMailTokens(t *testing.T) {
	t.Parallel()
	eachMeta(t, func(t *testing.T, r *metaRig) {
		p := r.register("foo")
		first := r.mails.token(p.auth.name)
		try := func(token string) reply {
			return r.post("/v1/user/email/verify", fields{"mail_token": token}, p.auth)
		}
		try("12345").is(422)
		try("12345678").is(422)
		try("wrongg").says(403, "Incorrect mail verification token")
		r.post("/v1/user/email/renew-token", nil, p.auth).says(429, "Wait at least 30 seconds before requesting a new token")
		err := r.daemon.DB.Write(t.Context(), func(tx *db.Tx) error {
			const year = 365 * 24 * 3600 * 1_000_000
			_, err := tx.Exec(t.Context(), "UPDATE accounts_mail_token SET created_at = created_at - $1 WHERE account_id = $2", int64(year), p.id)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		r.post("/v1/user/email/renew-token", nil, p.auth).text(200, `"Token sent"`)
		second := r.mails.token(p.auth.name)
		if first == second {
			t.Fatal("the same token again")
		}
		try(first).says(403, "Incorrect mail verification token")
		try(second).is(200)
		r.get(byID(p.id), p.auth).is(200)
		r.post("/v1/user/email/renew-token", nil, p.auth).says(403, "User already verified mail")
		try(second).says(403, "User already verified mail")
	})
}

func TestMetaUserDisplayName(t *testing.T) {
	t.Parallel()
	eachMeta(t, func(t *testing.T, r *metaRig) {
		p := r.user("foo")
		answer := r.post("/v1/user/change-display-name", fields{"display_name": "bar"}, p.auth).is(200).object()
		if answer["display_name"] != "bar" || r.get(byID(p.id), p.auth).is(200).object()["display_name"] != "bar" {
			t.Errorf("changed: %v", answer)
		}
		r.post("/v1/user/change-display-name", fields{"display_name": strings.Repeat("b", 240)}, p.auth).is(422)
		r.user("foo2")
		r.post("/v1/user/change-display-name", fields{"display_name": "foo2"}, p.auth).says(409, "Display name taken")
		r.post("/v1/user/change-display-name", fields{"display_name": "a@example.com"}, p.auth).is(422)
	})
}

func TestMetaUserProof(t *testing.T) {
	t.Parallel()
	eachMeta(t, func(t *testing.T, r *metaRig) {
		p, other := r.user("foo"), r.user("foo2")
		verify := func(proof any) reply {
			return r.post("/v1/user/verify-user-proof", fields{"user_id": p.id, "user_proof": proof}, login{})
		}
		online := func() string { return r.get(byID(p.id), other.auth).is(200).object()["last_online"].(string) }
		before := online()
		verify(p.proof).text(200, "true")
		after := online()
		if after <= before {
			t.Errorf("last_online %s after %s", after, before)
		}
		for _, bad := range []any{"blerb", "", 5, strings.ToUpper(p.proof), p.proof + "0", "ÄÖ", "a\x00b", other.proof, strings.Repeat("0", 64)} {
			verify(bad).text(200, "false")
		}
		r.post("/v1/user/verify-user-proof", fields{"user_id": 99, "user_proof": p.proof}, login{}).text(200, "false")
		r.post("/v1/user/verify-user-proof", fields{"user_id": other.id, "user_proof": p.proof}, login{}).text(200, "false")
		if again := online(); again != after {
			t.Errorf("last_online moved to %s without a proof", again)
		}
		signed := r.post("/v1/user/login", nil, p.auth).is(200).object()["signed_proof"].(string)
		verify(signed).text(200, "true")
		verify(signed+"x").text(200, "false")
	})
}

func TestMetaUserBatch(t *testing.T) {
	t.Parallel()
	eachMeta(t, func(t *testing.T, r *metaRig) {
		p1, p2 := r.user("foo"), r.user("foo2")
		list := r.get(fmt.Sprintf("/v1/user/by-id/batch?user_ids=%d&user_ids=%d", p1.id, p2.id), p1.auth).is(200).list()
		if len(list) != 2 || list[0]["display_name"] != "foo" || list[1]["display_name"] != "foo2" {
			t.Errorf("got %v", list)
		}
		list = r.get(fmt.Sprintf("/v1/user/by-id/batch?user_ids=%d&user_ids=99&user_ids=%d&user_ids=%d", p2.id, p1.id, p2.id), p1.auth).is(200).list()
		if len(list) != 2 || list[0]["id"] != 1.0 || list[1]["id"] != 2.0 {
			t.Errorf("by id, once each: %v", list)
		}
	})
}

// proofTimes are the claims that say for how long a signed proof holds.
type proofTimes struct {
	Issued int64 `json:"iat"`
	Expiry int64 `json:"exp"`
}

func claimsOf(t *testing.T, signed string) (c proofTimes) {
	t.Helper()
	parts := strings.Split(signed, ".")
	if len(parts) != 3 {
		t.Fatalf("%q is no compact JWS", signed)
	}
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err == nil {
		err = json.Unmarshal(text, &c)
	}
	if err != nil {
		t.Fatal(err)
	}
	return c
}
