// Package matches keeps the matches that game servers report, the ratings and
// counters of players that follow from them, and the leaderboards.
//
// A report is stored, rated and counted in one transaction, or not at all. One
// that carries an id of the server's own counts once however often it comes.
// Each match keeps what its ratings were computed from, so that every change
// of a rating can be explained, and a match that should not have counted can
// be taken out again. DESIGN.md has the invariants.
package matches
