package steamcmd

import (
	"fmt"
	"time"
)

// Failure is a download that did not succeed, and why.
type Failure struct {
	Reason Reason
	Text   string    // SteamCMD's own words or what was found; "" when there are none
	Runs   int       // how often SteamCMD was run
	Until  time.Time // before which another try is not worth while
	Tail   string    // the end of the last run's output, for the log
}

// Error says what happened in one line. It holds no output of SteamCMD but
// the words of its reason.
func (f *Failure) Error() string {
	text := "SteamCMD: " + f.Reason.Code
	if f.Text != "" {
		text += fmt.Sprintf(" (%s)", f.Text)
	}
	if f.Runs > 1 {
		text += fmt.Sprintf(" after %d runs", f.Runs)
	}
	return text
}
