package faults

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/steam/steamtest"
)

// What the API acknowledged is there after a kill at any moment: pins, jobs,
// accounts, roles and API keys. What was on its way may have happened or not.
func TestR1_AcknowledgedWritesSurviveKills(t *testing.T) {
	t.Parallel()
	random := seed(t)
	steam := steamtest.New(t)
	want := newContents()
	for id := range uint64(pinned) {
		want.offer(random, steam, 0x100+id, 1000)
	}
	p := install(t, fmt.Sprintf("[steam]\napi_url = %q\n[workshop.retention]\nmin_free = \"1MB\"\n", steam.URL()))
	p.start()
	p.admin()
	want.poll(t, p, time.Now().Add(20*time.Second))
	if want.missing() > 0 || t.Failed() {
		t.Fatal("the mods to pin did not come")
	}
	w := &writes{T: t, program: p, jobs: map[string]bool{}, accounts: map[string]string{}, keys: map[string]bool{}}
	n := kills(t)
	for i := range n {
		w.untilKilled(random.Uint64(), time.Duration(random.Int64N(int64(400*time.Millisecond))))
		p.start()
		w.verify()
		if t.Failed() {
			t.Fatalf("after kill %d of %d", i+1, n)
		}
	}
	figures(t, "%d kills, %d writes acknowledged (%d pins, %d jobs, %d accounts, %d keys), 0 lost",
		n, w.pins+len(w.jobs)+len(w.accounts)+len(w.keys), w.pins, len(w.jobs), len(w.accounts), len(w.keys))
	if len(w.jobs) == 0 || w.pins == 0 || len(w.keys) == 0 {
		t.Error("too little was acknowledged to prove anything")
	}
}

const pinned = 6 // mods whose pins are changed, each by one writer

// writes is what was acknowledged.
type writes struct {
	*testing.T
	*program
	mu       sync.Mutex
	next     uint64
	jobs     map[string]bool   // ids of jobs
	accounts map[string]string // name to role
	keys     map[string]bool   // secrets
	pins     int
	pin      [pinned]pinState
}

// pinState is whether a version is pinned; open while an answer is awaited.
type pinState struct{ pinned, open bool }

// untilKilled lets many writers write and kills the program after d.
func (w *writes) untilKilled(seed uint64, d time.Duration) {
	var wg sync.WaitGroup
	stop := make(chan struct{})
	for i := range pinned {
		random := rand.New(rand.NewPCG(seed, uint64(i)))
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					w.write(random, i)
				}
			}
		})
	}
	time.Sleep(d)
	w.program.kill()
	close(stop)
	wg.Wait()
}

func (w *writes) write(random *rand.Rand, i int) {
	switch n := random.IntN(10); {
	case n < 4:
		w.togglePin(i, random.IntN(2) == 0)
	case n < 8:
		w.addJob()
	case n < 9:
		w.addKey()
	default:
		w.addAccount()
	}
}

func (w *writes) number() uint64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.next++
	return w.next
}

func (w *writes) togglePin(i int, on bool) {
	method := http.MethodDelete
	if on {
		method = http.MethodPut
	}
	w.mu.Lock()
	before := w.pin[i].pinned
	w.pin[i].open = w.pin[i].open || before != on
	w.mu.Unlock()
	status, err := w.call(method, fmt.Sprintf("/api/v1/mods/m%x/versions/%d/pin", 0x100+i, version), nil, nil)
	if err != nil {
		return // killed: the state stays open
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if status != http.StatusNoContent && status != http.StatusOK {
		w.Errorf("pin: status %d", status)
		return
	}
	w.pin[i] = pinState{pinned: on}
	w.pins++
}

func (w *writes) addJob() {
	var job struct{ ID string }
	item := map[string]any{"item": fmt.Sprintf("m%x", 0xdead0000+w.number()), "version": version}
	if status, err := w.call(http.MethodPost, "/api/v1/mods", item, &job); err == nil && status == http.StatusAccepted {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.jobs[job.ID] = true
	}
}

func (w *writes) addKey() {
	var key struct{ Key string }
	body := map[string]any{"label": "faults", "scopes": []string{"mods:read"}}
	if status, err := w.call(http.MethodPost, "/api/v1/keys", body, &key); err == nil && status == http.StatusCreated {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.keys[key.Key] = true
	}
}

func (w *writes) addAccount() {
	name := fmt.Sprintf("Player %d", w.number())
	body := map[string]any{"name": name, "password": "battery staple horse", "role": "moderator"}
	if status, err := w.call(http.MethodPost, "/api/v1/accounts", body, nil); err == nil && status == http.StatusCreated {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.accounts[name] = "moderator"
	}
}

// verify compares the restarted program with what was acknowledged.
func (w *writes) verify() {
	w.Helper()
	w.verifyJobs()
	w.verifyAccounts()
	w.verifyPins()
	checked := 0
	for key := range w.keys {
		if checked++; checked > 20 { // another 20 after the next kill
			break
		}
		as := *w.program
		as.key = key
		var who struct{ Via string }
		if status, err := as.call(http.MethodGet, "/api/v1/session", nil, &who); err != nil || status != http.StatusOK || who.Via != "key" {
			w.Errorf("an acknowledged API key does not work any more: status %d, %v, %+v", status, err, who)
		}
	}
}

func (w *writes) verifyJobs() {
	w.Helper()
	var queue struct{ Jobs []struct{ ID string } }
	w.must(http.StatusOK, http.MethodGet, "/api/v1/mods/queue", nil, &queue)
	have := map[string]bool{}
	for _, j := range queue.Jobs {
		have[j.ID] = true
	}
	for id := range w.jobs {
		if !have[id] {
			w.Errorf("job %s was acknowledged and is lost", id)
		}
	}
}

func (w *writes) verifyAccounts() {
	w.Helper()
	have := map[string]bool{}
	for cursor := ""; ; {
		var page struct {
			Accounts []struct {
				Name  string
				Roles []string
			}
			Next string
		}
		w.must(http.StatusOK, http.MethodGet, "/api/v1/accounts?limit=200&cursor="+cursor, nil, &page)
		for _, a := range page.Accounts {
			have[a.Name] = len(a.Roles) == 1
		}
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	for name := range w.accounts {
		if !have[name] {
			w.Errorf("account %q was acknowledged and is lost, or its role is", name)
		}
	}
}

func (w *writes) verifyPins() {
	w.Helper()
	for i, s := range w.pin {
		var mod struct{ Versions []struct{ Pinned bool } }
		w.must(http.StatusOK, http.MethodGet, fmt.Sprintf("/api/v1/mods/m%x", 0x100+i), nil, &mod)
		if len(mod.Versions) != 1 {
			w.Fatalf("m%x has %d versions", 0x100+i, len(mod.Versions))
		}
		if !s.open && mod.Versions[0].Pinned != s.pinned {
			w.Errorf("m%x: pinned is %v, acknowledged was %v", 0x100+i, mod.Versions[0].Pinned, s.pinned)
		}
		w.pin[i] = pinState{pinned: mod.Versions[0].Pinned}
	}
}
