package metaserver

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/db/dbtest"
	"github.com/quartermasterd/quartermaster/daemon/metaserver/clans"
	"github.com/quartermasterd/quartermaster/daemon/metaserver/savage/savagetest"
)

// oddDatabase makes an old database of which much would be refused today.
func oddDatabase(t *testing.T) string {
	at, never := savagetest.At, time.Time{}
	large := base64.StdEncoding.EncodeToString(append([]byte("\x89PNG\r\n\x1a\n"), make([]byte, 70<<10)...))
	return oldDatabase(t, func(d *savagetest.Database) error {
		user := func(id int, email, name string, verified time.Time) error {
			return d.Insert("user", id, email, name, savagetest.Key, savagetest.Salt, at(id), verified, never, nil, never)
		}
		clan := func(id int, tag, name, icon string) error {
			return d.Insert("clan", id, tag, name, icon, at(id), never)
		}
		server := func(id int, host string, port int, name string, owner int) error {
			return d.Insert("server", id, "no key", savagetest.Salt, host, port, name, "", "RTSS", -1, "", 1, at(id), never, never, nil, owner)
		}
		return errors.Join(
			user(1, "squatter@example.com", "Paul", never), user(2, "Paul@example.com", "paul", at(2)), user(3, "paul@example.com", "\u202ePaul\u202c", at(3)),
			user(4, "four@example.com", "x@example.com", at(4)), user(5, "five@example.com", "\n\n", at(5)), user(6, "no address", "P\u0430ul six", at(6)),
			user(7, "seven@example.com", "#7", at(7)), user(8, "eight@example.com", strings.Repeat("n", 80), at(8)), user(0, "zero@example.com", "zero", at(9)),
			d.Insert("user", 9, "nine@example.com", "nine", "short", "salt", at(9), at(9), never, nil, never),
			clan(1, "Zzz", "One", savagetest.Icon), clan(2, "zZz", "ONE", savagetest.Icon), clan(3, "ABCDE^", "", "R0lGODlhAQABAAAAACw="),
			clan(4, "Big", "Big", large), clan(5, "Pad", "Pad", savagetest.Icon+strings.Repeat("=", 200<<10)), clan(6, "Mem", "Members", savagetest.Icon),
			d.Link(1, 2, "owner", at(10), never, ""), d.Link(2, 2, "owner", at(10), never, ""), d.Link(3, 2, "owner", at(10), never, ""),
			d.Link(4, 2, "owner", at(10), never, ""), d.Link(6, 3, "member", at(11), never, ""), d.Link(6, 4, "admin", at(12), never, ""), d.Link(6, 5, "admin", at(13), never, ""),
			server(1, "http://u:secret@x/", 999999, strings.Repeat("n", 120), 2), server(2, "1.2.3.4", -1, "x", 77),
			d.Insert("userstats", 2, 1, at(1), at(2), 5, -1, 9, 0, -151.5084685198582), d.Insert("userstats", 3, 1, at(1), at(2), 1, 0, 0, 0, "none"),
			d.Insert("userstats", 2, 77, at(1), at(2), 1, 0, 0, 0, 800),
			d.Insert("skin", 1, nil, "shield", "lego", strings.Repeat("x", 301)), d.Insert("skin", 2, "a skin", "shield", "lego", "p"),
			d.Insert("userskinlink", 1, 2), d.Insert("userskinlink", 2, 2), d.Insert("clanskinlink", 2, 99),
		)
	})
}

// What is told of oddDatabase.
var oddities = []string{
	"skipped user 0: its number cannot be used",
	`changed user 1: the name "Paul" is "Paul-1" here`,
	"changed user 3: the e-mail address belongs to account #2; this one is without",
	`changed user 3: the name "Paul" is "Paul-3" here`,
	`changed user 4: the name "x@example.com" is "player-4" here`,
	`changed user 5: the name "" is "player-5" here`,
	"changed user 6: the name \"P\u0430ul six\" is \"player-6\" here",
	"changed user 6: the e-mail address is none; the account is without",
	`changed user 7: the name "#7" is "7" here`,
	fmt.Sprintf("changed user 8: the name %q is %q here", strings.Repeat("n", 80), strings.Repeat("n", 64)),
	"changed user 9: the password cannot be read; its owner has it reset",
	"changed clan 2: its tag zZz looks like another clan's; both stay as they are",
	"changed clan 2: its name ONE looks like another clan's; both stay as they are",
	"changed clan 3: its icon is no PNG image; it has the default one",
	"changed clan 3: its tag would be refused here ('^' must always be followed by exactly three numbers or one of 'rgbwkycm')",
	"changed clan 3: its name would be refused here (Clan names need at least 1 character)",
	"changed clan 4: its icon is larger than 64 KiB; it has the default one",
	fmt.Sprintf("changed clan 5: its icon was written in %d characters; it was written anew", len(savagetest.Icon)+200<<10),
	"changed clan 5: nobody was a member; it is disbanded",
	"changed clan 6: it had no owner; account #4 is it now",
	"changed server 1: its password cannot be read; its owner makes a new one",
	"changed server 1: its host name is no address; it has none until its next heartbeat",
	"changed server 1: its port 999999 is none; it has none until its next heartbeat",
	"changed server 1: its name is longer than 100 characters and was cut",
	"changed server 1: it had fewer than no players",
	"changed server 2: its owner, user 77, is not there; it belongs to nobody",
	"changed server 2: its password cannot be read; its owner makes a new one",
	"changed server 2: its port -1 is none; it has none until its next heartbeat",
	"changed server 2: it had fewer than no players",
	"changed statistics of account #2 on server #1: the rating -151.5084685198582 is 100 here",
	"changed statistics of account #2 on server #1: matches were counted that cannot be, and are not here",
	"changed statistics of account #3 on server #1: the rating was none and is 800",
	"dropped statistics of user 2 on server 77: the user or the server is not there",
	"skipped skin 1: a text of it is too long",
	"dropped skin 1 of user 2: one of them is not there",
	"dropped skin 2 of clan 99: one of them is not there",
}

// What the rules of today would refuse.
func TestImport_OddRows(t *testing.T) {
	path := oddDatabase(t)
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		m := newMover(t, d)
		r := m.moved(path, nil)
		m.tells(r, oddities...)
		if r.Whole() {
			t.Error("the report counts nothing as skipped")
		}
		for _, line := range m.everything() {
			if strings.Contains(line, "secret") {
				t.Errorf("a password of an address was stored: %s", line)
			}
		}
		for _, h := range m.rows("metaserver_clan_handle") {
			if strings.HasSuffix(h, " 2 0") {
				t.Errorf("clan 2 keeps others from %s", h)
			}
		}
		c, err := m.clans.Clan(t.Context(), 2)
		if err != nil || c.Tag != "zZz" || c.Name != "ONE" || !bytes.Equal(clans.DecodeIcon(c.Icon), must(savagetest.Image())) {
			t.Errorf("clan 2 is %+v, %v", c, err)
		}
		if got := m.rows("accounts_email"); len(got) != 7 {
			t.Errorf("addresses: %v", got)
		}
	})
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
