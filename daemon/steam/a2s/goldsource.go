package a2s

// GoldSource is what only the old reply to INFO tells.
type GoldSource struct {
	Address string `json:"address"` // ip:port as the server sees itself
	IsMod   bool   `json:"is_mod"`
	Mod     *Mod   `json:"mod,omitempty"`
}

// Mod describes the mod of a GoldSource server.
type Mod struct {
	URL        string `json:"url"`
	Download   string `json:"download"`
	Version    uint32 `json:"version"`
	Size       uint32 `json:"size"` // bytes
	ServerOnly bool   `json:"server_only"`
	OwnDLL     bool   `json:"own_dll"`
}

// decodeGoldSource reads the old reply to INFO. Some servers say that they
// run a mod and describe none.
func decodeGoldSource(b []byte) (Info, error) {
	r, err := body(b, ReplyGoldSource)
	if err != nil {
		return Info{}, err
	}
	g := &GoldSource{Address: r.str()}
	i := Info{ResponseType: ReplyGoldSource, ServerName: r.str(), Map: r.str(), Folder: r.str(), Game: r.str(), GoldSource: g}
	i.PlayerCount, i.MaxPlayers, i.Protocol = r.u8(), r.u8(), r.u8()
	i.ServerType, i.Platform, i.PasswordProtected = ServerType(r.u8()), Platform(r.u8()), r.u8() != 0
	g.IsMod = r.u8() != 0
	if g.IsMod && len(r.b) > 2 {
		m := Mod{URL: r.str(), Download: r.str()}
		r.u8()
		m.Version, m.Size, m.ServerOnly, m.OwnDLL = r.u32(), r.u32(), r.u8() != 0, r.u8() != 0
		g.Mod = &m
	}
	i.VACEnabled = r.u8() != 0
	if r.short {
		return Info{}, malformed("the GoldSource INFO ends early")
	}
	if len(r.b) > 0 { // HLTV ends before
		i.BotCount = r.u8()
	}
	i.TrailingBytes = len(r.b)
	return i, nil
}

func appendGoldSource(b []byte, i Info) []byte {
	g := i.GoldSource
	b = appendHeader(b, ReplyGoldSource)
	for _, s := range []string{g.Address, i.ServerName, i.Map, i.Folder, i.Game} {
		b = appendString(b, s)
	}
	b = append(b, i.PlayerCount, i.MaxPlayers, i.Protocol, byte(i.ServerType), byte(i.Platform))
	b = appendBool(appendBool(b, i.PasswordProtected), g.IsMod)
	if m := g.Mod; g.IsMod && m != nil {
		b = append(appendString(appendString(b, m.URL), m.Download), 0)
		b = order.AppendUint32(order.AppendUint32(b, m.Version), m.Size)
		b = appendBool(appendBool(b, m.ServerOnly), m.OwnDLL)
	}
	return append(appendBool(b, i.VACEnabled), i.BotCount)
}
