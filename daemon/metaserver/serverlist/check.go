package serverlist

import (
	"time"
)

// The ways of asking a server whether it is there.
const (
	KindA2S = "a2s" // A2S_INFO of Valve's server queries, over UDP
	KindTCP = "tcp" // a connection is opened and closed
)

// Outcome says how a check ended.
type Outcome string

// Outcomes.
const (
	Reachable    Outcome = "reachable"
	NoAnswer     Outcome = "no_answer"     // within the time, or it was refused
	UnknownName  Outcome = "unknown_name"  // the name has no address
	PrivateHost  Outcome = "private"       // an address that others cannot reach, which is not tried
	ReservedPort Outcome = "reserved_port" // below 1024, which is not tried
)

// Check is what became of a check from outside.
type Check struct {
	Outcome Outcome   `json:"outcome"`
	Kind    string    `json:"kind"`
	Host    string    `json:"host"` // of the server at that time
	Port    int       `json:"port"`
	Address string    `json:"address,omitempty"` // the IP address that was asked
	At      time.Time `json:"at"`
	// Elapsed is how long the answer took.
	Elapsed time.Duration `json:"elapsed,omitempty"`
}

func (c *Check) failed() bool { return !c.At.IsZero() && c.Outcome != Reachable }

// of reports whether it was the address that players connect to now.
func (c *Check) of(s *Server) bool {
	host, port := s.Public()
	return !c.At.IsZero() && c.Host == host && c.Port == port
}
