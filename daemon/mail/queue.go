package mail

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// Bounds of the queue and of its patience.
const (
	maxQueued   = 20000 // mails that wait
	maxFailed   = 1000  // mails that are remembered because they failed
	keepFailed  = 30 * 24 * time.Hour
	defaultLife = 24 * time.Hour // of a mail without a code
	batch       = 20             // mails over one connection
	// claimFor is how long one process has the mails it took to itself. It is
	// longer than sendTime, so that no mail is sent by two.
	claimFor = 5 * time.Minute
	sendTime = 4 * time.Minute
	idle     = 15 * time.Second // how often the table is looked at unasked
)

// waits are the pauses after failures; the last is repeated.
var waits = []time.Duration{
	15 * time.Second, time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 15 * time.Minute, 30 * time.Minute,
}

// backoff returns the pause after the nth failure, n ≥ 1.
func backoff(n int) time.Duration { return waits[min(max(n, 1), len(waits))-1] }

// carrier hands mails on. deliver returns one result for each mail: nil when
// it was taken, a *permanent when it never will be.
type carrier interface {
	deliver(ctx context.Context, mails []envelope) []error
}

// envelope is a mail on its way.
type envelope struct {
	id        int64
	messageID string
	to        string
	written
	at       time.Time
	attempts int
	expires  time.Time
}

// permanent is a failure that another try does not mend.
type permanent struct{ reason string }

func (p *permanent) Error() string { return p.reason }

// Options wires a Queue.
type Options struct {
	DB  *db.DB           // must not be nil
	Log *slog.Logger     // nil: slog.Default
	Now func() time.Time // nil: time.Now

	URL     string // smtp:// or smtps://; "": see Outbox
	Outbox  string // folder for one .eml file per mail; "" and no URL: mails are only noted in the log
	From    string // sender: an address, or a name and an address in angle brackets
	Site    string // what the community is called; "": "Quartermaster"
	Subject string // of mails that verify an address; "": as the texts have it
	SiteURL string // address of the web page; may be empty
}

// Queue keeps mails in the database and sends them. It is safe for concurrent
// use, and several processes may work on the same database.
type Queue struct {
	db      *db.DB
	log     *slog.Logger
	now     func() time.Time
	carrier carrier
	ready   bool
	writer  *writer
	domain  string // of message ids
	wake    chan struct{}
	sent    *prometheus.CounterVec
	waiting prometheus.Gauge
}

// New returns a Queue. It opens nothing. fault.Invalid for a sender or an
// address of a server that cannot be used.
func New(o Options) (*Queue, error) {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Site == "" {
		o.Site = "Quartermaster"
	}
	w, err := newWriter(oneLine(o.Site), oneLine(o.Subject), o.SiteURL)
	if err != nil {
		return nil, err
	}
	q := &Queue{
		db: o.DB, log: o.Log.With(slog.String("component", "mail")), now: o.Now, writer: w,
		ready: o.URL != "" || o.Outbox != "", wake: make(chan struct{}, 1),
		sent: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "quartermaster_mail_total", Help: "Mails by what became of a try: sent, later, failed.",
		}, []string{"result"}),
		waiting: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "quartermaster_mail_queue", Help: "Mails that wait to be sent, when last looked at.",
		}),
	}
	q.carrier, q.domain, err = newCarrier(o, q.log)
	return q, err
}

// Collectors returns the metrics.
func (q *Queue) Collectors() []prometheus.Collector { return []prometheus.Collector{q.sent, q.waiting} }

// Ready reports whether mails go anywhere. Without a server and an outbox they
// are only noted in the log, without what they say.
func (q *Queue) Ready() bool { return q.ready }

// Enqueue puts a mail into the queue, in the transaction of what it is about.
// fault.TooMany when the queue is full, fault.Invalid when the address cannot
// be written to.
func (q *Queue) Enqueue(ctx context.Context, tx *db.Tx, m Message) error {
	if err := checkRecipient(m.To); err != nil {
		return err
	}
	w, err := q.writer.write(m)
	if err != nil {
		return err
	}
	n, err := countQueued(ctx, tx)
	if err != nil {
		return err
	}
	if n >= maxQueued {
		return fault.New(fault.TooMany, "Too many mails are waiting to be sent").WithRetryAfter(time.Minute)
	}
	now, life := q.now(), m.Expires
	if life <= 0 {
		life = defaultLife
	}
	return insertMail(ctx, tx, envelope{
		messageID: newMessageID(q.domain), to: m.To, written: w, at: now, expires: now.Add(life),
	})
}

// Wake makes Run look at once. It is called after the transaction of Enqueue;
// without it a mail waits for seconds.
func (q *Queue) Wake() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// Run sends what is due until ctx ends. It returns nil.
func (q *Queue) Run(ctx context.Context) error {
	pause := time.Duration(0)
	for {
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-q.wake:
			timer.Stop()
		case <-timer.C:
		}
		more, err := q.round(ctx)
		if err != nil && ctx.Err() == nil {
			q.log.Warn("the queue of mails could not be worked on", slog.Any("error", err))
		}
		pause = idle
		if more && err == nil {
			pause = 0
		}
	}
}

// round sends one batch of what is due and reports whether there may be more.
func (q *Queue) round(ctx context.Context) (more bool, err error) {
	var mails []envelope
	var waiting int
	err = q.db.Write(ctx, func(tx *db.Tx) error {
		now := q.now()
		if err := expireMails(ctx, tx, now); err != nil {
			return err
		}
		if mails, err = claimMails(ctx, tx, now, batch); err != nil {
			return err
		}
		waiting, err = countQueued(ctx, tx)
		return err
	})
	if err != nil {
		return false, err
	}
	q.waiting.Set(float64(waiting))
	if len(mails) == 0 {
		return false, nil
	}
	sending, cancel := context.WithTimeout(ctx, sendTime)
	defer cancel()
	results := q.carrier.deliver(sending, mails)
	// What was handed over is noted even when the daemon stops meanwhile.
	noting, stop := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer stop()
	err = q.db.Write(noting, func(tx *db.Tx) error { return q.note(noting, tx, mails, results) })
	if err != nil {
		return false, err
	}
	for i, m := range mails {
		q.tell(m, results[i])
	}
	return len(mails) == batch, nil
}

// note stores what became of the mails.
func (q *Queue) note(ctx context.Context, tx *db.Tx, mails []envelope, results []error) error {
	now := q.now()
	for i, m := range mails {
		never, isPermanent := errors.AsType[*permanent](results[i])
		var err error
		switch {
		case results[i] == nil:
			err = deleteMail(ctx, tx, m.id)
		case isPermanent:
			err = failMail(ctx, tx, m.id, now, never.reason)
		default:
			err = postponeMail(ctx, tx, m.id, now.Add(backoff(m.attempts)), reasonOf(results[i]))
		}
		if err != nil {
			return err
		}
	}
	return trimFailed(ctx, tx, maxFailed, now.Add(-keepFailed))
}

// tell counts and logs a result. No log holds an address or what a mail says.
func (q *Queue) tell(m envelope, result error) {
	about := slog.String("message_id", m.messageID)
	if _, isPermanent := errors.AsType[*permanent](result); isPermanent {
		q.sent.WithLabelValues("failed").Inc()
		q.log.Warn("a mail was refused for good; \"quartermaster mail list\" shows why", about)
		return
	}
	if result != nil {
		q.sent.WithLabelValues("later").Inc()
		q.log.Warn("a mail could not be sent, it is tried again", about, slog.Int("tries", m.attempts),
			slog.Duration("again_in", backoff(m.attempts)))
		return
	}
	q.sent.WithLabelValues("sent").Inc()
	q.log.Info("a mail was sent", about)
}
