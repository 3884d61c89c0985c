package a2s

import (
	"encoding/json"
	"math"
	"net/netip"
	"time"
)

// Answer is what one server answered to a question for several parts. A part
// that was not asked for is nil and has no error.
type Answer struct {
	Address netip.AddrPort
	Info    *Info
	Players *Players
	Rules   *Rules
	// Errors has why a part is missing. A server that is silent to one
	// question often answers the others.
	Errors map[Part]error
	// Ping is how long the first reply of all took; 0 when there was none.
	Ping time.Duration
}

// Err returns the error of the first part that is missing, nil if all that
// was asked for is there.
func (a Answer) Err() error {
	for _, p := range parts {
		if err := a.Errors[p]; err != nil {
			return err
		}
	}
	return nil
}

// fail notes why a part is missing.
func (a *Answer) fail(p Part, err error) {
	if a.Errors == nil {
		a.Errors = map[Part]error{}
	}
	a.Errors[p] = err
}

// set takes the outcome of a finished query over.
func (a *Answer) set(q *query) {
	if a.Ping == 0 {
		a.Ping = q.ping
	}
	if q.err != nil {
		a.fail(q.part, q.err)
		return
	}
	switch q.part {
	case PartInfo:
		q.info.Ping = q.ping
		a.Info = &q.info
	case PartPlayers:
		q.players.Ping = q.ping
		a.Players = &q.players
	case PartRules:
		q.rules.Ping = q.ping
		a.Rules = &q.rules
	}
}

// MarshalJSON writes {"address", "ping_ms", "info", "players", "rules"}. A
// part that is missing is {"error": {"code", "message"}}, see Code; one that
// was not asked for is left out.
func (a Answer) MarshalJSON() ([]byte, error) {
	v := struct {
		Address netip.AddrPort `json:"address"`
		Ping    *float64       `json:"ping_ms,omitempty"`
		Info    any            `json:"info,omitempty"`
		Players any            `json:"players,omitempty"`
		Rules   any            `json:"rules,omitempty"`
	}{Address: a.Address, Ping: milliseconds(a.Ping)}
	if a.Info != nil {
		v.Info = a.Info
	} else if err := a.Errors[PartInfo]; err != nil {
		v.Info = ErrorJSON(err)
	}
	if a.Players != nil {
		v.Players = a.Players
	} else if err := a.Errors[PartPlayers]; err != nil {
		v.Players = ErrorJSON(err)
	}
	if a.Rules != nil {
		v.Rules = a.Rules
	} else if err := a.Errors[PartRules]; err != nil {
		v.Rules = ErrorJSON(err)
	}
	return json.Marshal(v)
}

// Failure is an error in JSON.
type Failure struct {
	Code    string `json:"code"` // see Code
	Message string `json:"message"`
}

// Reason returns err for JSON.
func Reason(err error) Failure { return Failure{Code(err), err.Error()} }

// ErrorJSON returns what stands in JSON in place of a part that is missing:
// {"error": {"code", "message"}}.
func ErrorJSON(err error) any { return map[string]Failure{"error": Reason(err)} }

// MarshalJSON adds server_type_raw, platform_raw and ping_ms.
func (i Info) MarshalJSON() ([]byte, error) {
	type plain Info
	return json.Marshal(struct {
		plain
		ServerTypeRaw byte     `json:"server_type_raw"`
		PlatformRaw   byte     `json:"platform_raw"`
		Ping          *float64 `json:"ping_ms,omitempty"`
	}{plain(i), byte(i.ServerType), byte(i.Platform), milliseconds(i.Ping)})
}

// MarshalJSON adds ping_ms.
func (p Players) MarshalJSON() ([]byte, error) {
	type plain Players
	return json.Marshal(struct {
		plain
		Ping *float64 `json:"ping_ms,omitempty"`
	}{plain(p), milliseconds(p.Ping)})
}

// MarshalJSON writes a duration that is no number as null.
func (p Player) MarshalJSON() ([]byte, error) {
	type plain Player
	var duration *float32
	if d := float64(p.Duration); !math.IsNaN(d) && !math.IsInf(d, 0) {
		duration = &p.Duration
	}
	return json.Marshal(struct {
		plain
		Duration *float32 `json:"duration"`
	}{plain(p), duration})
}

// MarshalJSON adds rules, an object of names and values, list, which has all
// of them in order and with their raw bytes in base64, and ping_ms.
func (r Rules) MarshalJSON() ([]byte, error) {
	type plain Rules
	list := r.List
	if list == nil {
		list = []Rule{}
	}
	return json.Marshal(struct {
		plain
		Rules map[string]string `json:"rules"`
		List  []Rule            `json:"list"`
		Ping  *float64          `json:"ping_ms,omitempty"`
	}{plain(r), r.Map(), list, milliseconds(r.Ping)})
}

// MarshalText writes the name of the mode.
func (m ShipMode) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// milliseconds returns nil for 0, which is "not measured".
func milliseconds(d time.Duration) *float64 {
	if d == 0 {
		return nil
	}
	ms := float64(d.Round(time.Microsecond)) / float64(time.Millisecond)
	return &ms
}
