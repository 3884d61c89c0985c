package config

import (
	"fmt"
	"math"
	"strings"
	"time"
)

// Demos configures the demo sink: recordings of matches that are streamed
// here while they are made.
type Demos struct {
	Enabled bool `toml:"enabled"`
	// VerifyServers asks Steam whether the game server exists before a
	// recording is accepted. It needs steam.api_key.
	VerifyServers bool `toml:"verify_servers"`
	// AcceptUnverified takes recordings while Steam cannot be asked; they are
	// marked.
	AcceptUnverified bool `toml:"accept_unverified"`
	// Grace is how long a recording waits for its player after the connection
	// ended before it is closed; 0 = for ever.
	Grace Duration `toml:"grace"`
	// Idle is how long a connection may be silent; a paused game sends nothing.
	Idle Duration `toml:"idle"`
	// MaxSessionBytes bounds one recording.
	MaxSessionBytes Size `toml:"max_session_bytes"`
	// MaxBytes bounds all recordings together; 0 = no limit.
	MaxBytes Size `toml:"max_bytes"`
	// MaxAge is after how long a recording may be deleted; 0 = never.
	MaxAge Duration `toml:"max_age"`
	// KeepFlagged never deletes recordings with detections or reports.
	KeepFlagged bool `toml:"keep_flagged"`
	// MaxPruneRatio is the share of the recordings that may turn out to be
	// unknown files before nothing is deleted any more.
	MaxPruneRatio float64 `toml:"max_prune_ratio"`
	// Watch are folders whose demos are taken in. They are only ever read.
	Watch []string `toml:"watch"`
}

func defaultDemos() Demos {
	return Demos{
		Enabled: true, AcceptUnverified: true, Grace: Duration(2 * time.Minute), Idle: Duration(15 * time.Minute),
		MaxSessionBytes: 4 << 30, KeepFlagged: true, MaxPruneRatio: 0.05, Watch: []string{},
	}
}

func (d Demos) validate(k *check) {
	k.that(d.Grace == 0 || d.Grace.Std() >= time.Second, "demos.grace", "must be 0 (never) or at least 1s, not %s", d.Grace)
	k.that(d.Idle.Std() >= time.Minute, "demos.idle", "must be at least 1m, not %s; a paused game sends nothing", d.Idle)
	k.that(d.MaxSessionBytes >= 1<<20, "demos.max_session_bytes", "must be at least 1MiB, not %s", d.MaxSessionBytes)
	k.that(!math.IsNaN(d.MaxPruneRatio) && d.MaxPruneRatio >= -1 && d.MaxPruneRatio <= 1, "demos.max_prune_ratio",
		"must be from -1 to 1, not %g", d.MaxPruneRatio)
	for i, dir := range d.Watch {
		k.that(strings.TrimSpace(dir) != "", fmt.Sprintf("demos.watch[%d]", i), "is empty; write the path of a folder with demos")
	}
}
