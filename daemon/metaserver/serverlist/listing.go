package serverlist

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/steam/webapi"
)

// Cause says why a server is listed or not.
type Cause string

// Causes.
const (
	Listed          Cause = "listed"
	NeverReported   Cause = "never_reported"
	Silent          Cause = "silent"
	TakenOff        Cause = "offline"
	HiddenByStaff   Cause = "hidden"
	ClosedByStaff   Cause = "closed"
	NotReachable    Cause = "unreachable"
	PrivateAddress  Cause = "private_address"
	ReportsFullness Cause = "overfull"
)

// Listing tells the owner of a server why it is listed or not, in words.
type Listing struct {
	Listed bool
	Cause  Cause
	Text   string
	// Warnings are what keeps players out although the server is listed.
	Warnings []Warning
}

// Warning is something that the owner should look at.
type Warning struct {
	Cause Cause
	Text  string
}

// Explain says why a server is listed or not.
func (s *Service) Explain(v *Server) Listing { return s.board.explain(v) }

func (b *board) explain(v *Server) Listing {
	now := b.now()
	l := Listing{Warnings: warnings(v)}
	ago := ageText(now.Sub(v.Updated))
	window := ageText(b.window)
	switch {
	case v.State == StateClosed:
		l.Cause, l.Text = ClosedByStaff, "Not listed, because a moderator closed it: "+v.Reason
	case v.State == StateHidden:
		l.Cause, l.Text = HiddenByStaff, "Not listed, because a moderator hid it: "+v.Reason
	case v.Updated.IsZero():
		l.Cause, l.Text = NeverReported, fmt.Sprintf("Not listed, because it never sent a heartbeat. "+
			"The game server sends one to /v1/server/update, with its id and password, every 20 to 30 seconds.")
	case !v.Updated.After(v.Offline):
		l.Cause, l.Text = TakenOff, "Not listed, because it was taken off the list after its last heartbeat. The next one brings it back."
	case !v.reports(now, b.window):
		l.Cause, l.Text = Silent, fmt.Sprintf("Not listed, because its last heartbeat came %s ago; it must be younger than %s.", ago, window)
	case !b.unreachable && v.unreachable():
		l.Cause, l.Text = NotReachable, "Not listed, because "+v.Check.text()+". Ask for another check when that is mended."
	default:
		l.Listed, l.Cause, l.Text = true, Listed, fmt.Sprintf("Listed, because its last heartbeat came %s ago.", ago)
	}
	return l
}

// warnings are what is wrong with a server whether it is listed or not.
func warnings(v *Server) []Warning {
	var all []Warning
	host, _ := v.Public()
	if a, err := netip.ParseAddr(hostOf(host)); err == nil && !webapi.Public(a) {
		all = append(all, Warning{PrivateAddress, "Players elsewhere cannot reach " + host +
			", which is no address of the public internet. Set the public host to the address of your router, or to that of your tunnel."})
	}
	if v.unreachable() && v.Check.Outcome != PrivateHost {
		all = append(all, Warning{NotReachable, "Players may not get in: " + v.Check.text() + "."})
	}
	if v.Players > v.MaxPlayers {
		all = append(all, Warning{ReportsFullness, fmt.Sprintf("It reports %d players, and room for %d.", v.Players, v.MaxPlayers)})
	}
	return all
}

// text says what a check found, naming the address and the port.
func (c *Check) text() string {
	at := c.At.UTC().Format("2006-01-02 15:04:05") + " UTC"
	where := net.JoinHostPort(c.Address, strconv.Itoa(c.Port))
	switch c.Outcome {
	case Reachable:
		return fmt.Sprintf("%s answered at %s", where, at)
	case NoAnswer:
		transport := "TCP"
		if c.Kind == KindA2S {
			transport = "UDP"
		}
		return fmt.Sprintf("%s port %d of %s (%s) did not answer at %s", transport, c.Port, hostOf(c.Host), c.Address, at)
	case UnknownName:
		return fmt.Sprintf("the name %s had no address at %s", hostOf(c.Host), at)
	case PrivateHost:
		return fmt.Sprintf("%s is no address of the public internet", hostOf(c.Host))
	case ReservedPort:
		return fmt.Sprintf("port %d is below 1024 and is not checked", c.Port)
	}
	return "the check failed"
}

// ageText is a length of time in words.
func ageText(d time.Duration) string {
	d = max(d, 0)
	count := func(n int64, unit string) string {
		if n == 1 {
			return "1 " + unit
		}
		return fmt.Sprintf("%d %ss", n, unit)
	}
	switch {
	case d < 2*time.Minute:
		return count(int64(d/time.Second), "second")
	case d < 2*time.Hour:
		return count(int64(d/time.Minute), "minute")
	case d < 48*time.Hour:
		return count(int64(d/time.Hour), "hour")
	}
	return count(int64(d/(24*time.Hour)), "day")
}
