// Package serverlist keeps the game servers that their owners registered: who
// may speak for one (an id and a password), what it says of itself (the
// heartbeat), and which of them are on the public list.
//
// A heartbeat is answered once it is on stable storage. The list is one body
// that is made once and sent to everybody; DESIGN.md says when it is made
// anew. A server is asked whether it can be reached only when its owner wants
// to know.
package serverlist
