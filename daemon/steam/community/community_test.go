package community

import (
	"errors"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/quartermasterd/quartermaster/daemon/steam/steamtest"
	"github.com/quartermasterd/quartermaster/daemon/steam/webapi"
)

const title = `<div class="workshopItemTitle">A mod</div>`

func TestParse(t *testing.T) {
	none := Page{Required: []uint64{}, Screenshots: []string{}}
	for name, c := range map[string]struct {
		body string
		want Page
	}{
		"nothing of interest": {title, none},
		"required items": {
			title + `<a href="?id=1">x</a><DIV CLASS='wide requiredItemsContainer' ID=RequiredItems>
				<a href="https://steamcommunity.com/workshop/filedetails/?id=2009463077" target=_blank><div class=requiredItem>Harmony</div></a>
				<div><a href="https://steamcommunity.com/sharedfiles/filedetails/?id=818773962/">H</a></div>
				<a href="https://steamcommunity.com/workshop/filedetails/?id=2009463077">twice</a>
				<a href="https://steamcommunity.com/app/x">no item</a><a name=b>no link</a>
				<a href="?id=7">itself</a><a href="?id=18446744073709551616">too large</a></div><a href="?id=9">after</a>`,
			Page{Required: []uint64{2009463077, 818773962}, Screenshots: []string{}},
		},
		"by the id of the element only": {
			title + `<ul id="RequiredItems"><li><ul><li><a href="?id=3">x</a></li></ul></li></ul><a href="?id=9">after</a>`,
			Page{Required: []uint64{3}, Screenshots: []string{}},
		},
		"screenshots": {
			title + `<div class="screenshot_holder"><div><a onclick="Show( &#39;https://images.example/a.jpg?x=1&amp;y=2&#39;, 'https://images.example/no.jpg' )" href="#"><img src="t"></a></div></div>
				<div class="screenshot_holder"><a href='javascript:Show( "https://images.example/b.jpg" )'></a></div>
				<div class="screenshot_holder"><a onclick="Show( 'javascript:x' )"></a></div>
				<div class="screenshot_holder"><a onclick="Show( 'https://images.example/b.jpg' )"></a></div>
				<a onclick="Show( 'https://images.example/elsewhere.jpg' )"></a>`,
			Page{Required: []uint64{}, Screenshots: []string{"https://images.example/a.jpg?x=1&y=2", "https://images.example/b.jpg"}},
		},
		"markup in scripts and comments is no markup": {
			title + `<script>document.write('<div class="requiredItemsContainer"><a href="?id=5">');</script>
				<!-- <div id="RequiredItems"><a href="?id=6"></a></div> --><textarea><div id="RequiredItems"></textarea>`,
			none,
		},
		"a comment with the words of the error": {title + `<p>There was a problem accessing the item</p>`, none},
	} {
		got, err := parse([]byte(c.body), 7)
		if err != nil || !cmp.Equal(c.want, got) {
			t.Errorf("%s: %v %s", name, err, cmp.Diff(c.want, got))
		}
	}
}

func TestParse_NoPage(t *testing.T) {
	for body, want := range map[string]error{
		`<div id="message"><h3>There was a problem accessing the item.  Please try again.</h3></div>`: ErrNotFound,
		`<h2>That item does not exist. It may have been removed by the author.</h2>`:                  ErrNotFound,
		`<div class="adult_content_age_gate">`:                                                        ErrNotFound,
		``:                                                                                            ErrUnreadable, `null`: ErrUnreadable, `<html><body><div id="root"></div></body></html>`: ErrUnreadable,
		title + `<div id="RequiredItems"><a href="?id=3">breaks off`:                    ErrUnreadable,
		title + `<div class="screenshot_holder"><a onclick="x('https://i.example/a')">`: ErrUnreadable,
	} {
		if got, err := parse([]byte(body), 7); !errors.Is(err, want) || !cmp.Equal(got, Page{}) {
			t.Errorf("%s: %+v, %v; want %v", body, got, err, want)
		}
	}
}

// TestParse_Endless gives the parser pages that are nothing but one thing.
func TestParse_Endless(t *testing.T) {
	const n = 1 << 20
	for _, body := range []string{
		`<div id="RequiredItems"><a href="` + strings.Repeat("1", n) + `"></a></div>`,
		`<div id="RequiredItems">` + strings.Repeat(`<a href="?id=1`+strings.Repeat("0", 18)+`">`, n/32) + `</div>`,
		`<div class="screenshot_holder"><a onclick="` + strings.Repeat(`'https://`, n/9) + `"></a></div>`,
		`<a ` + strings.Repeat("a ", n/2) + `>`, strings.Repeat("<", n), strings.Repeat("<!--", n/4),
	} {
		began := time.Now()
		if page, err := parse([]byte(title+body), 7); err == nil && len(page.Required) > 1 {
			t.Errorf("%.40s: %d required items", body, len(page.Required))
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("%.40s: took %v", body, took)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		title, title + `<div id="RequiredItems"><a href="?id=3"></a></div><div class="screenshot_holder"><a onclick="x('https://i.example/a')"></a></div>`,
		`<h3>There was a problem accessing the item`, title + "<div id=RequiredItems><a href='?id=\xff9'></div>", "<", "<!--", "<script>", "<a href=",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		page, err := parse(body, 7)
		if err != nil {
			if !errors.Is(err, ErrNotFound) && !errors.Is(err, ErrUnreadable) || !cmp.Equal(page, Page{}) {
				t.Fatalf("%+v, %v", page, err)
			}
			return
		}
		if page.Required == nil || page.Screenshots == nil || len(page.Required) > maxRequired || len(page.Screenshots) > maxScreenshots {
			t.Fatalf("%d required, %d pictures", len(page.Required), len(page.Screenshots))
		}
		seen := map[uint64]bool{0: true, 7: true}
		for _, id := range page.Required {
			if seen[id] {
				t.Fatalf("required %v", page.Required)
			}
			seen[id] = true
		}
		for _, u := range page.Screenshots {
			if !strings.HasPrefix(u, "http") || !utf8.ValidString(u) {
				t.Fatalf("picture %q", u)
			}
		}
	})
}

func TestClient(t *testing.T) {
	steam := steamtest.New(t)
	steam.Put(
		steamtest.Item{ID: 7, Updated: 5, Title: "A <b>mod</b>", Children: []uint64{2009463077, 3}, Screenshots: []string{"https://images.example/a.jpg?x=1&y=2"}},
		steamtest.Item{ID: 8, Updated: 5, Title: "Bare"},
	)
	c := New(Options{BaseURL: steam.CommunityURL(), Spacing: -1, UserAgent: "quartermaster/1.0"})
	got, err := c.Page(t.Context(), 7)
	if want := (Page{Required: []uint64{2009463077, 3}, Screenshots: []string{"https://images.example/a.jpg?x=1&y=2"}}); err != nil || !cmp.Equal(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err = c.Page(t.Context(), 8); err != nil || got.Required == nil || len(got.Required)+len(got.Screenshots) != 0 {
		t.Errorf("a page that has none: %+v, %v", got, err)
	}
	if _, err = c.Page(t.Context(), 9); !errors.Is(err, ErrNotFound) {
		t.Errorf("a missing item: %v", err)
	}
	for _, fault := range []steamtest.Fault{steamtest.AgeGate, steamtest.NotFound} {
		steam.FailCommunity(fault, 1)
		if _, err = c.Page(t.Context(), 7); !errors.Is(err, ErrNotFound) {
			t.Errorf("%s: %v", fault, err)
		}
	}
	if s := c.State(); s.BreakerOpen || s.Failures != 0 {
		t.Errorf("answers that no item is there count as failures: %+v", s)
	}
	if v := steam.CommunityVisits(); v[0].Path != "/sharedfiles/filedetails/" || v[0].Query != "id=7&l=english" {
		t.Errorf("asked %+v", v[0])
	}
}

func TestClient_Faults(t *testing.T) {
	steam := steamtest.New(t)
	steam.Put(steamtest.Item{ID: 7, Updated: 5, Title: "A", Children: []uint64{3}})
	for _, c := range []struct {
		fault  steamtest.Fault
		status int
	}{
		{steamtest.TooMany, 429}, {steamtest.ServerError, 500}, {steamtest.HTML, 0}, {steamtest.Rebuilt, 0}, {steamtest.Cut, 0},
		{steamtest.Truncated, 0}, {steamtest.RedirectLoopback, 0}, {steamtest.GzipBomb, 0},
	} {
		client := New(Options{BaseURL: steam.CommunityURL(), Spacing: -1})
		steam.FailCommunity(c.fault, 1)
		_, err := client.Page(t.Context(), 7)
		status, ok := errors.AsType[*webapi.StatusError](err)
		if err == nil || errors.Is(err, ErrNotFound) || ok != (c.status != 0) || ok && status.Status != c.status {
			t.Errorf("%s: %v", c.fault, err)
		}
		if !client.State().BreakerOpen {
			t.Errorf("%s: the next page is not held back", c.fault)
		}
	}
	if steam.Trapped() != 0 {
		t.Error("a redirect was followed to another port")
	}
}
