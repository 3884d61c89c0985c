package catalog

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"
)

// counted is one counter of an hour or a day.
type counted struct {
	at   time.Time // begin of the hour in the zone of the statistics
	day  string
	kind string
	n    int64
}

// hours returns the counters of the hours from first to last, both included,
// of one day in the zone. Where a clock goes back, the hour that comes twice
// is one.
func (c *statistics) hours(ctx context.Context, day time.Time, first, last int, wanted func(kind string) bool) ([]counted, error) {
	from := time.Date(day.Year(), day.Month(), day.Day(), 0, 0, 0, 0, c.zone)
	to := time.Date(day.Year(), day.Month(), day.Day()+1, 0, 0, 0, 0, c.zone)
	list, err := c.between(ctx, from, to, wanted)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(list, func(k counted) bool { return k.at.Hour() < first || k.at.Hour() > last }), nil
}

// between returns the counters of the hours that begin in [from, to), by time
// and type.
func (c *statistics) between(ctx context.Context, from, to time.Time, wanted func(kind string) bool) ([]counted, error) {
	type key struct {
		at   time.Time
		kind string
	}
	sums := map[key]int64{}
	add := func(k hourKey, n int64) {
		at := time.UnixMicro(k.at)
		if at.Before(from) || !at.Before(to) || !wanted(k.kind) {
			return
		}
		local := at.In(c.zone)
		wall := time.Date(local.Year(), local.Month(), local.Day(), local.Hour(), 0, 0, 0, c.zone)
		sums[key{wall, k.kind}] += n
	}
	c.flushing.RLock()
	defer c.flushing.RUnlock()
	if err := c.store.hours(ctx, from, to, add); err != nil {
		return nil, err
	}
	hours, _, _ := c.snapshot()
	for k, n := range hours {
		add(k, n)
	}
	list := make([]counted, 0, len(sums))
	for k, n := range sums {
		list = append(list, counted{at: k.at, kind: k.kind, n: n})
	}
	slices.SortFunc(list, func(a, b counted) int { return cmp.Or(a.at.Compare(b.at), strings.Compare(a.kind, b.kind)) })
	return list, nil
}

// days returns the counters of the days from first to last, both included, by
// day and type.
func (c *statistics) days(ctx context.Context, first, last string, wanted func(kind string) bool) ([]counted, error) {
	sums := map[dayKey]int64{}
	add := func(k dayKey, n int64) {
		if k.day >= first && k.day <= last && wanted(k.kind) {
			sums[k] += n
		}
	}
	c.flushing.RLock()
	defer c.flushing.RUnlock()
	if err := c.store.days(ctx, first, last, add); err != nil {
		return nil, err
	}
	_, days, _ := c.snapshot()
	for k, n := range days {
		add(k, n)
	}
	list := make([]counted, 0, len(sums))
	for k, n := range sums {
		list = append(list, counted{day: k.day, kind: k.kind, n: n})
	}
	slices.SortFunc(list, func(a, b counted) int { return cmp.Or(strings.Compare(a.day, b.day), strings.Compare(a.kind, b.kind)) })
	return list, nil
}

// total returns the sum of the counters of the kinds over all days.
func (c *statistics) total(ctx context.Context, kinds ...string) (int64, error) {
	c.flushing.RLock()
	defer c.flushing.RUnlock()
	sum, err := c.store.total(ctx, kinds)
	if err != nil {
		return 0, err
	}
	_, days, _ := c.snapshot()
	for k, n := range days {
		if slices.Contains(kinds, k.kind) {
			sum += n
		}
	}
	return sum, nil
}

// dayCount returns how many days have a counter of any of the kinds.
func (c *statistics) dayCount(ctx context.Context, kinds []string) (int, error) {
	c.flushing.RLock()
	defer c.flushing.RUnlock()
	found, err := c.store.distinctDays(ctx, kinds)
	if err != nil {
		return 0, err
	}
	_, days, _ := c.snapshot()
	for k := range days {
		if slices.Contains(kinds, k.kind) {
			found[k.day] = true
		}
	}
	return len(found), nil
}

// delay returns the mean of the newest n timings of the kinds in whole
// milliseconds, 0 if there is none.
func (c *statistics) delay(ctx context.Context, n int, kinds ...string) (int64, error) {
	c.flushing.RLock()
	defer c.flushing.RUnlock()
	list, err := c.store.newestTimings(ctx, n, kinds...)
	if err != nil {
		return 0, err
	}
	_, _, waiting := c.snapshot()
	for _, t := range waiting {
		if slices.Contains(kinds, t.kind) {
			list = append(list, t)
		}
	}
	if len(list) == 0 {
		return 0, nil
	}
	slices.SortStableFunc(list, func(a, b timing) int { return b.at.Compare(a.at) })
	list = list[:min(len(list), n)]
	var sum int64
	for _, t := range list {
		sum += t.ms
	}
	return sum / int64(len(list)), nil
}
