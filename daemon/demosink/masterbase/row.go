package masterbase

import (
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/demosink/pgcsv"
	"github.com/quartermasterd/quartermaster/daemon/steam"
)

// row is a row of a table with every value as PostgreSQL's text, be it from
// COPY or from a cast. A column that is not there reads as NULL: old
// installations have fewer.
type row struct {
	where   string
	columns map[string]int
	fields  []pgcsv.Field
}

// value returns the text of a column; ok is false for NULL.
func (r row) value(column string) (text string, ok bool) {
	i, found := r.columns[column]
	if !found || r.fields[i].Null {
		return "", false
	}
	return r.fields[i].Text, true
}

func (r row) text(column string) string {
	text, _ := r.value(column)
	return text
}

// boolean reads f and t of COPY, false and true of a cast. NULL is false.
func (r row) boolean(column string) (bool, error) {
	text, ok := r.value(column)
	switch {
	case !ok, text == "f", text == "false":
		return false, nil
	case text == "t", text == "true":
		return true, nil
	}
	return false, fmt.Errorf("%s is no boolean", column)
}

// integer reads a number that is not negative.
func (r row) integer(column string) (n int64, ok bool, err error) {
	text, ok := r.value(column)
	if !ok {
		return 0, false, nil
	}
	n, err = strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 {
		return 0, false, fmt.Errorf("%s is no number from 0 on", column)
	}
	return n, true, nil
}

// float reads a number. NaN counts as NULL.
func (r row) float(column string) (f float64, ok bool, err error) {
	text, ok := r.value(column)
	if !ok {
		return 0, false, nil
	}
	f, err = strconv.ParseFloat(text, 64)
	if err != nil || math.IsInf(f, 0) {
		return 0, false, fmt.Errorf("%s is no number", column)
	}
	return f, !math.IsNaN(f), nil
}

// Offsets of time zones as PostgreSQL writes them in a timestamptz.
var zones = [...]string{"-07", "-07:00", "-07:00:00"}

// time reads a timestamptz; NULL is the zero time.
func (r row) time(column string) (time.Time, error) {
	text, ok := r.value(column)
	if !ok {
		return time.Time{}, nil
	}
	for _, zone := range zones {
		t, err := time.Parse("2006-01-02 15:04:05"+zone, text) // a fraction is accepted
		if err == nil && t.Year() >= 1970 && t.Year() < 10_000 {
			return t.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("%s is no time", column)
}

// bytes reads a bytea in its hexadecimal form.
func (r row) bytes(column string) ([]byte, error) {
	text, ok := r.value(column)
	if !ok {
		return nil, nil
	}
	digits, ok := strings.CutPrefix(text, `\x`)
	b, err := hex.DecodeString(digits)
	if !ok || err != nil {
		return nil, fmt.Errorf("%s is no bytea", column)
	}
	return b, nil
}

// person reads the SteamID of a person as a decimal number.
func (r row) person(column string) (steam.ID, error) {
	n, err := strconv.ParseUint(r.text(column), 10, 64)
	if id := steam.ID(n); err == nil && id.Person() {
		return steam.FromAccount(id.Account()), nil
	}
	return 0, fmt.Errorf("%s is not the SteamID of a person", column)
}

var errID = errors.New("session_id is no number of up to 39 digits")

func (r row) id() (string, error) {
	if id := r.text("session_id"); ValidID(id) {
		return id, nil
	}
	return "", errID
}

// wanted calls fn with the number of a session that can be taken over with a
// file.
func (r row) wanted(fn func(id string) error) error {
	s := r.session(&problems{})
	if s.Problem != "" || s.Active || s.Open || s.Pruned {
		return nil
	}
	return fn(s.ID)
}

// session reads a row of demo_sessions. What is wrong with values that can be
// done without is added to p.
func (r row) session(p *problems) Session {
	s := Session{Where: r.where}
	err := r.fill(&s, p)
	if err != nil {
		return Session{Where: r.where, ID: s.ID, Problem: err.Error()}
	}
	return s
}

func (r row) fill(s *Session, p *problems) (err error) {
	if s.ID, err = r.id(); err != nil {
		return err
	}
	s.DemoName, s.FakeIP, s.Map = r.text("demo_name"), r.text("fake_ip"), r.text("map")
	if _, ok := r.value("steam_id"); ok {
		if s.SteamID, err = r.person("steam_id"); err != nil {
			p.add(r.where, s.ID, err.Error()+"; the recording is nobody's")
		}
	}
	for column, to := range map[string]*bool{"active": &s.Active, "open": &s.Open, "ingested": &s.Ingested, "pruned": &s.Pruned} {
		if *to, err = r.boolean(column); err != nil {
			return err
		}
	}
	for column, to := range map[string]*time.Time{"start_time": &s.Start, "end_time": &s.End, "created_at": &s.Created, "updated_at": &s.Updated} {
		if *to, err = r.time(column); err != nil {
			return err
		}
	}
	if s.Size, s.HasSize, err = r.integer("demo_size"); err != nil {
		return err
	}
	if s.Late, err = r.bytes("late_bytes"); err != nil {
		return err
	}
	if s.Late != nil && len(s.Late) != LateSize {
		p.add(r.where, s.ID, fmt.Sprintf("its late bytes are %d and not %d; they are left out", len(s.Late), LateSize))
		s.Late = nil
	}
	if s.Score, s.HasScore, err = r.float("markov_score"); err != nil {
		return err
	}
	return s.times()
}

// times fills in the times that a row lacks from those that it has.
func (s *Session) times() error {
	if s.Start.IsZero() {
		s.Start = s.Created
	}
	if s.Start.IsZero() {
		return errors.New("start_time and created_at are missing")
	}
	if s.Created.IsZero() {
		s.Created = s.Start
	}
	if s.Updated.IsZero() {
		s.Updated = s.Created
	}
	return nil
}

func (r row) report() (rep Report, err error) {
	if rep.Target, err = r.person("target_steam_id"); err != nil {
		return rep, err
	}
	switch rep.Reason = r.text("reason"); rep.Reason {
	case "bot", "cheater":
	case "":
		return rep, errors.New("the report has no reason")
	default:
		return rep, errors.New("the reason is neither bot nor cheater")
	}
	rep.Created, err = r.time("created_at")
	return rep, err
}

func (r row) count() (c Count, err error) {
	if c.Target, err = r.person("target_steam_id"); err != nil {
		return c, err
	}
	c.Algorithm = r.text("algorithm_type")
	var ok bool
	if c.Detections, ok, err = r.integer("detection_count"); err == nil && !ok {
		err = errors.New("detection_count is missing")
	}
	if err != nil {
		return c, err
	}
	c.Created, err = r.time("created_at")
	return c, err
}

func (r row) review() (v Review, err error) {
	if v.Target, err = r.person("target_steam_id"); err != nil {
		return v, err
	}
	if v.Reviewer, err = r.person("reviewer_steam_id"); err != nil {
		return v, err
	}
	switch v.Verdict = r.text("verdict"); v.Verdict {
	case "none", "benign", "inconclusive", "confirmed", "error":
	default:
		return v, errors.New("the verdict is none that there is")
	}
	v.Created, err = r.time("created_at")
	return v, err
}
