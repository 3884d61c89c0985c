// Command verify_proof shows how a game server checks the signed proof of a
// player by itself, with nothing but the standard library:
//
//	go run ./docs/examples/verify_proof http://mods.example.org:27020 16 eyJ… 28
//
// The arguments are the address of Quartermaster, the user id that the player
// claims, his signed proof, and the id of this game server ("" if it has
// none). It prints the player's name, or why he is not to be let in, and then
// ends with 1.
package main

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"
)

// Keys are the public keys of Quartermaster by their names. A game server
// keeps them, and asks for them again when a proof names one that it does not
// know, at most every few seconds.
type Keys map[string]ed25519.PublicKey

// Fetch asks Quartermaster for its keys.
func Fetch(base string) (Keys, error) {
	client := &http.Client{Timeout: 10 * time.Second}
	res, err := client.Get(base + "/v1/proof-keys")
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	var set struct {
		Keys []struct{ Kty, Crv, Kid, X string }
	}
	if err := json.NewDecoder(http.MaxBytesReader(nil, res.Body, 1<<20)).Decode(&set); err != nil {
		return nil, err
	}
	keys := Keys{}
	for _, k := range set.Keys {
		raw, err := base64.RawURLEncoding.DecodeString(k.X)
		if k.Kty == "OKP" && k.Crv == "Ed25519" && err == nil && len(raw) == ed25519.PublicKeySize {
			keys[k.Kid] = raw
		}
	}
	return keys, nil
}

// Claims are what a proof says.
type Claims struct {
	Iss, Sub, Name, Jti, Aud string
	Iat, Exp                 int64
}

// Verify checks a proof of a user at a time. issuer is the address of
// Quartermaster, server the id of this game server.
func (keys Keys) Verify(proof, issuer, user, server string, now time.Time) (Claims, error) {
	var claims Claims
	parts := strings.Split(proof, ".")
	if len(parts) != 3 {
		return claims, errors.New("this is no signed proof")
	}
	var header struct{ Alg, Kid string }
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil || decode(parts[0], &header) != nil || header.Alg != "EdDSA" {
		return claims, errors.New("this is no signed proof")
	}
	key, known := keys[header.Kid]
	if !known {
		return claims, errors.New("the key is not known; ask for the keys again")
	}
	if !ed25519.Verify(key, []byte(parts[0]+"."+parts[1]), signature) || decode(parts[1], &claims) != nil {
		return claims, errors.New("the signature is wrong")
	}
	switch {
	case claims.Iss != issuer:
		return claims, errors.New("somebody else made the proof: " + claims.Iss)
	case claims.Sub != user:
		return claims, errors.New("this is the proof of user " + claims.Sub)
	case now.Unix() >= claims.Exp:
		return claims, errors.New("the proof has expired")
	case claims.Aud != "" && claims.Aud != server:
		return claims, errors.New("the proof is for server " + claims.Aud)
	}
	return claims, nil
}

func decode(part string, into any) error {
	raw, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		return err
	}
	return json.Unmarshal(raw, into)
}

func main() {
	if len(os.Args) != 5 {
		fmt.Fprintln(os.Stderr, "usage: verify_proof ADDRESS USER PROOF SERVER")
		os.Exit(2)
	}
	base := strings.TrimRight(os.Args[1], "/")
	keys, err := Fetch(base)
	var claims Claims
	if err == nil {
		claims, err = keys.Verify(os.Args[3], base, os.Args[2], os.Args[4], time.Now())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(claims.Name)
}
