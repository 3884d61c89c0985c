package accounts

import (
	"context"
	"database/sql"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"

	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// The orders of PersonFilter.
const (
	SortName    = "name"
	SortOnline  = "-last_online" // the latest first
	SortCreated = "-created"     // the newest first
)

// The states of PersonFilter.
const (
	StateOpen       = "" // whose address is proved and who is not closed
	StateUnverified = "unverified"
	StateClosed     = "closed"
	StateAll        = "all"
)

// PersonFilter chooses persons. Accounts that their owners deleted are never
// among them.
type PersonFilter struct {
	Name  string // part of the name, in any case; "": any
	State string
	Sort  string // "": SortName
}

// personOrder is how a list is sorted: by a column and then by number.
type personOrder struct {
	column, direction, compare string
	number                     bool // the column holds numbers
}

var personOrders = map[string]personOrder{
	"":          {"a.name_key", "ASC", ">", false},
	SortName:    {"a.name_key", "ASC", ">", false},
	SortOnline:  {"a.last_online_at", "DESC", "<", true},
	SortCreated: {"a.created_at", "DESC", "<", true},
}

var personStates = map[string]string{
	StateOpen:       "e.verified_at > 0 AND a.closed_at = 0",
	StateUnverified: "e.verified_at = 0 AND a.closed_at = 0",
	StateClosed:     "a.closed_at > 0",
	StateAll:        "1 = 1",
}

// PersonPage is a part of a list of persons.
type PersonPage struct {
	Persons []Person
	Next    string // cursor of the next page; "" on the last
	Total   int64
}

// SearchPersons returns up to n persons that the filter chooses, from the
// cursor on ("" the first). fault.Invalid.
func (s *Service) SearchPersons(ctx context.Context, f PersonFilter, cursor string, n int) (page PersonPage, err error) {
	order, known := personOrders[f.Sort]
	state, knownState := personStates[f.State]
	if !known || !knownState {
		return page, fault.New(fault.Invalid, "There is no such order or state")
	}
	where, args := state+" AND a.closed_reason <> $1", []any{closedByOwner}
	if f.Name != "" {
		args = append(args, "%"+likeText.Replace(nameKey(f.Name))+"%")
		where += fmt.Sprintf(` AND a.name_key LIKE $%d ESCAPE '\'`, len(args))
	}
	from, err := order.after(cursor, len(args))
	if err != nil {
		return page, err
	}
	var keys []string
	err = s.db.Read(ctx, func(tx *db.Tx) error {
		const tables = " FROM accounts_account a LEFT JOIN accounts_email e ON e.account_id = a.id WHERE "
		if err := tx.QueryRow(ctx, "SELECT COUNT(*)"+tables+where, args...).Scan(&page.Total); err != nil {
			return err
		}
		text := "SELECT a.id, a.name, a.created_at, a.last_online_at, a.closed_at, a.closed_reason, COALESCE(e.address, ''), COALESCE(e.verified_at, 0), " +
			order.column + tables + where + from.where + " ORDER BY " + order.column + " " + order.direction + ", a.id " + order.direction + " LIMIT " + strconv.Itoa(n+1)
		rows, err := tx.Query(ctx, text, append(args, from.args...)...)
		return db.EachRow(rows, err, func() error {
			p, key, err := scanPerson(rows)
			page.Persons, keys = append(page.Persons, p), append(keys, key)
			return err
		})
	})
	if err == nil && len(page.Persons) > n {
		page.Persons = page.Persons[:n]
		page.Next = base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%d %s", page.Persons[n-1].ID, keys[n-1]))
	}
	for i := range page.Persons {
		page.Persons[i] = s.persons.current(page.Persons[i])
	}
	return page, err
}

var likeText = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)

func scanPerson(rows *sql.Rows) (p Person, key string, err error) {
	var created, online, closed, verified int64
	err = rows.Scan(&p.ID, &p.Name, &created, &online, &closed, &p.ClosedReason, &p.Email, &verified, &key)
	p.Created, p.LastOnline, p.Closed, p.Verified = db.Time(created), db.Time(online), db.Time(closed), db.Time(verified)
	return p, key, err
}

// pageStart is where a page begins.
type pageStart struct {
	where string
	args  []any
}

// after reads a cursor; n parameters come before its own.
func (o personOrder) after(cursor string, n int) (pageStart, error) {
	if cursor == "" {
		return pageStart{}, nil
	}
	foreign := fault.New(fault.Invalid, "The cursor is not one of ours")
	raw, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil {
		return pageStart{}, foreign
	}
	number, key, ok := strings.Cut(string(raw), " ")
	id, err := strconv.ParseInt(number, 10, 64)
	if !ok || err != nil {
		return pageStart{}, foreign
	}
	var value any = key
	if o.number {
		if value, err = strconv.ParseInt(key, 10, 64); err != nil {
			return pageStart{}, foreign
		}
	}
	return pageStart{
		where: fmt.Sprintf(" AND (%[1]s %[2]s $%[3]d OR %[1]s = $%[3]d AND a.id %[2]s $%[4]d)", o.column, o.compare, n+1, n+2),
		args:  []any{value, id},
	}, nil
}

// current puts the latest time online into a person.
func (p *persons) current(person Person) Person {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.overlay(record{Person: person}).Person
}
