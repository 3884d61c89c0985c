package accounts

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/db/dbtest"
	"github.com/quartermasterd/quartermaster/daemon/fault"
)

func TestSetupLink(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x := newSite(t, d)
		ctx := t.Context()
		_, err := x.s.SetupLink(ctx, "")
		wantKind(t, err, fault.Invalid)
		first, err := x.s.SetupLink(ctx, "http://192.0.2.1:27020/")
		if err != nil || !strings.HasPrefix(first, "http://192.0.2.1:27020/app/setup#") {
			t.Fatal(first, err)
		}
		link, err := x.s.SetupLink(ctx, "http://192.0.2.1:27020")
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(x.dir, "setup-link.txt")
		if content, err := os.ReadFile(file); string(content) != link+"\n" || err != nil {
			t.Errorf("file %q, %v", content, err)
		}
		if info, err := os.Stat(file); err != nil || runtime.GOOS != "windows" && info.Mode() != 0o600 {
			t.Errorf("%v, %v", info.Mode(), err)
		}
		token := func(link string) string { _, t, _ := strings.Cut(link, "#"); return t }
		try := func(token string) answer {
			return x.guest().do("POST", setupPath, map[string]string{"token": token, "name": "Root", "password": testPassword})
		}
		for name, token := range map[string]string{"earlier link": token(first), "nonsense": "x", "nothing": ""} {
			if a := try(token); a.status != 403 || !strings.Contains(a.body, "setup-link") {
				t.Errorf("%s: %d %s", name, a.status, a.body)
			}
		}
		x.clock.add(30 * time.Minute)
		if a := try(token(link)); a.status != 403 {
			t.Errorf("after 30 minutes: %d", a.status)
		}
		if link, err = x.s.SetupLink(ctx, "http://192.0.2.1:27020"); err != nil {
			t.Fatal(err)
		}
		x.checkSetUp(token(link))
		if _, err := os.Stat(file); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("the file is still there: %v", err)
		}
		_, err = x.s.SetupLink(ctx, "http://192.0.2.1:27020")
		wantKind(t, err, fault.Conflict)
		if !strings.Contains(fault.Hint(err), "admin reset-password") {
			t.Errorf("hint %q", fault.Hint(err))
		}
		if a := try(token(link)); a.status != 409 {
			t.Errorf("used again: %d", a.status)
		}
	})
}

// checkSetUp uses a link: a bad password does not burn it, a good one signs
// the admin in.
func (x *site) checkSetUp(token string) {
	x.t.Helper()
	c := x.guest()
	body := map[string]string{"token": token, "name": "Root", "password": "short"}
	if a := c.do("POST", setupPath, body); a.status != 400 {
		x.t.Errorf("bad password: %d %s", a.status, a.body)
	}
	body["password"] = testPassword
	a := c.do("POST", setupPath, body)
	if a.status != 200 || c.name() != "Root" || strings.Contains(a.body, token) {
		x.t.Errorf("set up: %d %s", a.status, a.body)
	}
	if a := c.do("GET", "/api/v1/audit", nil); a.status != 200 || !strings.Contains(a.body, `"via":"setup"`) {
		x.t.Errorf("audit: %d %s", a.status, a.body)
	}
}

func TestSetupLinkWorksOnce(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x := newSite(t, d)
		link, err := x.s.SetupLink(t.Context(), "http://x")
		if err != nil {
			t.Fatal(err)
		}
		_, token, _ := strings.Cut(link, "#")
		const callers = 8
		errs := make([]error, callers)
		var wg sync.WaitGroup
		for i := range callers {
			wg.Go(func() {
				_, errs[i] = x.s.Setup(context.Background(), token, x.attempt("Root"+text(int64(i)), testPassword))
			})
		}
		wg.Wait()
		won := 0
		for _, err := range errs {
			switch {
			case err == nil:
				won++
			case !fault.Is(err, fault.Forbidden) && !fault.Is(err, fault.Conflict):
				t.Errorf("a loser is told %v", err)
			}
		}
		all, _, err := x.s.Accounts(t.Context(), "", "", 100)
		if won != 1 || len(all) != 1 || err != nil {
			t.Errorf("%d succeeded, %d accounts, %v", won, len(all), err)
		}
	})
}

func TestFirstAdminByCommandClosesTheLink(t *testing.T) {
	x := newSite(t, dbtest.SQLite(t))
	link, err := x.s.SetupLink(t.Context(), "http://x")
	if err != nil {
		t.Fatal(err)
	}
	x.person("Root", RoleAdmin)
	if _, err := os.Stat(filepath.Join(x.dir, setupFile)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the file is still there: %v", err)
	}
	_, token, _ := strings.Cut(link, "#")
	_, err = x.s.Setup(t.Context(), token, x.attempt("Other", testPassword))
	wantKind(t, err, fault.Conflict)
}

func TestSetupIsLimited(t *testing.T) {
	x := newSite(t, dbtest.SQLite(t))
	c, status := x.guest(), 0
	for range 21 {
		status = c.do("POST", setupPath, map[string]string{"token": "x", "name": "n", "password": "p"}).status
	}
	if status != 429 {
		t.Errorf("21st try: %d", status)
	}
}
