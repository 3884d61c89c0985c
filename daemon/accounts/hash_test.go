package accounts

import (
	"context"
	"encoding/hex"
	"errors"
	"runtime"
	"runtime/metrics"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/db/dbtest"
	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// TestReferenceVector is a test vector of the reference implementation
// (phc-winner-argon2, test.c, argon2id version 0x13).
func TestReferenceVector(t *testing.T) {
	a := argon{memory: 64 * 1024, time: 2, threads: 1}
	hash := a.key("password", []byte("somesalt"), 32)
	if got, want := hex.EncodeToString(hash), "09316115d5cf24ed5a15a31a3ba326e5cf32edc24702987c02b6566f61913cf7"; got != want {
		t.Errorf("hash %s, want %s", got, want)
	}
	want := "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
	if got := encodePHC(a, []byte("somesalt"), hash); got != want {
		t.Errorf("PHC %s, want %s", got, want)
	}
	h := newHasher()
	match, stale, err := h.verify(t.Context(), want, "password")
	if !match || !stale || err != nil {
		t.Errorf("match %v, stale %v, error %v", match, stale, err)
	}
	if match, _, _ := h.verify(t.Context(), want, "Password"); match {
		t.Error("another password matches")
	}
}

func TestNewHashes(t *testing.T) {
	h := newHasher()
	one, err := h.hash(t.Context(), "x")
	if err != nil {
		t.Fatal(err)
	}
	// OWASP's smallest setting: 19 MiB, 2 passes, 1 lane.
	if !strings.HasPrefix(one, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Errorf("hash %s", one)
	}
	if two, _ := h.hash(t.Context(), "x"); two == one {
		t.Error("two hashes of one password have the same salt")
	}
	match, stale, err := h.verify(t.Context(), one, "x")
	if !match || stale || err != nil {
		t.Errorf("match %v, stale %v, error %v", match, stale, err)
	}
}

func TestNoAccountNeverMatches(t *testing.T) {
	h := newHasher()
	for _, password := range []string{"", "x", strings.Repeat("\x00", 32)} {
		if match, _, err := h.verify(t.Context(), "", password); match || err != nil {
			t.Errorf("%q: match %v, error %v", password, match, err)
		}
	}
}

func TestDecodePHCRefuses(t *testing.T) {
	for _, text := range []string{
		"", "x", "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ",
		"$argon2i$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
		"$argon2id$v=16$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
		"$argon2id$v=19$m=4194304,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
		"$argon2id$v=19$m=65536,t=999,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
		"$argon2id$v=19$m=65536,t=2,p=0$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
		"$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFh",
		"$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ=$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
	} {
		if _, _, _, err := decodePHC(text); !errors.Is(err, errPHC) {
			t.Errorf("%q: error %v", text, err)
		}
	}
}

func FuzzDecodePHC(f *testing.F) {
	f.Add("$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc")
	f.Add("$argon2id$v=19$m=19456,t=2,p=1$$")
	f.Add("$argon2id$v=19$m=+8,t=02,p= 1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc")
	f.Fuzz(func(t *testing.T, text string) {
		a, salt, hash, err := decodePHC(text)
		if err != nil {
			return
		}
		if again := encodePHC(a, salt, hash); again != text {
			t.Errorf("%q reads as %q", text, again)
		}
		if a.memory > 256*1024 || a.time > 16 {
			t.Errorf("%q costs too much", text)
		}
	})
}

// TestHashQueue fills every place and the queue, and counts who is sent away.
func TestHashQueue(t *testing.T) {
	h := newHasher()
	h.cost = argon{memory: 8, time: 1, threads: 1}
	for range cap(h.running) {
		h.queued <- struct{}{}
		h.running <- struct{}{}
	}
	const callers = 100
	results := make(chan error, callers)
	for range callers {
		go func() {
			_, err := h.hash(context.Background(), "x")
			results <- err
		}()
	}
	// The places are taken, so the first answers are the refusals.
	for range callers - hashQueue {
		err := <-results
		if !fault.Is(err, fault.TooMany) {
			t.Fatalf("error %v, want too many", err)
		}
		var f *fault.Error
		if errors.As(err, &f); f.RetryAfter <= 0 {
			t.Error("no time to wait is told")
		}
	}
	for range cap(h.running) {
		h.leave()
	}
	for range hashQueue {
		if err := <-results; err != nil {
			t.Errorf("one who waited: %v", err)
		}
	}
	if len(h.queued) != 0 || len(h.running) != 0 {
		t.Errorf("%d queued, %d running after all", len(h.queued), len(h.running))
	}
}

func TestWaitingForAHashEndsWithTheContext(t *testing.T) {
	h := newHasher()
	for range cap(h.running) {
		h.running <- struct{}{}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := h.hash(ctx, "x"); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if len(h.queued) != 0 {
		t.Error("the place in the queue is lost")
	}
}

// TestStuffingIsBounded sends many sign-ins at once with hashes of full cost:
// each is answered, the surplus is sent away, and memory stays below what 32
// hashes take.
func TestStuffingIsBounded(t *testing.T) {
	x := newSite(t, dbtest.SQLite(t))
	x.s.hasher = newHasher()
	const callers = 100
	var wg sync.WaitGroup
	results := make(chan error, callers)
	runtime.GC()
	before := heap()
	for i := range callers {
		wg.Go(func() {
			_, err := x.s.SignIn(context.Background(), x.attempt("nobody"+string(rune('a'+i%26))+string(rune('a'+i/26)), "guess"))
			results <- err
		})
	}
	done, peak := make(chan struct{}), uint64(0)
	go func() {
		wg.Wait()
		close(done)
	}()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for running := true; running; {
		select {
		case <-done:
			running = false
		case <-tick.C:
			peak = max(peak, heap())
		}
	}
	close(results)
	count := map[fault.Kind]int{}
	for err := range results {
		count[fault.KindOf(err)]++
	}
	if count[fault.Unauthenticated]+count[fault.TooMany] != callers || count[fault.Unauthenticated] < hashQueue {
		t.Errorf("answers %v", count)
	}
	if limit := uint64(32 * 19 << 20); peak > before+limit {
		t.Errorf("heap grew by %d MiB, want at most %d", (peak-before)>>20, limit>>20)
	}
	t.Logf("%v, heap %d → %d MiB", count, before>>20, peak>>20)
}

func heap() uint64 {
	s := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64()
}

// TestUnknownNamesTakeAsLong compares medians of interleaved tries. The bound
// is wide, for busy machines; without the dummy hash the ratio is above 100.
func TestUnknownNamesTakeAsLong(t *testing.T) {
	x := newSite(t, dbtest.SQLite(t))
	x.s.hasher = newHasher()
	x.person("Known", RolePlayer)
	took := map[string][]time.Duration{}
	for range 15 {
		for _, name := range []string{"Known", "Unknown"} {
			start := time.Now()
			_, err := x.s.SignIn(context.Background(), x.attempt(name, "wrong password"))
			took[name] = append(took[name], time.Since(start))
			wantKind(t, err, fault.Unauthenticated)
			if err.Error() != errWrong.Error() {
				t.Fatalf("%s: %v", name, err)
			}
		}
		x.clock.add(time.Minute) // the throttle forgets
	}
	known, unknown := median(took["Known"]), median(took["Unknown"])
	ratio := float64(known) / float64(unknown)
	t.Logf("known %v, unknown %v, ratio %.3f", known, unknown, ratio)
	if ratio < 0.4 || ratio > 2.5 {
		t.Errorf("known %v, unknown %v", known, unknown)
	}
}

func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}

func TestHashIsRenewedAtSignIn(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x := newSite(t, d)
		a := x.person("Ann", RolePlayer)
		stored := func() (phc string) {
			if err := d.Read(t.Context(), func(tx *db.Tx) (err error) {
				_, phc, err = findAccount(t.Context(), tx, a.ID)
				return err
			}); err != nil {
				t.Fatal(err)
			}
			return phc
		}
		if !strings.Contains(stored(), "$m=8,t=1,p=1$") {
			t.Fatal(stored())
		}
		x.s.hasher.cost = argon{memory: 16, time: 2, threads: 1}
		x.signIn("Ann")
		if !strings.Contains(stored(), "$m=16,t=2,p=1$") {
			t.Error("the hash has the old cost after a sign-in")
		}
		x.signIn("Ann")
	})
}
