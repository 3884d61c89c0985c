// Package demosink takes recordings of matches that game clients stream here
// while they are made, and keeps them.
//
// A client opens a session over HTTP, sends the bytes of its growing demo over
// a websocket, hands in the 16 bytes that the game fills in at the end, and
// closes the session. Until then the bytes lie in a spool; closing makes them
// a blob. Nothing that reached the disk is lost when a connection breaks or
// the process dies: DESIGN.md has the invariants.
//
// The wire of the clients, that of MegaAntiCheat's masterbase, is in the files
// compat_masterbase*.go.
package demosink
