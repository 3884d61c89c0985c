package a2s

import (
	"fmt"
	"strconv"
	"strings"
)

// Platform is the operating system of a server as the byte on the wire.
// Several bytes mean the same, so compare with Equal and not with ==.
type Platform byte

// ServerType is the kind of a server as the byte on the wire. Several bytes
// mean the same, so compare with Equal and not with ==.
type ServerType byte

// The canonical bytes.
const (
	Linux   Platform = 'l'
	MacOS   Platform = 'o'
	Windows Platform = 'w'

	Dedicated    ServerType = 'd'
	NonDedicated ServerType = 'l'
	SourceTV     ServerType = 'p'
)

// unknown is the name of every other byte.
const unknown = "unknown"

// ParsePlatform reads a number ("108"), one character ("l", whose case
// counts) or a name in any case ("linux", "mac os x", "windows").
func ParsePlatform(s string) (Platform, error) {
	for _, p := range []Platform{Linux, MacOS, Windows} {
		if strings.EqualFold(s, p.String()) {
			return p, nil
		}
	}
	if p := Platform(oneByte(s)); p.String() != unknown {
		return p, nil
	}
	return 0, fmt.Errorf("%q is no platform; write linux, mac os x or windows", s)
}

// ParseServerType reads a number ("100"), one character ("d", whose case
// counts) or a name in any case ("dedicated", "non-dedicated", "sourcetv").
func ParseServerType(s string) (ServerType, error) {
	for _, t := range []ServerType{Dedicated, NonDedicated, SourceTV} {
		if strings.EqualFold(s, t.String()) {
			return t, nil
		}
	}
	if t := ServerType(oneByte(s)); t.String() != unknown {
		return t, nil
	}
	return 0, fmt.Errorf("%q is no server type; write dedicated, non-dedicated or sourcetv", s)
}

// oneByte reads one character or the number of one; 0 if it is neither.
func oneByte(s string) byte {
	if len(s) == 1 {
		return s[0]
	}
	n, err := strconv.ParseUint(s, 10, 8)
	if err != nil {
		return 0
	}
	return byte(n)
}

// Canonical returns the one byte that stands for all with this meaning.
// Starbound sends capitals, and Mac OS X has two.
func (p Platform) Canonical() Platform {
	switch p {
	case 'L':
		return Linux
	case 'm':
		return MacOS
	}
	return p
}

// Canonical returns the one byte that stands for all with this meaning.
func (t ServerType) Canonical() ServerType {
	if t == 'D' {
		return Dedicated
	}
	return t
}

// Equal reports whether both mean the same.
func (p Platform) Equal(other Platform) bool { return p.Canonical() == other.Canonical() }

// Equal reports whether both mean the same.
func (t ServerType) Equal(other ServerType) bool { return t.Canonical() == other.Canonical() }

// Is reports whether s, in a form that ParsePlatform reads, means this
// platform. What it cannot read is no platform.
func (p Platform) Is(s string) bool {
	other, err := ParsePlatform(s)
	return err == nil && p.Equal(other)
}

// Is reports whether s, in a form that ParseServerType reads, means this
// type. What it cannot read is no type.
func (t ServerType) Is(s string) bool {
	other, err := ParseServerType(s)
	return err == nil && t.Equal(other)
}

// String returns Linux, Mac OS X, Windows or unknown.
func (p Platform) String() string {
	switch p.Canonical() {
	case Linux:
		return "Linux"
	case MacOS:
		return "Mac OS X"
	case Windows:
		return "Windows"
	}
	return unknown
}

// String returns Dedicated, Non-Dedicated, SourceTV or unknown.
func (t ServerType) String() string {
	switch t.Canonical() {
	case Dedicated:
		return "Dedicated"
	case NonDedicated:
		return "Non-Dedicated"
	case SourceTV:
		return "SourceTV"
	}
	return unknown
}

// OSName returns what Python's os.name is there: posix, nt, or nothing for an
// unknown platform.
func (p Platform) OSName() string {
	switch p.Canonical() {
	case Linux, MacOS:
		return "posix"
	case Windows:
		return "nt"
	}
	return ""
}

// MarshalText writes the name.
func (p Platform) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// MarshalText writes the name.
func (t ServerType) MarshalText() ([]byte, error) { return []byte(t.String()), nil }
