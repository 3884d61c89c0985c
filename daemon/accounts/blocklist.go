package accounts

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/durable"
	"github.com/quartermasterd/quartermaster/daemon/steam/webapi"
)

// Bounds of a list of mail domains and of fetching one.
const (
	maxBlocklist   = 16 << 20
	blocklistEvery = 24 * time.Hour
	blocklistRetry = time.Hour
	blocklistTime  = time.Minute
	blocklistCopy  = "email-blocklist.txt" // in the data directory
)

// blocklist knows mail domains whose addresses are refused: those of a file,
// and those of a list that is fetched once a day, of which a copy is kept. A
// list that cannot be had leaves the one before in force. It is safe for
// concurrent use.
type blocklist struct {
	log       *slog.Logger
	file, url string
	copy      string
	client    *http.Client
	domains   atomic.Pointer[map[string]struct{}]
}

func newBlocklist(o Options, log *slog.Logger) *blocklist {
	b := &blocklist{log: log, file: o.BlocklistFile, url: o.BlocklistURL, copy: filepath.Join(o.DataDir, blocklistCopy)}
	if b.url != "" {
		// Exempt is the host that the operator wrote, not what it may redirect to.
		b.client = webapi.NewGuard(b.url).Client(webapi.Transfer{Connect: 10 * time.Second, Header: 20 * time.Second, Decompress: true})
	}
	return b
}

// has reports whether a domain in ASCII and lower case, or one above it, is
// listed.
func (b *blocklist) has(domain string) bool {
	listed := b.domains.Load()
	if listed == nil {
		return false
	}
	for domain != "" {
		if _, ok := (*listed)[domain]; ok {
			return true
		}
		_, domain, _ = strings.Cut(domain, ".")
	}
	return false
}

// load reads the file and the copy of the fetched list. A file that cannot be
// read is an error that changes nothing.
func (b *blocklist) load() error {
	all := map[string]struct{}{}
	if b.file != "" {
		if err := readDomains(b.file, all); err != nil {
			return err
		}
	}
	if b.url != "" {
		if err := readDomains(b.copy, all); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	b.domains.Store(&all)
	return nil
}

func readDomains(path string, into map[string]struct{}) error {
	f, err := durable.Disk.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return parseDomains(f, into)
}

// parseDomains reads one domain a line, in either case. Empty lines, lines that
// begin with # and what is no domain are passed over.
func parseDomains(r io.Reader, into map[string]struct{}) error {
	lines := bufio.NewScanner(io.LimitReader(r, maxBlocklist))
	for lines.Scan() {
		line := strings.ToLower(strings.TrimSpace(strings.TrimPrefix(lines.Text(), "\ufeff")))
		if strings.HasPrefix(line, "#") {
			continue
		}
		if ascii, ok := asciiDomain(strings.TrimLeft(line, "@.*")); ok {
			into[ascii] = struct{}{}
		}
	}
	return lines.Err()
}

// run keeps the list current until ctx ends.
func (b *blocklist) run(ctx context.Context) {
	if b.file == "" && b.url == "" {
		return
	}
	for {
		pause := blocklistRetry // a file that was edited is read again soon
		if b.url != "" {
			if err := b.fetch(ctx); err == nil {
				pause = blocklistEvery
			} else if ctx.Err() == nil {
				b.log.Warn("the list of refused mail domains could not be fetched; the last one stays in force", slog.Any("error", err))
			}
		}
		if err := b.load(); err != nil {
			b.log.Warn("the list of refused mail domains could not be read; the last one stays in force", slog.Any("error", err))
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
	}
}

// fetch replaces the copy by what the URL answers, if that is a list.
func (b *blocklist) fetch(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, blocklistTime)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, b.url, nil)
	if err != nil {
		return err
	}
	req.Header.Set("User-Agent", "quartermaster")
	resp, err := b.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("the answer is %s", resp.Status)
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxBlocklist+1))
	if err != nil {
		return err
	}
	found := map[string]struct{}{}
	if err := parseDomains(strings.NewReader(string(text)), found); err != nil {
		return err
	}
	if len(found) == 0 || len(text) > maxBlocklist {
		return errors.New("the answer is not a list of mail domains")
	}
	return durable.Replace(durable.Disk, b.copy, 0o600, func(w io.Writer) error {
		_, err := w.Write(text)
		return err
	})
}
