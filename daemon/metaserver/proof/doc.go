// Package proof makes and checks the proofs by which players show game servers
// who they are, without a password.
//
// A short proof is 64 hexadecimal digits that only the metaserver can check. A
// signed proof is a JWS (RFC 7515) with an Ed25519 signature (RFC 8037), which
// a game server checks by itself with the keys that the metaserver publishes as
// a JWKS (RFC 7517). Both are made with the newest key of a Ring and accepted
// with the ones that were replaced, see DESIGN.md.
//
// The package is pure: keys, times and random bytes are given to it. A Ring is
// immutable and safe for concurrent use.
package proof
