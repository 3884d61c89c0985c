// Package metaserver is one account for all game servers of a community:
// players register once and prove who they are without a password, and the
// game servers report themselves and their matches.
//
// The files compat_savage*.go are the wire of the Savage metaserver, which
// clients speak that cannot be changed. What it does lies in the packages
// below, which know nothing of one another; New puts them together.
package metaserver
