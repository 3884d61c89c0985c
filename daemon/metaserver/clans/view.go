package clans

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"
	"time"
)

// View is a clan as JSON.
type View struct {
	ID        string    `json:"id"`
	Tag       string    `json:"tag" doc:"With its colour codes."`
	Visible   string    `json:"visible_tag" doc:"Without its colour codes."`
	Name      string    `json:"name"`
	Members   int64     `json:"members"`
	IconURL   string    `json:"icon_url" doc:"Path of a PNG image of at most 64 by 64 pixels."`
	Created   time.Time `json:"created_at"`
	Disbanded time.Time `json:"disbanded_at,omitzero" doc:"Absent while the clan stands."`
	Reason    string    `json:"disband_reason,omitempty" doc:"Why a moderator disbanded it."`
}

func id(n int64) string { return strconv.FormatInt(n, 10) }

// JSON shapes a clan as the API shows it.
func (c Clan) JSON() View {
	v := View{
		ID: id(c.ID), Tag: string(c.Tag), Visible: c.Tag.Visible(), Name: c.Name, Members: c.Members,
		IconURL: "/v1/clan/icon/" + id(c.ID) + ".png", Created: c.Created, Disbanded: c.Disbanded, Reason: c.Reason,
	}
	if c.Icon != "" { // so that a new icon is seen at once
		sum := sha256.Sum256([]byte(c.Icon))
		v.IconURL += "?v=" + hex.EncodeToString(sum[:6])
	}
	return v
}

// MemberView is a member as JSON.
type MemberView struct {
	Account string    `json:"account"`
	Name    string    `json:"name,omitempty" doc:"Absent when the account was deleted."`
	Rank    Rank      `json:"rank" enum:"owner,admin,member"`
	Joined  time.Time `json:"joined_at"`
}

// InvitedView is an open invitation as JSON, as the clan sees it.
type InvitedView struct {
	Account string    `json:"account"`
	Name    string    `json:"name,omitempty"`
	Invited time.Time `json:"invited_at"`
}

// BelongingView is a membership or an invitation as JSON, as the player sees
// it.
type BelongingView struct {
	Clan    string    `json:"clan"`
	Tag     string    `json:"tag"`
	Visible string    `json:"visible_tag"`
	Name    string    `json:"name"`
	IconURL string    `json:"icon_url"`
	Rank    Rank      `json:"rank" enum:"owner,admin,member"`
	Invited time.Time `json:"invited_at"`
	Joined  time.Time `json:"joined_at,omitzero" doc:"Absent in an invitation."`
}

// ViewBelongings shows the clans of somebody, or his invitations.
func ViewBelongings(all []Belonging) []BelongingView {
	list := make([]BelongingView, len(all))
	for i, b := range all {
		list[i] = BelongingView{
			id(b.Clan), string(b.Tag), b.Tag.Visible(), b.Name, Clan{ID: b.Clan}.JSON().IconURL, b.Rank, b.Invited, b.Joined,
		}
	}
	return list
}

// DetailView is a clan with its people as JSON.
type DetailView struct {
	View
	Roster  []MemberView  `json:"roster" nullable:"false" doc:"The members, the highest rank first."`
	Invites []InvitedView `json:"invites,omitempty" doc:"Open invitations; only members and moderators see them."`
	Skins   []SkinView    `json:"skins" nullable:"false"`
	You     YouView       `json:"you"`
}

// YouView is what the caller has to do with a clan, as JSON.
type YouView struct {
	State    string `json:"state" enum:"none,invited,member"`
	Rank     Rank   `json:"rank,omitempty" doc:"Of a member."`
	Moderate bool   `json:"moderate" doc:"You may change it as a moderator, with a reason."`
}

// SkinView is a skin as JSON.
type SkinView struct {
	ID          string    `json:"id"`
	Kind        string    `json:"kind"`
	Unit        string    `json:"unit"`
	ModelPath   string    `json:"model_path"`
	Description string    `json:"description,omitempty"`
	Created     time.Time `json:"created_at"`
}

// JSON shapes a skin as the API shows it.
func (s Skin) JSON() SkinView {
	return SkinView{id(s.ID), s.Kind, s.Unit, s.ModelPath, s.Description, s.Created}
}

func viewSkins(all []Skin) []SkinView {
	list := make([]SkinView, len(all))
	for i, k := range all {
		list[i] = k.JSON()
	}
	return list
}

// names returns the display names of the accounts of links.
func (s *Service) names(ctx context.Context, links ...[]Link) (map[int64]string, error) {
	var ids []int64
	for _, l := range slices.Concat(links...) {
		ids = append(ids, l.Account)
	}
	return s.namesOf(ctx, ids)
}

func (s *Service) namesOf(ctx context.Context, ids []int64) (map[int64]string, error) {
	names := map[int64]string{}
	if len(ids) == 0 {
		return names, nil
	}
	people, err := s.people.Known(ctx, ids)
	for _, p := range people {
		names[p.ID] = p.Name
	}
	return names, err
}

// Describe returns everything that the caller may know about a clan; NoClan.
func (s *Service) Describe(ctx context.Context, who Actor, clan int64) (v DetailView, err error) {
	c, err := s.Clan(ctx, clan)
	if err != nil {
		return v, err
	}
	members, err := s.Members(ctx, clan)
	if err != nil {
		return v, err
	}
	own, err := s.Link(ctx, clan, who.Account)
	if err != nil {
		return v, err
	}
	var invites []Link
	if own.Member() || who.Moderator {
		if invites, err = s.links(ctx, clan, isInvited); err != nil {
			return v, err
		}
	}
	skins, err := s.SkinsOfClan(ctx, clan)
	if err != nil {
		return v, err
	}
	names, err := s.names(ctx, members, invites)
	v = DetailView{View: c.JSON(), Roster: viewRoster(members, names), Skins: viewSkins(skins), You: YouView{State: "none", Moderate: who.Moderator}}
	for _, l := range invites {
		v.Invites = append(v.Invites, InvitedView{id(l.Account), names[l.Account], l.Invited})
	}
	switch {
	case own.Member():
		v.You.State, v.You.Rank = "member", own.Rank
	case own.Open():
		v.You.State = "invited"
	}
	return v, err
}

// viewRoster sorts members by rank and then by how long they belong.
func viewRoster(members []Link, names map[int64]string) []MemberView {
	members = slices.SortedFunc(slices.Values(members), func(a, b Link) int {
		return cmp.Or(cmp.Compare(b.Rank.level(), a.Rank.level()), a.Joined.Compare(b.Joined), cmp.Compare(a.Account, b.Account))
	})
	list := make([]MemberView, len(members))
	for i, l := range members {
		list[i] = MemberView{id(l.Account), names[l.Account], l.Rank, l.Joined}
	}
	return list
}
