package demosink

import (
	"context"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// Usage is what recordings take up.
type Usage struct {
	Bytes     int64 // of all blobs
	Free      int64 // of the disk
	Floor     int64 // that stay free of new recordings
	Deletable int64 // bytes that the rules allow to be deleted
	Pruned    int64 // recordings that were deleted to make room
	Live      int64 // sessions that are not closed
	Sources   []SourceUsage
	Rules     Rules
}

// SourceUsage is the part of one source.
type SourceUsage struct {
	Source     Source
	Recordings int64
	Bytes      int64
}

// Usage sums up what is stored.
func (s *Service) Usage(ctx context.Context) (u Usage, err error) {
	if u.Rules, err = s.Rules(ctx); err != nil {
		return u, err
	}
	if u.Free, err = s.blobs.Free(ctx); err != nil {
		return u, err
	}
	files, err := s.stored(ctx)
	if err != nil {
		return u, err
	}
	u.Bytes, u.Floor = files.bytes, s.options.MinFree
	return u, s.store.usage(ctx, &u, u.Rules, s.clock.Now())
}

// Day is what began on one day.
type Day struct {
	Day      string  `json:"day" doc:"In UTC." example:"2026-11-20"`
	Sessions int64   `json:"sessions"`
	Hours    float64 `json:"hours"`
	Bytes    int64   `json:"bytes"`
}

const maxDays = 1000

// Calendar sums up the recordings by the day on which they began, from the day
// of from to that of to. Days without one are left out. Players see their own,
// the staff everybody's.
func (s *Service) Calendar(ctx context.Context, c Caller, from, to time.Time) ([]Day, error) {
	from, to = from.UTC().Truncate(24*time.Hour), to.UTC().Truncate(24*time.Hour).Add(24*time.Hour)
	if !from.Before(to) || to.Sub(from) > maxDays*24*time.Hour {
		return nil, fault.New(fault.Invalid, "The days must be in order and at most %d", maxDays)
	}
	account := c.Account
	if c.Analyst || c.Moderator || c.Admin {
		account = 0
	}
	return s.store.calendar(ctx, account, from, to)
}
