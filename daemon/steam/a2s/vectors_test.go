package a2s

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// vectors returns the files of datagrams, one in hex on each line. More of
// them, which are other people's, are read from the folder A2S_VECTORS.
func vectors(tb testing.TB) map[string][][]byte {
	tb.Helper()
	var paths []string
	for _, glob := range []string{filepath.Join("testdata", "*.raw"), filepath.Join(os.Getenv("A2S_VECTORS"), "*", "*.raw")} {
		found, err := filepath.Glob(glob)
		if err != nil {
			tb.Fatal(err)
		}
		paths = append(paths, found...)
	}
	if len(paths) < 11 {
		tb.Fatalf("%d files", len(paths))
	}
	all := map[string][][]byte{}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			tb.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			if line = strings.TrimSpace(strings.TrimLeft(line, "<> ")); line != "" {
				all[path] = append(all[path], unhex(tb, line))
			}
		}
	}
	return all
}

func unhex(tb testing.TB, text string) []byte {
	tb.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// assemble feeds an assembler and returns the last message that came out.
func assemble(datagrams [][]byte) (message []byte, err error) {
	var a Assembler
	for _, d := range datagrams {
		m, e := a.Add(d)
		if e != nil {
			err = e
		}
		if m != nil {
			message = m
		}
	}
	return message, err
}

// plain is a decoded message in the words of the JSON files.
func plain(message []byte) (any, error) {
	switch message[4] {
	case ReplyInfo, ReplyGoldSource:
		i, err := DecodeInfo(message)
		return infoWords(i), err
	case ReplyPlayers:
		p, err := DecodePlayers(message)
		return playerWords(p), err
	case ReplyRules:
		r, err := DecodeRules(message)
		return r.Map(), err
	}
	return nil, fmt.Errorf("no reply: %x", message)
}

func infoWords(i Info) map[string]any {
	w := map[string]any{
		"protocol": i.Protocol, "name": i.ServerName, "map": i.Map, "folder": i.Folder, "game": i.Game,
		"app_id": i.AppID, "players": i.PlayerCount, "max_players": i.MaxPlayers, "bots": i.BotCount,
		"platform": string(rune(i.Platform)), "password": i.PasswordProtected, "vac": i.VACEnabled, "version": i.Version,
		"edf": i.EDF, "port": i.Port, "steam_id": fmt.Sprint(i.SteamID), "keywords": strings.Join(i.Keywords, ","),
		"game_id": fmt.Sprint(i.GameID), "app_id_16": i.AppIDRaw, "server_type": string(rune(i.ServerType)), "server_type_raw": byte(i.ServerType),
		"spec_port": i.SpectatorPort, "spec_name": i.SpectatorName,
		// xPaw's names
		"Protocol": i.Protocol, "HostName": i.ServerName, "Map": i.Map, "ModDir": i.Folder, "ModDesc": i.Game, "AppID": i.AppID,
		"Players": i.PlayerCount, "MaxPlayers": i.MaxPlayers, "Bots": i.BotCount, "Dedicated": string(rune(i.ServerType)),
		"Os": string(rune(i.Platform)), "Password": i.PasswordProtected, "Secure": i.VACEnabled, "Version": i.Version,
		"ExtraDataFlags": i.EDF, "GamePort": i.Port, "SteamID": i.SteamID, "GameTags": strings.Join(i.Keywords, ","), "GameID": i.GameID,
	}
	if g := i.GoldSource; g != nil {
		w["Address"], w["IsMod"] = g.Address, g.IsMod
	}
	if i.KeywordPlayers != nil {
		w["players_from_tags"], w["max_players_from_tags"] = *i.KeywordPlayers, *i.KeywordMaxPlayers
	}
	return w
}

func playerWords(p Players) any {
	list := []any{}
	for _, x := range p.Players {
		w := map[string]any{"index": x.Index, "name": x.Name, "score": x.Score, "duration": x.Duration}
		if x.Ship != nil {
			w["deaths"], w["money"] = x.Ship.Deaths, x.Ship.Money
		}
		list = append(list, w)
	}
	if !p.Truncated {
		return list
	}
	return map[string]any{"count": p.Count, "truncated": true, "players": list}
}

// same compares with the JSON of a file, by the keys that the file has.
func same(t *testing.T, want []byte, got any) {
	t.Helper()
	text, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	var w, g any
	for _, x := range []struct {
		text []byte
		into *any
	}{{want, &w}, {text, &g}} {
		d := json.NewDecoder(bytes.NewReader(x.text))
		d.UseNumber()
		if err := d.Decode(x.into); err != nil {
			t.Fatal(err)
		}
	}
	if words, ok := w.(map[string]any); ok && words["protocol"] != nil || ok && words["Protocol"] != nil {
		for key := range g.(map[string]any) {
			if _, named := words[key]; !named {
				delete(g.(map[string]any), key)
			}
		}
	}
	equalNumbers := cmp.Comparer(func(a, b json.Number) bool {
		x, errX := a.Float64()
		y, errY := b.Float64()
		return a == b || errX == nil && errY == nil && x == y && x < 1<<53
	})
	if diff := cmp.Diff(w, g, equalNumbers); diff != "" {
		t.Error(diff)
	}
}

func TestVectors(t *testing.T) {
	for path, datagrams := range vectors(t) {
		t.Run(filepath.ToSlash(path), func(t *testing.T) {
			want, err := os.ReadFile(strings.TrimSuffix(path, ".raw") + ".json")
			if errors.Is(err, os.ErrNotExist) {
				return // only bytes to be survived
			} else if err != nil {
				t.Fatal(err)
			}
			message, err := assemble(datagrams)
			if strings.Contains(string(want), `"error"`) {
				if !errors.Is(err, ErrMalformed) || message != nil {
					t.Fatalf("%v, %x", err, message)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			got, err := plain(message)
			if err != nil {
				t.Fatal(err)
			}
			same(t, want, got)
		})
	}
}

// everyDecoder calls all decoders, which must survive.
func everyDecoder(b []byte) {
	_, _ = DecodeInfo(b)
	_, _ = DecodePlayers(b)
	_, _ = DecodeRules(b)
	_, _ = DecodeChallenge(b)
	_, _ = DecodePing(b)
	_, _ = DecodeRequest(b)
	for d := DialectUnknown; d <= DialectGoldSource; d++ {
		_, _ = DecodeFragment(b, d)
	}
}

// TestDamage cuts each datagram at every byte and flips every byte of it.
// Nothing may panic or grow above the limits.
func TestDamage(t *testing.T) {
	for path, datagrams := range vectors(t) {
		for i := range datagrams {
			for at := range datagrams[i] {
				for _, damaged := range [][]byte{datagrams[i][:at], flipped(datagrams[i], at, 0xff), flipped(datagrams[i], at, 0x80), flipped(datagrams[i], at, 1)} {
					all := append(append(append([][]byte{}, datagrams[:i]...), damaged), datagrams[i+1:]...)
					message, _ := assemble(all)
					if len(message) > MaxDecompressed+4 {
						t.Fatalf("%s, datagram %d, byte %d: %d bytes", path, i, at, len(message))
					}
					everyDecoder(damaged)
					everyDecoder(message)
				}
			}
		}
	}
}

func flipped(b []byte, at int, mask byte) []byte {
	b = bytes.Clone(b)
	b[at] ^= mask
	return b
}

func TestRejected(t *testing.T) {
	for _, text := range []string{"", "ff", "ffffffff", "ffffffff49", "ffffffff11", "11111111", "ffffffff6d", "ffffffff44", "ffffffff45", "ffffffff4500", "ffffffff41000000"} {
		b := unhex(t, text)
		if _, err := DecodeInfo(b); !errors.Is(err, ErrMalformed) {
			t.Errorf("INFO %s: %v", text, err)
		}
		if _, err := DecodePlayers(b); !errors.Is(err, ErrMalformed) {
			t.Errorf("PLAYER %s: %v", text, err)
		}
		if _, err := DecodeRules(b); !errors.Is(err, ErrMalformed) {
			t.Errorf("RULES %s: %v", text, err)
		}
		if _, err := DecodeChallenge(b); !errors.Is(err, ErrMalformed) {
			t.Errorf("challenge %s: %v", text, err)
		}
		if _, err := DecodePing(b); !errors.Is(err, ErrMalformed) {
			t.Errorf("PING %s: %v", text, err)
		}
		if _, err := DecodeRequest(b); !errors.Is(err, ErrMalformed) {
			t.Errorf("question %s: %v", text, err)
		}
	}
}
