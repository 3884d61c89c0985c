package a2s

import (
	"strconv"
	"strings"
	"time"
)

// Info is what a server says about itself. The JSON names are those of
// python-valve where it has the field; 64-bit values are JSON strings.
type Info struct {
	ResponseType byte   `json:"response_type"` // ReplyInfo or ReplyGoldSource
	Protocol     byte   `json:"protocol"`
	ServerName   string `json:"server_name"`
	Map          string `json:"map"`
	Folder       string `json:"folder"`
	Game         string `json:"game"`
	// AppID is the Steam app. It comes from GameID where that is known, since
	// AppIDRaw, the field made for it, has only 16 bits: Rust is 252490 and
	// 55882 there.
	AppID    uint32 `json:"app_id"`
	AppIDRaw uint16 `json:"app_id_raw"`
	// PlayerCount and MaxPlayers end at 255. Servers with more state the real
	// numbers in Keywords, which KeywordPlayers and KeywordMaxPlayers hold.
	PlayerCount       uint8      `json:"player_count"`
	MaxPlayers        uint8      `json:"max_players"`
	KeywordPlayers    *int       `json:"keyword_player_count,omitempty"`
	KeywordMaxPlayers *int       `json:"keyword_max_players,omitempty"`
	BotCount          uint8      `json:"bot_count"`
	ServerType        ServerType `json:"server_type"`
	Platform          Platform   `json:"platform"`
	PasswordProtected bool       `json:"password_protected"`
	VACEnabled        bool       `json:"vac_enabled"`
	Version           string     `json:"version"`
	// EDF, the extra data flag, says which of the next fields were sent.
	EDF           byte     `json:"edf"`
	Port          uint16   `json:"port,omitempty"`
	SteamID       uint64   `json:"steam_id,string,omitempty"`
	SpectatorPort uint16   `json:"spectator_port,omitempty"`
	SpectatorName string   `json:"spectator_name,omitempty"`
	Keywords      []string `json:"keywords,omitempty"`
	GameID        uint64   `json:"game_id,string,omitempty"`
	// Ship is set for The Ship only, GoldSource for ReplyGoldSource only.
	Ship       *Ship       `json:"ship,omitempty"`
	GoldSource *GoldSource `json:"goldsource,omitempty"`
	// Truncated means that the message ended inside the extra data; what came
	// before is there. TrailingBytes counts what nobody knows the meaning of.
	Truncated     bool `json:"truncated"`
	TrailingBytes int  `json:"trailing_bytes,omitempty"`
	// Ping is how long the first reply of any kind took; 0 when it was not
	// measured. JSON has it as ping_ms.
	Ping time.Duration `json:"-"`
}

// Ship is what servers of The Ship add.
type Ship struct {
	Mode      ShipMode `json:"mode"`
	Witnesses uint8    `json:"witnesses"` // that arrest a player
	Duration  uint8    `json:"duration"`  // seconds until the arrest
}

// ShipMode is a game mode of The Ship.
type ShipMode byte

var shipModes = [...]string{"Hunt", "Elimination", "Duel", "Deathmatch", "VIP Team", "Team Elimination"}

// String returns the name of the mode, or unknown.
func (m ShipMode) String() string {
	if int(m) < len(shipModes) {
		return shipModes[m]
	}
	return unknown
}

// shipApp is The Ship.
const shipApp = 2400

// The bits of EDF.
const (
	edfGameID    = 0x01
	edfSteamID   = 0x10
	edfKeywords  = 0x20
	edfSpectator = 0x40
	edfPort      = 0x80
)

// DecodeInfo reads a whole reply to INFO, of both kinds.
func DecodeInfo(b []byte) (Info, error) {
	if len(b) > 4 && b[4] == ReplyGoldSource {
		return decodeGoldSource(b)
	}
	r, err := body(b, ReplyInfo)
	if err != nil {
		return Info{}, err
	}
	i := Info{ResponseType: ReplyInfo, Protocol: r.u8(), ServerName: r.str(), Map: r.str(), Folder: r.str(), Game: r.str(), AppIDRaw: r.u16()}
	i.AppID = uint32(i.AppIDRaw)
	i.PlayerCount, i.MaxPlayers, i.BotCount = r.u8(), r.u8(), r.u8()
	i.ServerType, i.Platform = ServerType(r.u8()), Platform(r.u8())
	i.PasswordProtected, i.VACEnabled = r.u8() != 0, r.u8() != 0
	if i.AppIDRaw == shipApp {
		i.Ship = &Ship{Mode: ShipMode(r.u8()), Witnesses: r.u8(), Duration: r.u8()}
	}
	i.Version = r.str()
	if r.short {
		return Info{}, malformed("INFO ends early")
	}
	i.extra(r)
	return i, nil
}

// extra reads what stands behind the version. A part that is cut is left out
// with all that follow.
func (i *Info) extra(r *reader) {
	if len(r.b) > 0 {
		i.EDF = r.u8()
	}
	if v := r.u16If(i.EDF&edfPort != 0); !r.short {
		i.Port = v
	}
	if v := r.u64If(i.EDF&edfSteamID != 0); !r.short {
		i.SteamID = v
	}
	if i.EDF&edfSpectator != 0 {
		if port, name := r.u16(), r.str(); !r.short {
			i.SpectatorPort, i.SpectatorName = port, name
		}
	}
	if i.EDF&edfKeywords != 0 {
		if tags := r.str(); !r.short {
			i.setKeywords(tags)
		}
	}
	if v := r.u64If(i.EDF&edfGameID != 0); !r.short {
		i.GameID = v
		if app := uint32(v & 0xffffff); app != 0 {
			i.AppID = app
		}
	}
	i.Truncated = r.short
	if !r.short {
		i.TrailingBytes = len(r.b)
	}
}

func (r *reader) u16If(sent bool) uint16 {
	if !sent {
		return 0
	}
	return r.u16()
}

func (r *reader) u64If(sent bool) uint64 {
	if !sent {
		return 0
	}
	return r.u64()
}

// setKeywords splits the tags, which are separated by commas and may begin
// with a space, and takes the counts of players out of them: cp311 and mp400.
func (i *Info) setKeywords(tags string) {
	for tag := range strings.SplitSeq(tags, ",") {
		tag = strings.TrimSpace(tag)
		if tag == "" {
			continue
		}
		i.Keywords = append(i.Keywords, tag)
		if n, ok := countTag(tag, "cp"); ok {
			i.KeywordPlayers = &n
		}
		if n, ok := countTag(tag, "mp"); ok {
			i.KeywordMaxPlayers = &n
		}
	}
}

func countTag(tag, prefix string) (int, bool) {
	digits, ok := strings.CutPrefix(tag, prefix)
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseUint(digits, 10, 31)
	return int(n), err == nil
}

// AppendInfo appends the whole reply to INFO; the GoldSource one if i has
// that part. Fields of the extra data that are not zero are sent, and those
// that EDF names.
func AppendInfo(b []byte, i Info) []byte {
	if i.GoldSource != nil {
		return appendGoldSource(b, i)
	}
	b = append(appendHeader(b, ReplyInfo), i.Protocol)
	for _, s := range []string{i.ServerName, i.Map, i.Folder, i.Game} {
		b = appendString(b, s)
	}
	app := i.AppIDRaw
	if app == 0 {
		app = uint16(i.AppID)
	}
	if i.GameID == 0 && i.AppID != uint32(app) {
		i.GameID = uint64(i.AppID & 0xffffff)
	}
	b = append(b, byte(app), byte(app>>8), i.PlayerCount, i.MaxPlayers, i.BotCount, byte(i.ServerType), byte(i.Platform))
	b = appendBool(appendBool(b, i.PasswordProtected), i.VACEnabled)
	if app == shipApp {
		var s Ship
		if i.Ship != nil {
			s = *i.Ship
		}
		b = append(b, byte(s.Mode), s.Witnesses, s.Duration)
	}
	return i.appendExtra(appendString(b, i.Version))
}

func (i *Info) appendExtra(b []byte) []byte {
	flags := i.EDF
	for _, f := range []struct {
		sent bool
		bit  byte
	}{
		{i.Port != 0, edfPort}, {i.SteamID != 0, edfSteamID}, {i.SpectatorPort != 0 || i.SpectatorName != "", edfSpectator},
		{len(i.Keywords) > 0, edfKeywords}, {i.GameID != 0, edfGameID},
	} {
		if f.sent {
			flags |= f.bit
		}
	}
	if flags == 0 {
		return b
	}
	b = append(b, flags)
	if flags&edfPort != 0 {
		b = order.AppendUint16(b, i.Port)
	}
	if flags&edfSteamID != 0 {
		b = order.AppendUint64(b, i.SteamID)
	}
	if flags&edfSpectator != 0 {
		b = appendString(order.AppendUint16(b, i.SpectatorPort), i.SpectatorName)
	}
	if flags&edfKeywords != 0 {
		b = appendString(b, strings.Join(i.Keywords, ","))
	}
	if flags&edfGameID != 0 {
		b = order.AppendUint64(b, i.GameID)
	}
	return b
}
