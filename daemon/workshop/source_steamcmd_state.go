package workshop

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/steam/steamcmd"
)

const hintSteamCMD = "set steamcmd.path to an installed SteamCMD"

// failed says what a failure of SteamCMD means for the version. Reasons that
// concern the item are fault.NotFound, which ends the job, those that pass
// fault.Unavailable, with which it is tried again by itself; the error carries how long another run is not worth while.
func (s *SteamCMD) failed(f *steamcmd.Failure) *fault.Error {
	kind := fault.Unavailable
	switch {
	case f.Reason.Code == steamcmd.CodeTooLarge:
		kind = fault.TooLarge
	case f.Reason.Code == steamcmd.CodeDisk:
		kind = fault.NoSpace
	case f.Reason.Class == steamcmd.Permanent:
		kind = fault.NotFound
	}
	err := fault.Wrap(f, kind, "SteamCMD did not bring the item: %s", words(f)).
		WithRetryAfter(max(f.Until.Sub(s.o.Clock.Now()), 0))
	if f.Reason.Hint != "" {
		err = err.WithHint("%s", f.Reason.Hint)
	}
	return err
}

// words is the reason for everybody's eyes: SteamCMD's own if they are known
// ones, since what else the text says may name folders of this machine.
func words(f *steamcmd.Failure) string {
	text := strings.TrimRight(strings.TrimSpace(f.Text), ".!")
	known := func(t string) bool { return strings.EqualFold(t, text) }
	if slices.ContainsFunc(f.Reason.Texts, known) {
		return text
	}
	return strings.ReplaceAll(f.Reason.Code, "-", " ")
}

// refused says why SteamCMD was not run at all.
func (s *SteamCMD) refused(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if f, ok := errors.AsType[*steamcmd.Failure](err); ok {
		return s.failed(f)
	}
	if errors.Is(err, steamcmd.ErrNotInstalled) {
		return fault.Wrap(err, fault.NotFound, "SteamCMD is not where steamcmd.path says").WithHint("%s", hintSteamCMD)
	}
	return fault.Wrap(err, fault.Unavailable, "SteamCMD cannot be run").WithRetryAfter(time.Minute)
}

// SteamCMDState says in one word how the source "steamcmd" is doing.
type SteamCMDState string

// The states.
const (
	SteamCMDOff     SteamCMDState = "off"     // not configured
	SteamCMDMissing SteamCMDState = "missing" // configured and not there
	SteamCMDWaiting SteamCMDState = "waiting" // left alone until RetryAt
	SteamCMDReady   SteamCMDState = "ready"
)

// words says the same to anybody: without paths and names.
func (s SteamCMDState) words() string {
	switch s {
	case SteamCMDReady:
		return "SteamCMD is ready"
	case SteamCMDMissing:
		return "SteamCMD is not where steamcmd.path says"
	case SteamCMDWaiting:
		return "SteamCMD is not run for a while"
	case SteamCMDOff:
		return "SteamCMD is not used"
	}
	return ""
}

// SteamCMDStatus says how the source "steamcmd" is doing.
type SteamCMDStatus struct {
	State SteamCMDState
	// Text says the same to people, Hint what can be done about it.
	Text, Hint string
	// Running and Waiting count downloads.
	Running, Waiting int
	// RetryAt is when it is used again, zero if nothing keeps it.
	RetryAt time.Time
	// LastError is of the last download, "" if it succeeded.
	LastError string
}

// steamcmdStatus returns how SteamCMD is doing.
func (s *Service) steamcmdStatus() SteamCMDStatus {
	if s.steamcmd == nil {
		st := SteamCMDStatus{State: SteamCMDOff, Text: SteamCMDOff.words() + ", because steamcmd.path is not set", Hint: hintSteamCMD}
		if s.options.SteamCMD.Path != "" {
			st.Text, st.Hint = SteamCMDOff.words()+", because workshop.sources does not name it", `add "steamcmd" to workshop.sources`
		}
		return st
	}
	return s.steamcmd.status()
}

func (s *SteamCMD) status() SteamCMDStatus {
	r := s.runner.State()
	st := SteamCMDStatus{State: SteamCMDReady, Running: r.Running, Waiting: r.Waiting, RetryAt: r.Until, LastError: r.LastError}
	switch {
	case r.Path == "":
		st.State = SteamCMDMissing
		st.Text = fmt.Sprintf("SteamCMD is not at %s, where steamcmd.path says", s.o.Config.Path)
		st.Hint = "install SteamCMD, or correct steamcmd.path; it names the program or its folder"
	case !r.Until.IsZero():
		st.State = SteamCMDWaiting
		st.Text = fmt.Sprintf("SteamCMD is not run until %s: %s", r.Until.UTC().Format("15:04 UTC"), r.LastError)
		st.Hint = r.Reason.Hint
		if r.Reason.Class == steamcmd.Account && r.Login != steamcmd.Anonymous {
			st.Hint += fmt.Sprintf(" The account is %s, the home folder %s. Then retry a job.", r.Login, r.Home)
		}
	default:
		st.Text = st.State.words() + ", with the login " + r.Login
	}
	return st
}

// problem is what an operator should know of it, if there is something.
func (st SteamCMDStatus) problem() (Problem, bool) {
	switch st.State {
	case SteamCMDMissing:
		return Problem{Code: problemSteamCMDMissing, Text: st.Text, Hint: st.Hint}, true
	case SteamCMDWaiting:
		return Problem{Code: problemSteamCMDWaits, Text: st.Text, Hint: st.Hint}, true
	}
	return Problem{}, false
}
