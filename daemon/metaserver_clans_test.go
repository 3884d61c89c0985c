package daemon

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quartermasterd/quartermaster/daemon/accounts"
	"github.com/quartermasterd/quartermaster/daemon/metaserver"
	"github.com/quartermasterd/quartermaster/daemon/metaserver/clans"
)

// wireIcon is the base64 of a PNG image of one bit per pixel.
func wireIcon(t testing.TB, side int) string {
	t.Helper()
	return wireImage(t, image.NewPaletted(image.Rect(0, 0, side, side), color.Palette{color.Black, color.White}))
}

func wireImage(t testing.TB, m image.Image) string {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(b.Bytes())
}

// randomIcon is 64 by 64 pixels of noise.
func randomIcon(t testing.TB) string {
	m, r := image.NewNRGBA(image.Rect(0, 0, 64, 64)), rand.New(rand.NewPCG(3, 4))
	for i := range m.Pix {
		m.Pix[i] = byte(r.Uint32())
		if i%4 == 3 {
			m.Pix[i] = 255
		}
	}
	return wireImage(t, m)
}

// clan founds a clan by the wire and returns its id.
func (r *metaRig) clan(owner player, tag, name string) int64 {
	r.t.Helper()
	o := r.post("/v1/clan/register", fields{"icon": wireIcon(r.t, 64), "tag": tag, "name": name}, owner.auth).is(200).object()
	return int64(o["id"].(float64))
}

// joins brings a player into a clan.
func (r *metaRig) joins(clan int64, owner, p player) {
	r.t.Helper()
	r.post("/v1/clan/invite", fields{"user_id": p.id, "clan_id": clan}, owner.auth).text(200, "null")
	r.post("/v1/clan/invite-response", fields{"clan_id": clan, "accept": true}, p.auth).text(200, "null")
}

// people returns the user ids of a list of links.
func people(links []fields) (ids []int64) {
	ids = []int64{}
	for _, l := range links {
		ids = append(ids, int64(l["user_id"].(float64)))
	}
	return ids
}

func sameIDs(t *testing.T, what string, got, want []int64) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s: %s", what, diff)
	}
}

// service is the metaserver of the daemon's own database, as a command has it.
func (r *metaRig) clansService() *clans.Service {
	r.t.Helper()
	m, err := r.daemon.State.Metaserver(func(o *metaserver.Options) {})
	if err != nil {
		r.t.Fatal(err)
	}
	return m.Clans()
}

func TestMetaClanRegistration(t *testing.T) {
	t.Parallel()
	eachMeta(t, func(t *testing.T, r *metaRig) {
		owner := r.user("foo")
		icon := wireIcon(t, 64)
		register := func(tag, name string) reply {
			return r.post("/v1/clan/register", fields{"icon": icon, "tag": tag, "name": name}, owner.auth)
		}
		first := register("^123(Zzz", "Zaitev's Snore Club").is(200)
		o := first.object()
		if !strings.HasPrefix(string(first.body), `{"id":1,"created":"20`) ||
			!strings.HasSuffix(string(first.body), `","deleted":null,"tag":"^123(Zzz","name":"Zaitev's Snore Club","icon":"`+icon+`"}`) {
			t.Errorf("on the wire: %s", first.body)
		}
		r.get("/v1/clan/by-id?clan_id=1", owner.auth).text(200, string(first.body))
		members := r.get("/v1/clan/members?clan_id=1", owner.auth).is(200).list()
		if len(members) != 1 || members[0]["rank"] != "owner" || members[0]["user_id"] != float64(owner.id) ||
			members[0]["joined"] != members[0]["invited"] || members[0]["joined"] != o["created"] || members[0]["deleted_reason"] != nil {
			t.Errorf("members: %v", members)
		}
		register("^900^900^900^900^900", "x").is(422)
		r.get("/v1/clan/by-id/batch?clan_ids=1&clan_ids=2", owner.auth).text(200, "["+string(first.body)+"]")
		second := register("^123(Zz2", "second").is(200)
		both := "[" + string(first.body) + "," + string(second.body) + "]"
		r.get("/v1/clan/by-id/batch?clan_ids=2&clan_ids=1&clan_ids=1", owner.auth).text(200, both)
		r.get("/v1/clan/all", owner.auth).text(200, both)
		r.get("/v1/clan/all?icons=false", owner.auth).text(200, strings.ReplaceAll(both, icon, ""))
		register("^123(Zzz", "other").says(409, "Clan tag taken")
		register("^456(zZz", "second").says(409, "Clan tag taken")
		register("ABC", "Second").says(409, "Clan name taken")
		r.get("/v1/clan/by-id?clan_id=3", owner.auth).says(404, "Clan not found")
		r.get("/v1/clan/members?clan_id=3", owner.auth).says(404, "Clan not found")
	})
}

// clanDesk is what players do to each other in one clan, by the wire.
type clanDesk struct {
	r    *metaRig
	clan int64
}

func (d clanDesk) invite(who, by player) reply {
	d.r.t.Helper()
	return d.r.post("/v1/clan/invite", fields{"user_id": who.id, "clan_id": d.clan}, by.auth)
}

func (d clanDesk) answer(by player, accept bool) reply {
	d.r.t.Helper()
	return d.r.post("/v1/clan/invite-response", fields{"clan_id": d.clan, "accept": accept}, by.auth)
}

func (d clanDesk) kick(who, by player) reply {
	d.r.t.Helper()
	return d.r.post("/v1/clan/kick", fields{"user_id": who.id, "clan_id": d.clan}, by.auth)
}

func (d clanDesk) rank(who, by player, to string) reply {
	d.r.t.Helper()
	return d.r.post("/v1/clan/update-rank", fields{"user_id": who.id, "clan_id": d.clan, "rank": to}, by.auth)
}

func (d clanDesk) belongs(who player, want string) {
	d.r.t.Helper()
	d.r.post("/v1/user/verify-clan-membership", fields{"clan_id": d.clan}, who.auth).text(200, want)
}

func (d clanDesk) list(what string, by player) reply {
	d.r.t.Helper()
	return d.r.get(fmt.Sprintf("/v1/clan/%s?clan_id=%d", what, d.clan), by.auth)
}

func TestMetaClanInvitation(t *testing.T) {
	t.Parallel()
	eachMeta(t, func(t *testing.T, r *metaRig) {
		owner, guest := r.user("foo"), r.user("foo2")
		d := clanDesk{r, r.clan(owner, "^123(Zzz", "Zaitev's Snore Club")}
		members := func(want ...int64) {
			t.Helper()
			sameIDs(t, "members", people(d.list("members", guest).is(200).list()), want)
		}
		d.invite(guest, guest).says(403, "Clan doesn't exist or inviter isn't in it")
		d.answer(guest, true).says(422, "User is not invited to join clan")
		d.list("invites", owner).text(200, "[]")
		d.list("invites", guest).says(403, "User is not authorized to view clan invites for this clan")
		members(owner.id)
		d.belongs(owner, "true")
		d.belongs(guest, "false")
		sameIDs(t, "for user", people(r.get(fmt.Sprintf("/v1/clan/for-user/by-id?user_id=%d", owner.id), guest.auth).is(200).list()), []int64{owner.id})
		r.get("/v1/clan/for-user/by-id?user_id=99", guest.auth).says(404, "User not found")
		d.invite(guest, owner).text(200, "null")
		sameIDs(t, "invites", people(d.list("invites", owner).is(200).list()), []int64{guest.id})
		mine := r.get("/v1/user/clan-invites", guest.auth).is(200).list()
		if len(mine) != 1 || mine[0]["clan_id"] != float64(d.clan) || mine[0]["joined"] != nil || mine[0]["deleted"] != nil || mine[0]["rank"] != "member" {
			t.Errorf("my invites: %v", mine)
		}
		d.belongs(guest, "false")
		d.answer(guest, true).text(200, "null")
		d.kick(owner, guest).says(403, "User is not authorized to kick members of this clan")
		members(owner.id, guest.id)
		d.invite(guest, guest).says(403, "Inviter is not clan admin")
		promoted := d.rank(guest, owner, "admin").is(200)
		if o := promoted.object(); o["rank"] != "admin" || !strings.HasPrefix(string(promoted.body), fmt.Sprintf(`{"clan_id":%d,"user_id":%d,"rank":"admin","invited":"`, d.clan, guest.id)) {
			t.Errorf("promoted: %s", promoted.body)
		}
		d.rank(owner, guest, "member").says(403, "Modifying user does not outrank subject user.")
		d.kick(owner, guest).says(403, "Clan admins cannot be kicked")
		d.kick(guest, owner).says(403, "Clan admins cannot be kicked")
		d.rank(guest, owner, "member").is(200)
		d.kick(guest, owner).text(200, "null")
		d.belongs(guest, "false")
		members(owner.id)
	})
}

// Every state with its text, and ranks with theirs.
func TestMetaClanStates(t *testing.T) {
	t.Parallel()
	r := newMetaRig(t, t.TempDir())
	owner, guest, third := r.user("foo"), r.user("foo2"), r.user("foo3")
	d := clanDesk{r, r.clan(owner, "^123(Zzz", "Zaitev's Snore Club")}
	const related = "Invitee has an existing relation to clan (invited/member/left/kicked)"
	outsiders := func(answer string) {
		t.Helper()
		d.answer(guest, true).says(422, answer)
		d.answer(guest, false).says(422, answer)
		d.kick(guest, owner).says(403, "Clan doesn't exist or user is not in it.")
		d.rank(guest, owner, "admin").says(403, "Clan doesn't exist or subject user is not in it.")
		d.rank(owner, guest, "member").says(403, "Clan doesn't exist or modifying user is not in it.")
		d.invite(third, guest).says(403, "Clan doesn't exist or inviter isn't in it")
		d.invite(guest, owner).text(200, "null")
		d.invite(guest, owner).says(422, related)
	}
	outsiders("User is not invited to join clan")
	d.rank(guest, owner, "admin").says(403, "Clan doesn't exist or subject user is not in it.")
	d.answer(guest, false).text(200, "null")
	outsiders("User previously declined this invitation")
	d.kick(guest, owner).text(200, "null")
	outsiders("This invitation has been retracted")
	d.answer(guest, true).text(200, "null")
	d.answer(guest, true).says(422, "User is already a member of clan")
	d.invite(guest, owner).says(422, related)
	d.kick(guest, owner).text(200, "null")
	outsiders("User was kicked from clan and was not reinvited")
	d.answer(guest, true).text(200, "null")
	if err := r.clansService().Leave(t.Context(), guest.id, d.clan); err != nil {
		t.Fatal(err)
	}
	outsiders("User has left clan and was not reinvited")
	d.answer(guest, true).text(200, "null")
	r.joins(d.clan, owner, third)
	d.rank(guest, owner, "admin").is(200)
	d.rank(third, guest, "owner").says(403, "New rank is above the modifying user's rank.")
	d.rank(third, guest, "admin").is(200)
	d.rank(third, guest, "member").says(403, "Modifying user does not outrank subject user.")
	d.rank(third, owner, "owner").is(200)
	d.rank(third, owner, "member").says(403, "Modifying user does not outrank subject user.")
	d.invite(player{id: 99}, owner).says(422, "Invitee doesn't exist")
}

func TestMetaClanIcon(t *testing.T) {
	t.Parallel()
	eachMeta(t, func(t *testing.T, r *metaRig) {
		owner, other := r.user("foo"), r.user("foo2")
		icon := wireIcon(t, 64)
		register := func(icon string) reply {
			return r.post("/v1/clan/register", fields{"icon": icon, "tag": "^123(Zzz", "name": "Zaitev's Snore Club"}, owner.auth)
		}
		update := func(icon string, by player) reply {
			return r.post("/v1/clan/update-icon", fields{"clan_id": 1, "icon": icon}, by.auth)
		}
		wrong := func(text string) string {
			return `{"detail":[{"loc":["body","icon"],"msg":"` + text + `","type":"value_error"}]}`
		}
		register(icon+"hi").text(422, wrong("Image could not be validated"))
		before := register(icon).is(200).object()
		update(wireIcon(t, 128), owner).text(422, wrong("Image is too large"))
		update(wireImage(t, image.NewGray(image.Rect(0, 0, 10, 20))), owner).text(422, wrong("Image should be square"))
		update(base64.StdEncoding.EncodeToString([]byte("GIF89a\x01\x00\x01\x00\x00\x00\x00")), owner).text(422, wrong("Image should be in PNG format"))
		update(wireIcon(t, 128), other).is(422) // the body is judged first
		update(icon, other).says(403, "User is not authorized to change icon for this clan")
		random := randomIcon(t)
		after := update(random, owner).is(200).object()
		if after["icon"] == before["icon"] || after["icon"] != random || after["created"] != before["created"] {
			t.Errorf("after the update: %v", after)
		}
		update(random[:40]+"\n \t"+random[40:], owner).is(200)
		image := r.get("/v1/clan/icon/1.png", login{}).is(200)
		want, err := base64.StdEncoding.DecodeString(random)
		if err != nil || !bytes.Equal(image.body, want) {
			t.Errorf("the picture has %d bytes, want %d", len(image.body), len(want))
		}
		h := image.header
		if h.Get("Content-Type") != "image/png" || h.Get("X-Content-Type-Options") != "nosniff" || !strings.HasPrefix(h.Get("Cache-Control"), "public") || h.Get("ETag") == "" {
			t.Errorf("its header: %v", h)
		}
		known := r.raw("GET", "/v1/clan/icon/1.png", "", map[string][]string{"If-None-Match": {h.Get("ETag")}})
		if known.status != 304 || len(known.body) != 0 || known.header.Get("ETag") != h.Get("ETag") {
			t.Errorf("known already: %d with %d bytes", known.status, len(known.body))
		}
		r.get("/v1/clan/icon/2.png", login{}).says(404, "Not Found")
		r.get("/v1/clan/icon/x.png", login{}).text(422, `{"detail":[{"loc":["path","clan_id"],"msg":"value is not a valid integer","type":"type_error.integer"}]}`)
		r.get("/v1/clan/icon/1", login{}).says(404, "Not Found")
		r.get("/v1/clan/icon/1.gif", login{}).says(404, "Not Found")
	})
}

func TestMetaUserSkins(t *testing.T) {
	t.Parallel()
	eachMeta(t, func(t *testing.T, r *metaRig) {
		p, other := r.user("foo"), r.user("foo2")
		s := r.clansService()
		k, err := s.AddSkin(t.Context(), clans.Skin{Kind: "shield", Unit: "lego", ModelPath: "one/two/three/legoshield.model"})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Grant(t.Context(), k.ID, clans.Grantee{Account: p.id}); err != nil {
			t.Fatal(err)
		}
		r.get(fmt.Sprintf("/v1/skin/for-user/by-id?user_id=%d", p.id), other.auth).
			text(200, `[{"id":1,"description":null,"kind":"shield","unit":"lego","model_path":"one/two/three/legoshield.model"}]`)
		r.get(fmt.Sprintf("/v1/skin/for-user/by-id?user_id=%d", other.id), p.auth).text(200, "[]")
		r.get("/v1/skin/for-user/by-id?user_id=99", p.auth).says(404, "User not found")
	})
}

func TestMetaClanSkins(t *testing.T) {
	t.Parallel()
	eachMeta(t, func(t *testing.T, r *metaRig) {
		owner := r.user("foo")
		clan := r.clan(owner, "^123(Zzz", "Zaitev's Snore Club")
		s := r.clansService()
		for i, k := range []clans.Skin{{Kind: "shield", Unit: "lego", ModelPath: "a"}, {Kind: "sword", Unit: "ape", ModelPath: "b", Description: "sharp"}} {
			k, err := s.AddSkin(t.Context(), k)
			if err != nil {
				t.Fatal(err)
			}
			to := clans.Grantee{Clan: clan}
			if i == 1 {
				to = clans.Grantee{Account: owner.id}
			}
			if err := s.Grant(t.Context(), k.ID, to); err != nil {
				t.Fatal(err)
			}
		}
		const shield, sword = `{"id":1,"description":null,"kind":"shield","unit":"lego","model_path":"a"}`, `{"id":2,"description":"sharp","kind":"sword","unit":"ape","model_path":"b"}`
		for path, want := range map[string]string{
			"/v1/skin/for-clan/by-id?clan_id=1": "[" + shield + "]", "/v1/skin/for-user/by-id?user_id=1": "[" + sword + "]",
			"/v1/skin/for-user/by-id?user_id=1&clan_id=1": "[" + sword + "," + shield + "]", "/v1/skin/for-user/by-id?user_id=1&clan_id=0": "[" + sword + "]",
		} {
			r.get(path, owner.auth).text(200, want)
		}
		r.get("/v1/skin/for-clan/by-id?clan_id=9", owner.auth).says(404, "Clan not found")
		r.get("/v1/skin/for-user/by-id?user_id=1&clan_id=9", owner.auth).says(404, "Clan not found")
		r.get("/v1/skin/for-user/by-id?user_id=1&clan_id=", owner.auth).text(422, `{"detail":[{"loc":["query","clan_id"],"msg":"value is not a valid integer","type":"type_error.integer"}]}`)
	})
}

// What the fields of bodies may be, each with all its entries in order.
func TestMetaClanFields(t *testing.T) {
	t.Parallel()
	r := newMetaRig(t, t.TempDir())
	p := r.user("foo")
	const icon, tag, name, clan, user, rank = `"body","icon"`, `"body","tag"`, `"body","name"`, `"body","clan_id"`, `"body","user_id"`, `"body","rank"`
	required := func(place string) string { return wireEntry(place, "field required", "value_error.missing") }
	none := func(place string) string {
		return wireEntry(place, "none is not an allowed value", "type_error.none.not_allowed")
	}
	text := func(place string) string { return wireEntry(place, "str type expected", "type_error.str") }
	integer := func(place string) string {
		return wireEntry(place, "value is not a valid integer", "type_error.integer")
	}
	invalid := wireEntry(icon, "Image could not be validated", "value_error")
	assertion := func(msg string) string { return wireEntry(tag, msg, "assertion_error") }
	body := wireEntry(`"body"`, "field required", "value_error.missing")
	object := wireEntry(`"body"`, "value is not a valid dict", "type_error.dict")
	ranks := `{"loc":["body","rank"],"msg":"value is not a valid enumeration member; permitted: 'owner', 'admin', 'member'","type":"type_error.enum","ctx":{"enum_values":["owner","admin","member"]}}`
	for path, bodies := range map[string]map[string][]string{
		"/v1/clan/register": {
			``: {body}, `null`: {body}, `[]`: {object}, `{}`: {required(icon), required(tag), required(name)},
			`{"icon":null,"tag":null,"name":null}`: {none(icon), none(tag), none(name)}, `{"icon":[],"tag":5,"name":{}}`: {text(icon), text(tag), text(name)},
			`{"icon":"","tag":"^x","name":" "}`: {invalid, assertion("'^' must always be followed by exactly three numbers or one of 'rgbwkycm'"),
				wireLimit(name, "has at least 1 characters", "value_error.any_str.min_length", 1)},
			`{"icon":5,"tag":"^r^g^b^w^kA","name":"` + wireText(101) + `"}`: {invalid, assertion("Clan tags can contain at most 4 colors"),
				wireLimit(name, "has at most 100 characters", "value_error.any_str.max_length", 100)},
			`{"icon":"é","tag":"ABCDE","name":"a\u202eb"}`: {invalid, assertion("Clan tags can contain at most 4 letters"),
				wireEntry(name, "Clan names cannot contain characters that do not show", "value_error")},
			`{"icon":"!","tag":"","name":""}`: {invalid, assertion("Clan tags need at least 1 visible letter"), wireLimit(name, "has at least 1 characters", "value_error.any_str.min_length", 1)},
		},
		"/v1/clan/update-icon": {``: {body}, `{}`: {required(clan), required(icon)}, `{"clan_id":"x","icon":null}`: {integer(clan), none(icon)}},
		"/v1/clan/invite": {
			``: {required(user), required(clan)}, `[]`: {required(user), required(clan)}, `{"user_id":null,"clan_id":1e30}`: {required(user), integer(clan)},
			`{"user_id":9223372036854775808,"clan_id":"1.0"}`: {integer(user), integer(clan)},
		},
		"/v1/clan/invite-response": {``: {required(clan), required(`"body","accept"`)},
			`{"clan_id":1,"accept":"maybe"}`: {wireEntry(`"body","accept"`, "value could not be parsed to a boolean", "type_error.bool")}},
		"/v1/clan/kick":                   {``: {required(clan), required(user)}},
		"/v1/clan/update-rank":            {``: {body}, `{}`: {required(user), required(clan), required(rank)}, `{"user_id":1,"clan_id":1,"rank":"king"}`: {ranks}},
		"/v1/user/verify-clan-membership": {``: {required(clan)}},
	} {
		for sent, want := range bodies {
			r.post(path, sent, p.auth).text(422, `{"detail":[`+strings.Join(want, ",")+`]}`)
			if a := r.post(path, sent, login{}); a.status != 401 {
				t.Errorf("%s without credentials: %d", path, a.status)
			}
		}
		r.post(path, `{`, login{}).is(422)
	}
	for path, want := range map[string]string{
		"/v1/clan/all?icons=maybe":                   wireEntry(`"query","icons"`, "value could not be parsed to a boolean", "type_error.bool"),
		"/v1/clan/by-id":                             wireEntry(`"query","clan_id"`, "field required", "value_error.missing"),
		"/v1/clan/by-id/batch":                       wireEntry(`"query","clan_ids"`, "field required", "value_error.missing"),
		"/v1/clan/by-id/batch?clan_ids=1&clan_ids=x": wireEntry(`"query","clan_ids",1`, "value is not a valid integer", "type_error.integer"),
		"/v1/clan/for-user/by-id?user_id=1.0":        integer(`"query","user_id"`),
		"/v1/clan/members?clan_id=":                  integer(`"query","clan_id"`),
		"/v1/clan/invites":                           wireEntry(`"query","clan_id"`, "field required", "value_error.missing"),
		"/v1/skin/for-clan/by-id":                    wireEntry(`"query","clan_id"`, "field required", "value_error.missing"),
		"/v1/skin/for-user/by-id?clan_id=x":          wireEntry(`"query","user_id"`, "field required", "value_error.missing") + "," + integer(`"query","clan_id"`),
	} {
		r.get(path, p.auth).text(422, `{"detail":[`+want+`]}`)
	}
	// Lenient: numbers in texts and texts in numbers.
	r.post("/v1/clan/invite", fields{"user_id": " +1 ", "clan_id": "7", "more": 1}, p.auth).says(403, "Clan doesn't exist or inviter isn't in it")
	if o := r.post("/v1/clan/register", fields{"icon": wireIcon(t, 1), "tag": " ^rAb ", "name": 42}, p.auth).is(200).object(); o["tag"] != "^rAb" || o["name"] != "42" {
		t.Errorf("registered: %v", o)
	}
	r.post("/v1/clan/register", fields{"icon": strings.Repeat(" ", 500_000), "tag": "A", "name": "x"}, p.auth).
		text(422, `{"detail":[`+wireEntry(icon, "Image is too large", "value_error")+`]}`)
}

// Which credentials open which routes of the wire.
func TestMetaClanCredentials(t *testing.T) {
	t.Parallel()
	r := newMetaRig(t, t.TempDir())
	owner, fresh := r.user("foo"), r.register("bar")
	server := r.server(owner)
	r.clan(owner, "AAA", "a")
	const user, either = "user", "either"
	for path, mode := range map[string]string{
		"GET /v1/user/clan-invites": user, "POST /v1/user/verify-clan-membership": user, "GET /v1/clan/all": user, "GET /v1/clan/by-id?clan_id=1": either,
		"GET /v1/clan/by-id/batch?clan_ids=1": either, "GET /v1/clan/for-user/by-id?user_id=1": user, "GET /v1/clan/members?clan_id=1": user,
		"GET /v1/clan/invites?clan_id=1": user, "POST /v1/clan/register": user, "POST /v1/clan/update-icon": user, "POST /v1/clan/invite": user,
		"POST /v1/clan/invite-response": user, "POST /v1/clan/kick": user, "POST /v1/clan/update-rank": user,
		"GET /v1/skin/for-user/by-id?user_id=1": user, "GET /v1/skin/for-clan/by-id?clan_id=1": user,
	} {
		method, path, _ := strings.Cut(path, " ")
		var body any
		if method == "POST" {
			body = fields{}
		}
		for who, as := range map[string]login{"nobody": {}, "an unverified user": fresh.auth, "a server": server.auth, "a wrong password": {owner.auth.name, "wrong wrong"}} {
			a := r.do(method, path, body, as)
			if who == "a server" && mode == either {
				a.is(200)
			} else if a.status == 429 && strings.HasPrefix(who, "a ") {
				continue // guesses for one name end sooner than the routes
			} else if a.status != 401 || a.header.Get("WWW-Authenticate") != "Basic" {
				t.Errorf("%s %s with %s: %d", method, path, who, a.status)
			}
		}
		if a := r.do(method, path, body, owner.auth); a.status != 200 && a.status != 422 {
			t.Errorf("%s %s with a user: %d %s", method, path, a.status, a.body)
		}
	}
	r.post("/v1/server/verify-clan-membership", fields{"user_id": owner.id, "clan_id": 1}, server.auth).text(200, "true")
	r.post("/v1/server/verify-clan-membership", fields{"user_id": fresh.id, "clan_id": 1}, server.auth).text(200, "false")
}

// An account that its owner deletes leaves its clans at once.
func TestMetaClanOfDeletedAccount(t *testing.T) {
	t.Parallel()
	r := newMetaRig(t, t.TempDir())
	owner, heir := r.user("foo"), r.user("foo2")
	clan := r.clan(owner, "AAA", "a")
	r.joins(clan, owner, heir)
	alone := r.clan(owner, "BBB", "b")
	if err := r.daemon.Accounts.EmptyAccount(accounts.Local(t.Context(), "root"), owner.id); err != nil {
		t.Fatal(err)
	}
	members := r.get("/v1/clan/members?clan_id=1", heir.auth).is(200).list()
	if len(members) != 1 || members[0]["rank"] != "owner" || members[0]["user_id"] != float64(heir.id) {
		t.Errorf("members: %v", members)
	}
	if o := r.get(fmt.Sprintf("/v1/clan/by-id?clan_id=%d", alone), heir.auth).is(200).object(); o["deleted"] == nil {
		t.Errorf("the clan with nobody left: %v", o)
	}
}
