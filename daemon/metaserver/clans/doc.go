// Package clans keeps the clans of players, who belongs to them in which
// rank, whom they invited, and the skins that players and clans were given.
//
// Every action on a clan is one transaction that reads the links it decides
// by, so that two of them never contradict each other; DESIGN.md has the
// invariants. A refused action returns a Refusal, whose Reason a foreign wire
// turns into its own words.
package clans
