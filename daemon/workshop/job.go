package workshop

import "time"

// Job is one unit of work: bringing one version of an item here. It lives in
// the database, so that a restart goes on with it and several processes share
// the work.
type Job struct {
	ID int64
	// Name says what is wanted; version 0 means whatever is current.
	Name Name
	// State is Queued, Fetching, Zipping, Verifying, Failed, Denied, Ready
	// (done) or Removed (cancelled).
	State State
	// Boost puts the job before those that no client waits for.
	Boost bool
	// Resting means that a failed job is not retried by itself any more; a
	// new request after RetryAt tries once again.
	Resting bool
	// Source is the source that is being asked, or was asked last.
	Source string
	// Attempts counts failed attempts; FirstFailedAt is when they began.
	Attempts      int
	FirstFailedAt time.Time
	// RetryAt is when a failed job is tried again or a denied one may be.
	RetryAt time.Time
	// Error is the public text of the last failure or the denial.
	Error string
	// Bytes of Total have arrived; Total is 0 while it is unknown. Speed is
	// in bytes per second and known only to the process that runs the job.
	Bytes, Total int64
	Speed        float64
	// Owner is the process that runs the job until LeaseUntil.
	Owner      string
	LeaseUntil time.Time
	CreatedAt  time.Time
	UpdatedAt  time.Time
}

// The timers. A failing job is retried by itself while it has failed
// fewer than maxAttempts times and its first failure is younger than
// maxFailing; after that it rests and is tried once per restFor on demand.
const (
	maxAttempts  = 5
	maxFailing   = 15 * time.Minute
	restFor      = time.Minute
	minBackoff   = 5 * time.Second
	maxBackoff   = 10 * time.Minute
	deniedFor    = 10 * time.Minute // no source has it; Steam says there is no such item
	freshFor     = time.Minute      // how long Steam's details count as current
	wrongAppFor  = 24 * time.Hour
	leaseFor     = 30 * time.Second
	renewEvery   = 10 * time.Second
	jobTombstone = 10 * time.Minute
)

// Moving reports whether somebody works on the job or will without being
// asked again.
func (j *Job) Moving() bool {
	return j.State.Moving() || j.State == Failed && !j.Resting
}

// Over reports whether the job ended, for better or worse.
func (j *Job) Over() bool { return j.State == Ready || j.State == Removed || j.State == Denied }

// fail returns the job after another failure at now: when it will be tried
// again, or that it rests, in neither case before wait is over. jitter is in
// [0, 1).
func (j Job) fail(now time.Time, public string, wait time.Duration, jitter float64) Job {
	j.Attempts++
	if j.FirstFailedAt.IsZero() {
		j.FirstFailedAt = now
	}
	j.State, j.Error, j.Owner, j.LeaseUntil = Failed, public, "", time.Time{}
	j.Resting = exhausted(now, j.Attempts, j.FirstFailedAt)
	if j.Resting {
		j.RetryAt = now.Add(max(restFor, wait))
		return j
	}
	j.RetryAt = now.Add(max(backoff(j.Attempts, jitter), wait))
	return j
}

// exhausted reports whether waiting clients are to be told that the thing
// cannot be fetched.
func exhausted(now time.Time, attempts int, firstFailed time.Time) bool {
	return attempts >= maxAttempts || !firstFailed.IsZero() && now.Sub(firstFailed) >= maxFailing
}

// backoff returns how long to wait after the n-th failure (n from 1): 5 s
// doubling to 10 min, with ±20 % of jitter in [0, 1).
func backoff(n int, jitter float64) time.Duration {
	d := maxBackoff
	if n < 8 {
		d = min(minBackoff<<(max(n, 1)-1), maxBackoff)
	}
	return time.Duration(float64(d) * (0.8 + 0.4*jitter))
}
