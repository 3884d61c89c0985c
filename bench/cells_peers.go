package main

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/steam/steamtest"
)

// The old version that only a peer has.
const (
	heldItem    = 4
	heldFile    = "m4_1348957670.zip" // 50 MiB, deflated
	heldVersion = 1348957670

	servable = "s to servable"
	ownWork  = "s without Steam"
)

func peersCell() cell {
	return cell{
		name: "peers", about: "an old version of 50 MiB that only a peer has: two daemons, trust = key; beside curl, sha256sum and unzip -t",
		subjects: []string{"curl", "daemon"},
		run: func(ctx context.Context, b *bench, subject string) (sample, error) {
			bring := b.bringOurs
			if subject == "curl" {
				bring = bringCurl
			}
			var sum brought
			times := 0.0
			for ; sum.seconds < b.settings.duration.Seconds(); times++ {
				once, err := b.bringOnce(ctx, bring)
				if err != nil {
					return sample{}, err
				}
				sum.used = sum.then(once.used)
				sum.steam, sum.transfer = sum.steam+once.steam, sum.transfer+once.transfer
			}
			bytes := float64(b.held.size) * times
			return sample{CPU: sum.cpu, PSS: sum.pss, Values: map[string]float64{
				servable: sum.seconds / times, ownWork: (sum.seconds - sum.steam) / times,
				megabytes: bytes / sum.transfer / 1e6, perGB: sum.cpu * 1e9 / bytes,
			}}, nil
		},
		goals: []goal{
			most(servable, "curl", 1.5), most(ownWork, "curl", 1.2), most(perGB, "curl", 1.5), least(megabytes, "curl", 0.5),
		},
	}
}

// brought is what it took to bring the version here once.
type brought struct {
	used
	steam    float64 // of the seconds, until Steam was asked
	transfer float64 // seconds that the holder spent on sending
}

// bringOnce brings the version from the holder into a new folder.
func (b *bench) bringOnce(ctx context.Context, bring func(context.Context, *process, string) (brought, error)) (brought, error) {
	holder, err := b.server(ctx, "holder")
	if err != nil {
		return brought{}, err
	}
	if err := b.published(ctx, holder); err != nil {
		return brought{}, err
	}
	dir, err := os.MkdirTemp(b.dir, "peers-")
	if err != nil {
		return brought{}, err
	}
	before := b.held.sent
	once, err := bring(ctx, holder, dir)
	if err != nil {
		return once, err
	}
	if b.held.sent, err = holder.hasSent(ctx, before.files+1); err != nil {
		return once, err
	}
	once.transfer = b.held.sent.seconds - before.seconds
	return once, os.RemoveAll(dir)
}

// held is what the holder's file looks like.
type held struct {
	size int64
	sum  [sha256.Size]byte
	key  string // the holder's public key
	sent sent   // so far
}

// holder is the daemon that has the old version.
func (b *bench) holder(ctx context.Context, dir, address string) (*exec.Cmd, string, error) {
	root := filepath.Join(b.dir, "held")
	if err := os.MkdirAll(root, 0o755); err != nil {
		return nil, "", err
	}
	content, err := deflatedZip(50 << 20)
	if err != nil {
		return nil, "", err
	}
	if err := os.WriteFile(filepath.Join(root, heldFile), content, 0o644); err != nil {
		return nil, "", err
	}
	b.held = held{size: int64(len(content)), sum: sha256.Sum256(content)}
	current, err := randomZip(4 << 10)
	if err != nil {
		return nil, "", err
	}
	b.steam.Put(steamtest.Item{ID: heldItem, Updated: heldVersion + 1, Title: "A newer version", Content: current})
	cmd, err := b.daemon(ctx, dir, address, root, "")
	return cmd, "/readyz", err
}

// published waits until the holder's index has the file, and learns its key.
func (b *bench) published(ctx context.Context, holder *process) error {
	if b.held.key != "" {
		return nil
	}
	asked, err := holder.until(ctx, "/"+heldFile, nil) // it is read then
	if err != nil {
		return err
	}
	if b.held.sent, err = holder.hasSent(ctx, float64(asked)); err != nil {
		return err
	}
	if _, err := holder.until(ctx, "/api/v1/workshop/index", func(body string) bool {
		return strings.Contains(body, fmt.Sprintf(`"id":"%d","version":%d,`, heldItem, heldVersion))
	}); err != nil {
		return err
	}
	_, body, err := holder.get(ctx, "/api/v1/mods/peers")
	if err != nil {
		return err
	}
	var answer struct {
		PublicKey string `json:"public_key"`
	}
	if err := json.Unmarshal([]byte(body), &answer); err != nil {
		return fmt.Errorf("%.200q: %w", body, err)
	}
	b.held.key = answer.PublicKey
	return nil
}

// bringCurl does what nobody can do without: the transfer, the checksum and
// the look at every entry of the zip.
func bringCurl(ctx context.Context, holder *process, dir string) (b brought, err error) {
	file := filepath.Join(dir, heldFile)
	for _, args := range [][]string{
		{"curl", "--silent", "--show-error", "--fail", "--output", file, holder.url + "/" + heldFile},
		{"sha256sum", file},
		{"unzip", "-tqq", file},
	} {
		path, err := installed(args[0], packageOf[args[0]])
		if err != nil {
			return b, err
		}
		once, err := timed(exec.CommandContext(ctx, path, args[1:]...))
		if err != nil {
			return b, err
		}
		b.used = b.then(once)
	}
	return b, nil
}

var packageOf = map[string]string{"curl": "curl", "sha256sum": "coreutils", "unzip": "unzip"}

// bringOurs asks a new daemon that has nothing for the version, until it has
// it.
func (b *bench) bringOurs(ctx context.Context, holder *process, dir string) (once brought, err error) {
	asker, err := b.asker(ctx, holder, dir)
	if err != nil {
		return once, err
	}
	defer asker.stop()
	pid := asker.cmd.Process.Pid
	before, _, err := usage(pid)
	if err != nil {
		return once, err
	}
	start := time.Now()
	if _, err := asker.until(ctx, "/"+heldFile, nil); err != nil {
		return once, err
	}
	once.seconds = time.Since(start).Seconds()
	after, pss, err := usage(pid)
	if err != nil {
		return once, err
	}
	once.cpu, once.pss, once.steam = after-before, pss, b.askedSteam(start).Seconds()
	_, body, err := asker.get(ctx, "/"+heldFile)
	if err == nil && sha256.Sum256([]byte(body)) != b.held.sum {
		err = errors.New("it serves another file than the holder has")
	}
	return once, err
}

// asker starts a daemon that has the holder as its peer and knows its index.
func (b *bench) asker(ctx context.Context, holder *process, dir string) (*process, error) {
	root := filepath.Join(dir, "mods")
	other, err := randomZip(4 << 10)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(os.Mkdir(root, 0o755), os.WriteFile(filepath.Join(root, smallFile), other, 0o644)); err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	address := fmt.Sprintf("127.0.0.1:%d", port)
	calls := b.steam.CallCount()
	cmd, err := b.daemon(ctx, dir, address, root, fmt.Sprintf("[[workshop.peers]]\nurl = %q\ntrust = \"key\"\nkey = %q\n", holder.url, b.held.key))
	if err != nil {
		return nil, err
	}
	p, err := launch(ctx, cmd, filepath.Join(dir, "log"), "http://"+address, "/readyz")
	if err != nil {
		return nil, err
	}
	if _, err := p.until(ctx, "/metrics", func(body string) bool {
		n, ok := metric(body, fmt.Sprintf("quartermaster_peer_versions{peer=%q}", holder.url))
		return ok && n >= 1 && b.steam.CallCount() > calls
	}); err != nil {
		p.stop()
		return nil, err
	}
	select { // Steam is asked at the start, and once a second at most
	case <-ctx.Done():
		p.stop()
		return nil, ctx.Err()
	case <-time.After(1500 * time.Millisecond):
		return p, nil
	}
}

// askedSteam is how long after start Steam was asked about the held item. The
// daemon gathers such questions for a while before it asks.
func (b *bench) askedSteam(start time.Time) time.Duration {
	for _, c := range b.steam.Calls() {
		if c.Time.After(start) && slices.Contains(c.IDs, heldItem) {
			return c.Time.Sub(start)
		}
	}
	return 0
}
