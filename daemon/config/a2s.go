package config

import "time"

// A2S configures how game servers are asked what they are, who plays and how
// they are set up.
type A2S struct {
	// Timeout bounds one question with its retries.
	Timeout Duration `toml:"timeout"`
	// Window bounds the servers that are being asked at the same time.
	Window int `toml:"window"`
	// PPS bounds the packets that are sent per second.
	PPS int `toml:"pps"`
	// PerIP bounds the servers of one address that are being asked at the
	// same time.
	PerIP int `toml:"per_ip"`
}

func defaultA2S() A2S {
	return A2S{Timeout: Duration(5 * time.Second), Window: 2000, PPS: 2000, PerIP: 4}
}

func (a A2S) validate(k *check) {
	k.that(a.Timeout.Std() >= 100*time.Millisecond && a.Timeout.Std() <= time.Minute, "a2s.timeout", "must be from 100ms to 1m, not %s", a.Timeout)
	k.that(a.Window >= 1 && a.Window <= 50000, "a2s.window", "must be from 1 to 50000, not %d", a.Window)
	k.that(a.PPS >= 1 && a.PPS <= 1000000, "a2s.pps", "must be from 1 to 1000000, not %d", a.PPS)
	k.that(a.PerIP >= 1 && a.PerIP <= 1000, "a2s.per_ip", "must be from 1 to 1000, not %d", a.PerIP)
}
