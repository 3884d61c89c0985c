package durable

import "time"

// Clock tells the time and wakes the waiting. Tests use a settable one.
type Clock interface {
	Now() time.Time
	// After sends the time once, when at least d has passed.
	After(d time.Duration) <-chan time.Time
}

// System is the computer's clock.
var System Clock = systemClock{}

type systemClock struct{}

func (systemClock) Now() time.Time                         { return time.Now() }
func (systemClock) After(d time.Duration) <-chan time.Time { return time.After(d) }
