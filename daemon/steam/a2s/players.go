package a2s

import (
	"math"
	"time"
)

// Players is the list of who plays.
type Players struct {
	ResponseType byte `json:"response_type"` // ReplyPlayers
	// Count is what the server stated, NamedCount how many of Players have a
	// name: those without are still connecting.
	Count      uint8    `json:"player_count"`
	NamedCount int      `json:"named_count"`
	Players    []Player `json:"players"`
	// Truncated means that fewer players came than were stated.
	Truncated bool `json:"truncated"`
	// Ping is as in Info.
	Ping time.Duration `json:"-"`
}

// Player is one of the list.
type Player struct {
	Index uint8  `json:"index"` // usually 0
	Name  string `json:"name"`
	Score int32  `json:"score"`
	// Duration is how many seconds the player has been there; it may be -1,
	// not a number or infinite. JSON has null for the last two.
	Duration float32 `json:"duration"`
	// Ship is set for The Ship only.
	Ship *ShipPlayer `json:"ship,omitempty"`
}

// ShipPlayer is what The Ship adds to a player.
type ShipPlayer struct {
	Deaths int32 `json:"deaths"`
	Money  int32 `json:"money"`
}

// DecodePlayers reads a whole reply to PLAYER. The Ship's additions are known
// in two places, behind each player and behind all of them, and are told
// apart by what fits exactly.
func DecodePlayers(b []byte) (Players, error) {
	r, err := body(b, ReplyPlayers)
	if err != nil {
		return Players{}, err
	}
	count := r.u8()
	if r.short {
		return Players{}, malformed("PLAYER has no count")
	}
	start := r.b
	p := readPlayers(r, count, false)
	switch {
	case r.short || len(r.b) == 0:
	case len(r.b) == 8*int(count):
		for i := range p.Players {
			p.Players[i].Ship = readShip(r)
		}
		return p, nil
	}
	if r.short || len(r.b) > 0 {
		other := &reader{b: start}
		if q := readPlayers(other, count, true); !other.short && len(other.b) == 0 {
			return q, nil
		}
	}
	return p, nil
}

// readPlayers reads up to count players, and keeps those before a cut.
func readPlayers(r *reader, count uint8, ship bool) Players {
	p := Players{ResponseType: ReplyPlayers, Count: count, Players: []Player{}}
	for range count {
		next := Player{Index: r.u8(), Name: r.str(), Score: int32(r.u32()), Duration: r.f32()}
		if ship {
			next.Ship = readShip(r)
		}
		if r.short {
			break
		}
		p.Players = append(p.Players, next)
		if next.Name != "" {
			p.NamedCount++
		}
	}
	p.Truncated = len(p.Players) < int(count)
	return p
}

func readShip(r *reader) *ShipPlayer {
	return &ShipPlayer{Deaths: int32(r.u32()), Money: int32(r.u32())}
}

// AppendPlayers appends the whole reply to PLAYER with the first 255 players.
// The Ship's additions follow behind all of them when every player has them.
func AppendPlayers(b []byte, players []Player) []byte {
	players = players[:min(len(players), math.MaxUint8)]
	b = append(appendHeader(b, ReplyPlayers), byte(len(players)))
	ship := true
	for _, p := range players {
		b = appendString(append(b, p.Index), p.Name)
		b = order.AppendUint32(b, uint32(p.Score))
		b = order.AppendUint32(b, math.Float32bits(p.Duration))
		ship = ship && p.Ship != nil
	}
	if !ship {
		return b
	}
	for _, p := range players {
		b = order.AppendUint32(order.AppendUint32(b, uint32(p.Ship.Deaths)), uint32(p.Ship.Money))
	}
	return b
}
