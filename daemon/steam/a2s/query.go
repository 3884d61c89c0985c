package a2s

import (
	"errors"
	"time"
)

// The defaults of queries.
const (
	// DefaultTimeout bounds one question with all its retries.
	DefaultTimeout = 5 * time.Second

	// maxChallenges is how many challenges of one query are looked at.
	maxChallenges = 3
	// goldSourceGrace is how long the newer INFO is waited for when the old
	// one came: some servers send both.
	goldSourceGrace = 300 * time.Millisecond
)

// defaultRetries are how long each send of a question is waited for.
func defaultRetries() []time.Duration {
	return []time.Duration{time.Second, 1500 * time.Millisecond, 2500 * time.Millisecond}
}

// query is one question to one server, without clock and socket: it is told
// what came and when, and says what to send. Whoever drives it sends packet
// and calls sent whenever receive or wake return true, and calls wake at due,
// until done is set.
type query struct {
	part    Part
	any     bool // the first valid reply of any kind ends it
	retries []time.Duration
	timeout time.Duration
	asm     Assembler

	challenge  Challenge
	challenges int
	attempt    int
	started    time.Time
	due        time.Time
	ping       time.Duration
	replied    bool
	noise      int

	old     *Info // the GoldSource INFO, until the grace is over
	info    Info
	players Players
	rules   Rules
	err     error
	done    bool
}

// packet returns what is to be sent next.
func (q *query) packet() []byte {
	return AppendRequest(nil, Request{Kind: q.part.request(), Challenge: q.challenge})
}

// sent notes that packet was sent.
func (q *query) sent(now time.Time) {
	if q.started.IsZero() {
		q.started = now
	}
	q.wait(now, q.retries[min(q.attempt, len(q.retries)-1)])
}

// wait sets due, not beyond the end of the query.
func (q *query) wait(now time.Time, d time.Duration) {
	q.due = now.Add(d)
	if end := q.started.Add(q.timeout); q.due.After(end) {
		q.due = end
	}
}

// wake is called at due, and returns whether to send again.
func (q *query) wake(now time.Time) (send bool) {
	if q.old != nil {
		q.info = *q.old
		return q.finish(nil)
	}
	q.attempt++
	if q.attempt >= len(q.retries) || !now.Before(q.started.Add(q.timeout)) {
		return q.finish(ErrTimeout)
	}
	return true
}

func (q *query) finish(err error) (send bool) {
	q.err, q.done = err, true
	return false
}

// receive takes a datagram from the server that was asked, and returns
// whether to send. It does not keep the datagram.
func (q *query) receive(now time.Time, datagram []byte) (send bool) {
	if q.done {
		return false
	}
	message, err := q.asm.Add(datagram)
	switch {
	case errors.Is(err, errNoise):
		q.noise++
		return false
	case err != nil:
		return q.finish(err)
	case message == nil:
		q.reply(now) // a fragment is a reply too
		return false
	case len(message) < 5:
		return q.finish(malformed("an empty message"))
	}
	kind := message[4]
	if kind != ReplyChallenge && !q.wants(kind) {
		q.noise++
		return false
	}
	return q.take(now, kind, message)
}

// wants reports whether a reply of this kind answers the question. Others are
// late replies to an earlier one.
func (q *query) wants(kind byte) bool {
	switch q.part {
	case PartPlayers:
		return kind == ReplyPlayers
	case PartRules:
		return kind == ReplyRules
	}
	return kind == ReplyInfo || kind == ReplyGoldSource
}

func (q *query) reply(now time.Time) {
	if !q.replied {
		q.replied, q.ping = true, max(now.Sub(q.started), 1)
	}
}

func (q *query) take(now time.Time, kind byte, message []byte) (send bool) {
	var err error
	switch kind {
	case ReplyChallenge:
		return q.takeChallenge(now, message)
	case ReplyPlayers:
		q.players, err = DecodePlayers(message)
	case ReplyRules:
		q.rules, err = DecodeRules(message)
	case ReplyGoldSource, ReplyInfo:
		var i Info
		if i, err = DecodeInfo(message); err != nil && q.old != nil {
			return false // what came first is good
		}
		q.info = i
	}
	if err != nil {
		return q.finish(err)
	}
	q.reply(now)
	if kind == ReplyGoldSource && !q.any {
		if q.old == nil {
			i := q.info
			q.old = &i
			q.wait(now, goldSourceGrace)
		}
		return false
	}
	return q.finish(nil)
}

// takeChallenge adopts a challenge and asks again with it. The same one once
// more is an echo of an earlier send.
func (q *query) takeChallenge(now time.Time, message []byte) (send bool) {
	c, err := DecodeChallenge(message)
	if err != nil {
		return q.finish(err)
	}
	q.reply(now)
	switch {
	case q.any:
		return q.finish(nil)
	case c == q.challenge || q.old != nil:
		return false
	}
	q.challenges++
	if q.challenges >= maxChallenges {
		return q.finish(ErrChallengeLoop)
	}
	q.challenge = c
	return true
}
