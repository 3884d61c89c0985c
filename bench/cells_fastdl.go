package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// The game files that FastDL and its peers serve: where they lie, and how a
// client spells them that does not care for case.
const (
	gamePath  = "/fastdl/bench/"
	gameSmall = "materials/bench/wall.vmt" // 4 KiB
	gameMid   = "maps/koth_bench.bsp"      // 1 MiB

	askedSmall = "Materials/Bench/Wall.VMT"
	askedMid   = "maps/KOTH_Bench.bsp"
)

func fastdlSmall() cell {
	c := fastdlCell("fastdl-hit-small", "4 KiB", gameSmall, askedSmall, perSecond, p99, perRequest)
	c.goals = []goal{least(perSecond, "nginx", 0.45), least(perSecond, "floor", 0.9), most(perRequest, "floor", 1.1)}
	return c
}

func fastdlMid() cell {
	c := fastdlCell("fastdl-hit-mid", "1 MiB", gameMid, askedMid, megabytes, p99, perGB)
	c.goals = []goal{least(megabytes, "nginx", 0.95), most(perGB, "nginx", 0.6), least(megabytes, "floor", 0.9)}
	return c
}

// fastdlCell asks us for a name in the wrong case, the others for the name
// that the file has: they know no other.
func fastdlCell(name, size, exact, asked string, metrics ...string) cell {
	return cell{
		name: name, about: "a game file of " + size + " under a name in the wrong case, 32 connections, wrk; the others are asked for the exact name",
		subjects: []string{"nginx", "floor", "daemon"},
		run: func(ctx context.Context, b *bench, subject string) (sample, error) {
			path := gamePath + exact
			if subject == "daemon" {
				path = gamePath + asked
			}
			s, err := loaded(ctx, b, "game-"+subject, func(p *process) (loadResult, error) { return b.wrk(ctx, 32, p.url+path) })
			return keep(s, err, metrics...)
		},
	}
}

// gameFiles makes the game folder once and returns what lies above its
// address.
func (b *bench) gameFiles() (root string, err error) {
	root = filepath.Join(b.dir, "game")
	if _, err := os.Stat(root); err == nil {
		return root, nil
	}
	for name, size := range map[string]int{gameSmall: 4 << 10, gameMid: 1 << 20} {
		file := filepath.Join(root, filepath.FromSlash(gamePath), filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return "", err
		}
		if err := os.WriteFile(file, mapFile(size, 2), 0o644); err != nil {
			return "", err
		}
	}
	return root, nil
}

// game is a server of the game folder, and a file of it.
func (b *bench) game(ctx context.Context, subject, dir, address string) (cmd *exec.Cmd, ready string, err error) {
	root, err := b.gameFiles()
	if err != nil {
		return nil, "", err
	}
	switch ready = gamePath + gameSmall; subject {
	case "game-nginx":
		cmd, err = b.nginx(dir, address, root, "on")
	case "game-floor":
		cmd, err = b.floor(ctx, address, root)
	default:
		ready = gamePath + askedSmall
		cmd, err = b.daemon(ctx, dir, address, b.files, fmt.Sprintf(
			"[[workshop.fastdl]]\nname = \"bench\"\nroots = [%q]\n", filepath.Join(root, filepath.FromSlash(gamePath))))
	}
	return cmd, ready, err
}
