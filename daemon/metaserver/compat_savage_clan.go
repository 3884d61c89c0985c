package metaserver

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/metaserver/clans"
	"github.com/quartermasterd/quartermaster/daemon/metaserver/validation"
	"github.com/quartermasterd/quartermaster/daemon/web"
)

// Texts of the original.
const (
	textNoClan      = "Clan not found"
	textSeeInvites  = "User is not authorized to view clan invites for this clan"
	textSetIcon     = "User is not authorized to change icon for this clan"
	textClanTag     = "Clan tag taken"
	textClanName    = "Clan name taken"
	textMaxClans    = "User has reached the max number of clans of %d"
	textClanFull    = "Clan has reached the max number of members and invitations"
	maxClanBody     = 1 << 20 // an icon may come with much white space
	clanIconMaxAge  = "public, max-age=60"
	contentTypePNG  = "image/png"
	pathClanIcon    = "/v1/clan/icon/{clan_id}.png"
	paramOfIconPath = "clan_id"
)

func (s *Service) clanEndpoints() []endpoint {
	clan, link := ref("Clan"), ref("UserClanLink")
	return []endpoint{
		{method: "GET", path: "/v1/user/clan-invites", op: "user_clan_invites", auth: authUser, serve: userClanInvites,
			doc: operationDoc{summary: "One's open invitations", answer: listOf(link)}},
		{method: "POST", path: "/v1/user/verify-clan-membership", op: "user_verify_clan_membership", auth: authUser, body: validation.Embedded, serve: userVerifyMembership,
			doc: operationDoc{summary: "Whether one belongs to a clan", answer: boolean()}},
		{method: "GET", path: "/v1/clan/all", op: "clan", auth: authUser, serve: clanAll,
			doc: operationDoc{summary: "Every clan, disbanded ones too", query: params(false, boolean, "icons"), answer: listOf(clan)}},
		{method: "GET", path: pathClanIcon, op: "get_clan_icon_png", serve: clanIcon,
			doc: operationDoc{summary: "The icon of a clan", answer: &huma.Schema{Type: huma.TypeString, Format: "binary"}, media: contentTypePNG, errors: []int{404}}},
		{method: "GET", path: "/v1/clan/by-id", op: "clan_by_id", auth: authEither, serve: clanByID,
			doc: operationDoc{summary: "A clan", query: ints("clan_id"), answer: clan, errors: []int{404}}},
		{method: "GET", path: "/v1/clan/by-id/batch", op: "clan_by_id_batch", auth: authEither, serve: clanBatch,
			doc: operationDoc{summary: "Several clans, by id", query: intLists("clan_ids"), answer: listOf(clan)}},
		{method: "GET", path: "/v1/clan/for-user/by-id", op: "clan_for_user_by_id", auth: authUser, serve: clansOfUser,
			doc: operationDoc{summary: "The memberships of a user", query: ints("user_id"), answer: listOf(link), errors: []int{404}}},
		{method: "GET", path: "/v1/clan/members", op: "clan_members", auth: authUser, serve: clanMembers,
			doc: operationDoc{summary: "The members of a clan", query: ints("clan_id"), answer: listOf(link), errors: []int{404}}},
		{method: "GET", path: "/v1/clan/invites", op: "clan_invites", auth: authUser, serve: clanInvites,
			doc: operationDoc{summary: "The open invitations of a clan, for its members", query: ints("clan_id"), answer: listOf(link), errors: []int{403}}},
		{method: "POST", path: "/v1/clan/register", op: "clan_register", auth: authUser, body: validation.Model, maxBody: maxClanBody, serve: clanRegister, rare: true,
			doc: operationDoc{summary: "Found a clan", request: "ClanCreate", answer: clan, errors: []int{400, 409}}},
		{method: "POST", path: "/v1/clan/update-icon", op: "clan_change_icon", auth: authUser, body: validation.Model, maxBody: maxClanBody, serve: clanUpdateIcon, rare: true,
			doc: operationDoc{summary: "Change the icon of a clan", request: "ClanUpdateIcon", answer: clan, errors: []int{403}}},
		{method: "POST", path: "/v1/clan/invite", op: "clan_invite", auth: authUser, body: validation.Embedded, serve: clanInvite, rare: true,
			doc: operationDoc{summary: "Invite a user", errors: []int{403}}},
		{method: "POST", path: "/v1/clan/invite-response", op: "clan_invite_response", auth: authUser, body: validation.Embedded, serve: clanInviteResponse, rare: true,
			doc: operationDoc{summary: "Accept or decline an invitation"}},
		{method: "POST", path: "/v1/clan/kick", op: "clan_kick", auth: authUser, body: validation.Embedded, serve: clanKick, rare: true,
			doc: operationDoc{summary: "Kick a member, or retract an invitation", errors: []int{403}}},
		{method: "POST", path: "/v1/clan/update-rank", op: "clan_update_rank", auth: authUser, body: validation.Model, serve: clanUpdateRank, rare: true,
			doc: operationDoc{summary: "Change the rank of a member", request: "UserClanLinkUpdateRank", answer: link, errors: []int{403}}},
	}
}

// wireClan is a clan on the wire.
type wireClan struct {
	ID      int64     `json:"id"`
	Created moment    `json:"created"`
	Deleted moment    `json:"deleted"`
	Tag     clans.Tag `json:"tag"`
	Name    string    `json:"name"`
	Icon    string    `json:"icon"`
}

func readClan(c clans.Clan) wireClan {
	return wireClan{c.ID, moment(c.Created), moment(c.Disbanded), c.Tag, c.Name, c.Icon}
}

func readClans(all []clans.Clan) []wireClan {
	list := make([]wireClan, len(all))
	for i, c := range all {
		list[i] = readClan(c)
	}
	return list
}

// wireLink is what a user has to do with a clan, on the wire.
type wireLink struct {
	ClanID        int64      `json:"clan_id"`
	UserID        int64      `json:"user_id"`
	Rank          clans.Rank `json:"rank"`
	Invited       moment     `json:"invited"`
	Joined        moment     `json:"joined"`
	Deleted       moment     `json:"deleted"`
	DeletedReason *string    `json:"deleted_reason"`
}

func readLink(l clans.Link) wireLink {
	w := wireLink{l.Clan, l.Account, l.Rank, moment(l.Invited), moment(l.Joined), moment(l.Closed), nil}
	if reason := string(l.Reason); reason != "" {
		w.DeletedReason = &reason
	}
	return w
}

func readLinks(all []clans.Link) []wireLink {
	list := make([]wireLink, len(all))
	for i, l := range all {
		list[i] = readLink(l)
	}
	return list
}

func readBelongings(all []clans.Belonging) []wireLink {
	list := make([]wireLink, len(all))
	for i, b := range all {
		list[i] = readLink(b.Link)
	}
	return list
}

// wording says what clients are told of a refusal.
type wording map[clans.Reason]refusal

// of replaces a refusal that has words; other errors stay.
func (w wording) of(err error) error {
	if r, ok := errors.AsType[*clans.Refusal](err); ok {
		if words, ok := w[r.Reason]; ok {
			return words
		}
	}
	return err
}

func userClanInvites(c *call) (any, error) {
	all, err := c.s.clans.InvitesOf(c.r.Context(), c.user.ID)
	return readBelongings(all), err
}

func userVerifyMembership(c *call) (any, error) {
	clan := c.in.Body("clan_id").Int()
	if err := c.in.Err(); err != nil {
		return nil, err
	}
	return c.s.clans.Membership(c.r.Context(), clan, c.user.ID)
}

// clanAll lists every clan; with icons=false their icons are empty.
func clanAll(c *call) (any, error) {
	icons := true
	if f := c.in.Query("icons"); f.Given() {
		icons = f.Bool()
	}
	if err := c.in.Err(); err != nil {
		return nil, err
	}
	return c.s.allClans[icons].get(c, icons)
}

// clanList is the answer that lists every clan, made once for all who ask
// until something changes. What another process changes is seen after
// clanListAge.
type clanList struct {
	mu      sync.Mutex
	body    prepared // nil: there is none
	changes uint64
	at      time.Time
}

const clanListAge = 2 * time.Second

func (l *clanList) get(c *call, icons bool) (any, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	changes, now := c.s.clans.Changes(), c.s.now()
	if age := now.Sub(l.at); l.body != nil && changes == l.changes && age >= 0 && age < clanListAge {
		return l.body, nil
	}
	all, err := c.s.clans.All(c.r.Context(), icons)
	if err != nil {
		return nil, err
	}
	body, err := encode(readClans(all))
	if err != nil {
		return nil, err
	}
	l.body, l.changes, l.at = body, changes, now
	return l.body, nil
}

// clanIcon sends the picture itself.
func clanIcon(c *call) (any, error) {
	id := c.in.Path(paramOfIconPath).Int()
	if err := c.in.Err(); err != nil {
		return nil, err
	}
	clan, err := c.s.clans.Clan(c.r.Context(), id)
	if err != nil {
		return nil, wording{clans.NoClan: refuse(http.StatusNotFound, textNotFound)}.of(err)
	}
	image := clans.DecodeIcon(clan.Icon)
	sum := sha256.Sum256(image)
	h, etag := c.w.Header(), `"`+hex.EncodeToString(sum[:16])+`"`
	h["Etag"], h["Cache-Control"] = []string{etag}, []string{clanIconMaxAge}
	h["X-Content-Type-Options"] = headerNoSniff
	h["Cross-Origin-Resource-Policy"] = []string{"cross-origin"}
	if web.NoneMatch(c.r.Header.Get("If-None-Match"), etag) {
		c.sent = http.StatusNotModified
		c.w.WriteHeader(c.sent)
		return nil, nil
	}
	h["Content-Type"], h["Content-Length"] = []string{contentTypePNG}, []string{strconv.Itoa(len(image))}
	c.sent = http.StatusOK
	c.w.WriteHeader(c.sent)
	_, _ = c.w.Write(image) // a client that is gone needs no answer
	return nil, nil
}

func clanByID(c *call) (any, error) {
	id := c.in.Query("clan_id").Int()
	if err := c.in.Err(); err != nil {
		return nil, err
	}
	clan, err := c.s.clans.Clan(c.r.Context(), id)
	return readClan(clan), noClan(err)
}

func clanBatch(c *call) (any, error) {
	ids := c.in.Query("clan_ids").Ints(maxBatch)
	if err := c.in.Err(); err != nil {
		return nil, err
	}
	all, err := c.s.clans.Clans(c.r.Context(), ids)
	return readClans(all), err
}

func clansOfUser(c *call) (any, error) {
	user := c.in.Query("user_id").Int()
	if err := c.in.Err(); err != nil {
		return nil, err
	}
	if err := c.knownUser(user); err != nil {
		return nil, err
	}
	all, err := c.s.clans.ClansOf(c.r.Context(), user)
	return readBelongings(all), err
}

// knownUser refuses ids that no user has.
func (c *call) knownUser(id int64) error {
	_, ok, err := c.s.accounts.Person(c.r.Context(), id)
	if err == nil && !ok {
		err = refuse(http.StatusNotFound, textNoUser)
	}
	return err
}

func clanMembers(c *call) (any, error) {
	clan := c.in.Query("clan_id").Int()
	if err := c.in.Err(); err != nil {
		return nil, err
	}
	all, err := c.s.clans.Members(c.r.Context(), clan)
	return readLinks(all), noClan(err)
}

func clanInvites(c *call) (any, error) {
	clan := c.in.Query("clan_id").Int()
	if err := c.in.Err(); err != nil {
		return nil, err
	}
	all, err := c.s.clans.Invites(c.r.Context(), clans.Actor{Account: c.user.ID}, clan)
	return readLinks(all), wording{clans.NotMember: refuse(http.StatusForbidden, textSeeInvites)}.of(err)
}

func clanRegister(c *call) (any, error) {
	n := clans.Founding{Icon: iconOf(c.in.Body("icon")), Tag: tagOf(c.in.Body("tag")), Name: clanNameOf(c.in.Body("name"))}
	if err := c.in.Err(); err != nil {
		return nil, err
	}
	clan, err := c.s.clans.Found(c.r.Context(), c.user.ID, n)
	return readClan(clan), wording{
		clans.TagTaken:  refuse(http.StatusConflict, textClanTag),
		clans.NameTaken: refuse(http.StatusConflict, textClanName),
		clans.TooMany:   refuse(http.StatusBadRequest, fmt.Sprintf(textMaxClans, c.s.config.MaxClansPerUser)),
	}.of(err)
}

// iconOf reads an icon. What is stored is what was sent.
func iconOf(f *validation.Field) string {
	return f.Text(func(s string) (string, validation.Failures) {
		if err := clans.CheckIcon(s); err != nil {
			return s, validation.Custom(fault.Public(err))
		}
		return s, nil
	})
}

// tagOf reads a tag, which has to be a text.
func tagOf(f *validation.Field) clans.Tag {
	if f.Given() && !f.IsText() {
		f.Fail(validation.NotText())
	}
	return clans.Tag(f.Text(func(s string) (string, validation.Failures) {
		tag, err := clans.ParseTag(s)
		if err != nil {
			return s, validation.Assertion(fault.Public(err))
		}
		return string(tag), nil
	}))
}

func clanNameOf(f *validation.Field) string {
	return f.Text(validation.Trim, validation.MinLen(1), validation.MaxLen(clans.MaxName), func(s string) (string, validation.Failures) {
		name, err := clans.ParseName(s)
		if err != nil {
			return s, validation.Custom(fault.Public(err))
		}
		return name, nil
	})
}

func clanUpdateIcon(c *call) (any, error) {
	id, icon := c.in.Body("clan_id").Int(), iconOf(c.in.Body("icon"))
	if err := c.in.Err(); err != nil {
		return nil, err
	}
	clan, err := c.s.clans.SetIcon(c.r.Context(), clans.Actor{Account: c.user.ID}, id, icon)
	no := refuse(http.StatusForbidden, textSetIcon)
	return readClan(clan), wording{clans.NotMember: no, clans.RankTooLow: no}.of(err)
}

func clanInvite(c *call) (any, error) {
	user, clan := c.in.Body("user_id").Int(), c.in.Body("clan_id").Int()
	if err := c.in.Err(); err != nil {
		return nil, err
	}
	err := c.s.clans.Invite(c.r.Context(), c.user.ID, clan, user)
	return nil, wording{
		clans.NotMember:      refuse(http.StatusForbidden, "Clan doesn't exist or inviter isn't in it"),
		clans.RankTooLow:     refuse(http.StatusForbidden, "Inviter is not clan admin"),
		clans.NoPlayer:       refuse(http.StatusUnprocessableEntity, "Invitee doesn't exist"),
		clans.AlreadyRelated: refuse(http.StatusUnprocessableEntity, "Invitee has an existing relation to clan (invited/member/left/kicked)"),
		clans.Full:           refuse(http.StatusUnprocessableEntity, textClanFull),
	}.of(err)
}

func clanInviteResponse(c *call) (any, error) {
	clan, accept := c.in.Body("clan_id").Int(), c.in.Body("accept").Bool()
	if err := c.in.Err(); err != nil {
		return nil, err
	}
	err := c.s.clans.Answer(c.r.Context(), c.user.ID, clan, accept)
	return nil, wording{
		clans.AlreadyMember: refuse(http.StatusUnprocessableEntity, "User is already a member of clan"),
		clans.WasDeclined:   refuse(http.StatusUnprocessableEntity, "User previously declined this invitation"),
		clans.WasRetracted:  refuse(http.StatusUnprocessableEntity, "This invitation has been retracted"),
		clans.HasLeft:       refuse(http.StatusUnprocessableEntity, "User has left clan and was not reinvited"),
		clans.WasKicked:     refuse(http.StatusUnprocessableEntity, "User was kicked from clan and was not reinvited"),
		clans.NotInvited:    refuse(http.StatusUnprocessableEntity, "User is not invited to join clan"),
	}.of(err)
}

func clanKick(c *call) (any, error) {
	clan, user := c.in.Body("clan_id").Int(), c.in.Body("user_id").Int()
	if err := c.in.Err(); err != nil {
		return nil, err
	}
	err := c.s.clans.Kick(c.r.Context(), c.user.ID, clan, user)
	outside := refuse(http.StatusForbidden, "Clan doesn't exist or user is not in it.")
	return nil, wording{
		clans.NotMember: outside, clans.TargetNotMember: outside,
		clans.RankTooLow:      refuse(http.StatusForbidden, "User is not authorized to kick members of this clan"),
		clans.TargetProtected: refuse(http.StatusForbidden, "Clan admins cannot be kicked"),
	}.of(err)
}

func clanUpdateRank(c *call) (any, error) {
	user, clan := c.in.Body("user_id").Int(), c.in.Body("clan_id").Int()
	rank := clans.Rank(c.in.Body("rank").Enum(string(clans.Owner), string(clans.Admin), string(clans.Member)))
	if err := c.in.Err(); err != nil {
		return nil, err
	}
	link, err := c.s.clans.SetRank(c.r.Context(), c.user.ID, clan, user, rank)
	return readLink(link), wording{
		clans.NotMember:       refuse(http.StatusForbidden, "Clan doesn't exist or modifying user is not in it."),
		clans.TargetNotMember: refuse(http.StatusForbidden, "Clan doesn't exist or subject user is not in it."),
		clans.NotOutranked:    refuse(http.StatusForbidden, "Modifying user does not outrank subject user."),
		clans.RankTooHigh:     refuse(http.StatusForbidden, "New rank is above the modifying user's rank."),
	}.of(err)
}
