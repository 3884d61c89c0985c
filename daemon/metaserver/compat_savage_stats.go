package metaserver

import (
	"net/http"

	"github.com/quartermasterd/quartermaster/daemon/metaserver/matches"
	"github.com/quartermasterd/quartermaster/daemon/metaserver/rating"
)

// statsEndpoints are the rows of the wire for this part.
func (s *Service) statsEndpoints() []endpoint {
	return []endpoint{
		{method: "GET", path: "/v1/user/stats", op: "get_user_stats", auth: authEither, serve: userStats,
			doc: operationDoc{summary: "What a user did on a server", query: ints("user_id", "server_id"), answer: ref("UserStats"), errors: []int{404}}},
		{method: "GET", path: "/v1/user/stats/batch", op: "get_user_stats", auth: authEither, serve: userStatsBatch,
			doc: operationDoc{summary: "What several users did on a server", query: append(intLists("user_ids"), ints("server_id")...), answer: listOf(ref("UserStats"))}},
	}
}

// userStatsRead is what a user did on a server, on the wire.
type userStatsRead struct {
	UserID        int64  `json:"user_id"`
	ServerID      int64  `json:"server_id"`
	FirstSeen     moment `json:"first_seen"`
	LastSeen      moment `json:"last_seen"`
	PlayedField   int64  `json:"matches_played_field"`
	PlayedCommand int64  `json:"matches_played_command"`
	WonField      int64  `json:"matches_won_field"`
	WonCommand    int64  `json:"matches_won_command"`
	SkillRating   int64  `json:"skill_rating"`
}

func readStats(st matches.Stats) userStatsRead {
	return userStatsRead{st.Account, st.Server, moment(st.FirstSeen), moment(st.LastSeen),
		st.PlayedField, st.PlayedCommand, st.WonField, st.WonCommand, rating.Wire(st.Rating)}
}

func userStats(c *call) (any, error) {
	user, server := c.in.Query("user_id").Int(), c.in.Query("server_id").Int()
	if err := c.in.Err(); err != nil {
		return nil, err
	}
	all, err := c.s.matches.Stats(c.r.Context(), server, []int64{user})
	switch {
	case err != nil:
		return nil, err
	case len(all) == 0:
		return nil, refuse(http.StatusNotFound, textNotFound)
	}
	return readStats(all[0]), nil
}

func userStatsBatch(c *call) (any, error) {
	users, server := c.in.Query("user_ids").Ints(maxBatch), c.in.Query("server_id").Int()
	if err := c.in.Err(); err != nil {
		return nil, err
	}
	all, err := c.s.matches.Stats(c.r.Context(), server, users)
	if err != nil {
		return nil, err
	}
	list := make([]userStatsRead, len(all))
	for i, st := range all {
		list[i] = readStats(st)
	}
	return list, nil
}
