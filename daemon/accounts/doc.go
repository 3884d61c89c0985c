// Package accounts knows who is calling: accounts with roles, sessions, API
// keys, the first-run link, and Steam accounts that people sign in through and
// get their keys for recordings with. It also keeps the audit record.
//
// The caller of a request is a Principal in its context; operations say with
// Require what they ask of it. What has to stay true is in DESIGN.md.
package accounts
