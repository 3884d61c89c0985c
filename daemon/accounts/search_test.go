package accounts

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/db/dbtest"
	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// found returns the names of all pages, "|" between them.
func (x *site) found(f PersonFilter, size int) string {
	x.t.Helper()
	var pages []string
	for cursor := ""; ; {
		page, err := x.s.SearchPersons(x.t.Context(), f, cursor, size)
		if err != nil {
			x.t.Fatal(err)
		}
		names := make([]string, len(page.Persons))
		for i, p := range page.Persons {
			names[i] = p.Name
		}
		pages = append(pages, strings.Join(names, ","))
		if cursor = page.Next; cursor == "" {
			return strings.Join(pages, "|")
		}
	}
}

func TestSearchPersons(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x := newSiteWith(t, d, "", func(o *Options) { o.AutoVerify = true })
		ids := map[string]int64{}
		for i, name := range []string{"bert", "Anna", `c\d`, "100%", "a_b", "Дора"} {
			p, err := x.s.RegisterPerson(t.Context(), NewPerson{Email: fmt.Sprintf("p%d@example.com", i), Name: name, Password: testPassword}, netip.Addr{})
			if err != nil {
				t.Fatal(err)
			}
			ids[name] = p.ID
			x.clock.add(1)
		}
		x.person("without an address", RolePlayer)
		if err := x.s.CloseAccount(t.Context(), ids["bert"], "cheating"); err != nil {
			t.Fatal(err)
		}
		if err := x.s.EmptyAccount(t.Context(), ids["a_b"]); err != nil {
			t.Fatal(err)
		}
		if _, err := x.s.SeenOnline(t.Context(), ids["Anna"]); err != nil {
			t.Fatal(err)
		}
		if err := x.s.saveOnline(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			filter PersonFilter
			size   int
			want   string
		}{
			{PersonFilter{Sort: SortCreated}, 3, `Дора,100%,c\d|Anna`},
			{PersonFilter{Sort: SortCreated}, 1, `Дора|100%|c\d|Anna`},
			{PersonFilter{Name: "ANN"}, 3, "Anna"},
			{PersonFilter{Name: "%"}, 3, "100%"},
			{PersonFilter{Name: "_"}, 3, ""},
			{PersonFilter{Name: `\`}, 3, `c\d`},
			{PersonFilter{Name: "дор"}, 3, "Дора"},
			{PersonFilter{Name: "' OR 1=1 --"}, 3, ""},
			{PersonFilter{State: StateClosed}, 3, "bert"},
			{PersonFilter{State: StateAll, Name: "bert"}, 3, "bert"},
			{PersonFilter{State: StateUnverified}, 3, ""},
		} {
			if got := x.found(c.filter, c.size); got != c.want {
				t.Errorf("%+v: %q, want %q", c.filter, got, c.want)
			}
		}
		if got := x.found(PersonFilter{Sort: SortOnline}, 1); !strings.HasPrefix(got, "Anna|") || strings.Count(got, "|") != 3 {
			t.Errorf("by when they were online: %q", got)
		}
		names := strings.Split(x.found(PersonFilter{}, 1), "|")
		if slices.Sort(names); strings.Join(names, ",") != `100%,Anna,c\d,Дора` {
			t.Errorf("by name, one at a time: %q", names)
		}
		for _, cursor := range []string{"x", "MQ", "MSB4IHk", "eCAx"} {
			if _, err := x.s.SearchPersons(t.Context(), PersonFilter{Sort: SortCreated}, cursor, 3); !fault.Is(err, fault.Invalid) {
				t.Errorf("cursor %q: %v", cursor, err)
			}
		}
		if _, err := x.s.SearchPersons(t.Context(), PersonFilter{Sort: "id; DROP TABLE"}, "", 3); !fault.Is(err, fault.Invalid) {
			t.Errorf("an unknown order: %v", err)
		}
	})
}
