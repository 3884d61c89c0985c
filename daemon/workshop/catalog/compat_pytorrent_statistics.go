package catalog

import (
	"net/http"
	"slices"
	"strconv"
	"time"
)

const (
	newestDelays = 20
	defaultDays  = 7 // before the last day

	textStartHour = "start_hour exits 24 hour format"
	textEndHour   = "end_hour exits 24 hour format"
	textConflict  = "conflicting request"
)

// onWire reports whether clients of the original know a type.
func onWire(kind string) bool {
	return slices.ContainsFunc(labels, func(l label) bool { return l.kind == kind })
}

// wireKinds returns the types that clients of the original know.
func wireKinds() []string {
	kinds := make([]string, len(labels))
	for i, l := range labels {
		kinds[i] = l.kind
	}
	return kinds
}

// today is the present day in the zone of the statistics, at midnight UTC.
func (s *Service) today() time.Time {
	t := s.clock.Now().In(s.zone)
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
}

// statisticsDelay is /statistics/delay.
func statisticsDelay(x *exchange, _ string) {
	if !x.begin(countDelay, nil) {
		return
	}
	fast, err := x.s.stats.delay(x.r.Context(), newestDelays, timeDownloadLocalOK, timeDownloadSteamOK)
	if err != nil {
		x.broken(err)
		return
	}
	full, err := x.s.stats.delay(x.r.Context(), newestDelays, timeSteamOK)
	if err != nil {
		x.broken(err)
		return
	}
	b := strconv.AppendInt([]byte(`{"fast":`), fast, 10)
	b = strconv.AppendInt(append(b, `,"full":`...), full, 10)
	x.write(http.StatusOK, append(b, '}'))
}

// statisticsHour is /statistics/hour.
func statisticsHour(x *exchange, _ string) {
	p := x.params()
	day := p.day("day", p.day("select_date", x.s.today()))
	first, last := p.integer("start_hour", 0), p.integer("end_hour", 23)
	if !x.begin(countHour, p) {
		return
	}
	switch {
	case first < 0 || first > 23:
		x.fail(http.StatusPreconditionFailed, textStartHour, 1)
		return
	case last < 0 || last > 23:
		x.fail(http.StatusPreconditionFailed, textEndHour, 2)
		return
	case first > last:
		x.fail(http.StatusConflict, textConflict, 3)
		return
	}
	list, err := x.s.stats.hours(x.r.Context(), day, int(first), int(last), onWire)
	if err != nil {
		x.broken(err)
		return
	}
	x.rows(list, func(b []byte, c counted) []byte {
		b = c.at.AppendFormat(append(b, `{"date_time":"`...), formatMicro)
		return append(b, '"')
	})
}

// statisticsDay is /statistics/day.
func statisticsDay(x *exchange, _ string) {
	p := x.params()
	last := p.day("end_date", x.s.today())
	first := p.day("start_date", last.AddDate(0, 0, -defaultDays))
	if !x.begin(countDay, p) {
		return
	}
	if first.After(last) {
		x.fail(http.StatusConflict, textConflict, 3)
		return
	}
	list, err := x.s.stats.days(x.r.Context(), first.Format(dayFormat), last.Format(dayFormat), onWire)
	if err != nil {
		x.broken(err)
		return
	}
	x.rows(list, func(b []byte, c counted) []byte {
		return append(append(append(b, `{"date":"`...), c.day...), '"')
	})
}

// rows answers with counters; begin begins an object with the time.
func (x *exchange) rows(list []counted, begin func([]byte, counted) []byte) {
	b := []byte{'['}
	for i, c := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(append(begin(b, c), `,"type":`...), c.kind)
		b = append(strconv.AppendInt(append(b, `,"count":`...), c.n, 10), '}')
	}
	x.write(http.StatusOK, append(b, ']'))
}

// statisticsAll is /statistics/info/all.
func statisticsAll(x *exchange, _ string) {
	if !x.begin(countInfoAll, nil) {
		return
	}
	days, err := x.s.stats.dayCount(x.r.Context(), wireKinds())
	if err != nil {
		x.broken(err)
		return
	}
	mods, dependent, _ := x.s.index.totals()
	games, genres, tags, sent := x.s.shelf.totals()
	b := []byte{'{'}
	for i, row := range [...]struct {
		key string
		n   int64
	}{
		{"mods", int64(mods)}, {"games", int64(games)}, {"genres", int64(genres)}, {"mods_tags", int64(tags)},
		{"mods_dependencies", int64(dependent)}, {"statistics_days", int64(days)}, {"mods_sent_count", sent},
	} {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendString(b, row.key), ':')
		b = strconv.AppendInt(b, row.n, 10)
	}
	x.write(http.StatusOK, append(b, '}'))
}

// statisticsTypeMap is /statistics/info/type_map.
func statisticsTypeMap(x *exchange, _ string) {
	if !x.begin(countTypeMap, nil) {
		return
	}
	lang := language(x.r.Header.Values("Accept-Language"))
	b := appendString([]byte(`{"language":`), lang)
	b = append(b, `,"result":{`...)
	for i, l := range labels {
		if i > 0 {
			b = append(b, ',')
		}
		text := l.ru
		if lang == langEnglish {
			text = l.en
		}
		b = appendString(append(appendString(b, l.kind), ':'), text)
	}
	h := x.w.Header()
	h["Vary"], h["Content-Language"] = headerVary, []string{lang}
	x.write(http.StatusOK, append(b, `}}`...))
}
