package metaserver

import (
	"net/http"

	"github.com/quartermasterd/quartermaster/daemon/metaserver/clans"
)

func (s *Service) skinEndpoints() []endpoint {
	skins := listOf(ref("Skin"))
	return []endpoint{
		{method: "GET", path: "/v1/skin/for-user/by-id", op: "skin_for_user_by_id", auth: authUser, serve: skinsOfUser,
			doc: operationDoc{summary: "The skins of a user, and of a clan of his", query: append(ints("user_id"), optionalInts("clan_id")...), answer: skins, errors: []int{404}}},
		{method: "GET", path: "/v1/skin/for-clan/by-id", op: "skin_for_clan_by_id", auth: authUser, serve: skinsOfClan,
			doc: operationDoc{summary: "The skins of a clan", query: ints("clan_id"), answer: skins, errors: []int{404}}},
	}
}

// wireSkin is a skin on the wire.
type wireSkin struct {
	ID          int64   `json:"id"`
	Description *string `json:"description"`
	Kind        string  `json:"kind"`
	Unit        string  `json:"unit"`
	ModelPath   string  `json:"model_path"`
}

func readSkins(all []clans.Skin) []wireSkin {
	list := make([]wireSkin, len(all))
	for i, k := range all {
		list[i] = wireSkin{ID: k.ID, Kind: k.Kind, Unit: k.Unit, ModelPath: k.ModelPath}
		if k.Description != "" {
			list[i].Description = &all[i].Description
		}
	}
	return list
}

func skinsOfUser(c *call) (any, error) {
	user, clan := c.in.Query("user_id").Int(), int64(0)
	if f := c.in.Query("clan_id"); f.Given() {
		clan = f.Int()
	}
	if err := c.in.Err(); err != nil {
		return nil, err
	}
	if err := c.knownUser(user); err != nil {
		return nil, err
	}
	all, err := c.s.clans.SkinsOf(c.r.Context(), user)
	if err != nil || clan == 0 {
		return readSkins(all), err
	}
	more, err := c.s.clans.SkinsOfClan(c.r.Context(), clan)
	return readSkins(append(all, more...)), noClan(err)
}

func skinsOfClan(c *call) (any, error) {
	clan := c.in.Query("clan_id").Int()
	if err := c.in.Err(); err != nil {
		return nil, err
	}
	all, err := c.s.clans.SkinsOfClan(c.r.Context(), clan)
	return readSkins(all), noClan(err)
}

// noClan gives an unknown clan the words of the original.
func noClan(err error) error {
	return wording{clans.NoClan: refuse(http.StatusNotFound, textNoClan)}.of(err)
}
