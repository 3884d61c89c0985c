package mail

import (
	"context"
	"math"
	"strconv"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// Entry is a mail that waits or was given up. What it says is nobody's business.
type Entry struct {
	ID        int64     `json:"id,string"`
	To        string    `json:"to" doc:"The recipient"`
	Subject   string    `json:"subject"`
	CreatedAt time.Time `json:"created_at"`
	NextTry   time.Time `json:"next_try,omitzero" doc:"Absent: it was given up"`
	Attempts  int       `json:"attempts" doc:"Tries so far"`
	FailedAt  time.Time `json:"failed_at,omitzero" doc:"When it was given up; absent: it waits"`
	Reason    string    `json:"reason" doc:"What the server said last"`
}

// List returns up to n mails that wait or were given up (failed: only those),
// the newest first, from the cursor on ("" the newest), the cursor of the next
// page ("" after the last) and how many there are in all.
func (q *Queue) List(ctx context.Context, failed bool, cursor string, n int) (all []Entry, next string, total int, err error) {
	before := int64(math.MaxInt64)
	if cursor != "" {
		if before, err = strconv.ParseInt(cursor, 10, 64); err != nil || before < 0 {
			return nil, "", 0, fault.New(fault.Invalid, "The cursor is not one of ours")
		}
	}
	err = q.db.Read(ctx, func(tx *db.Tx) error {
		if total, err = countMails(ctx, tx, failed); err != nil {
			return err
		}
		all, err = listMails(ctx, tx, failed, before, n+1)
		return err
	})
	if len(all) > n && n > 0 {
		all = all[:n]
		next = strconv.FormatInt(all[n-1].ID, 10)
	}
	return all, next, total, err
}

// Retry makes a waiting mail due now; fault.NotFound.
func (q *Queue) Retry(ctx context.Context, id int64) error {
	err := q.db.Write(ctx, func(tx *db.Tx) error { return retryMail(ctx, tx, id, q.now()) })
	q.Wake()
	return err
}

// Try sends a test mail at once, past the queue, and returns what it was handed
// to, for people. fault.Unavailable tells what the server answered.
func (q *Queue) Try(ctx context.Context, to, lang string) (string, error) {
	if err := checkRecipient(to); err != nil {
		return "", err
	}
	where := "the log"
	switch c := q.carrier.(type) {
	case *smtpCarrier:
		where = c.server.address()
	case *outbox:
		where = c.dir
	default:
		return "", fault.New(fault.Unavailable, "No mail server is configured").
			WithHint("set mail.url and mail.from, or mail.outbox for a folder")
	}
	w, err := q.writer.write(Message{Kind: Test, To: to, Lang: lang})
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, 2*dialTime)
	defer cancel()
	m := envelope{messageID: newMessageID(q.domain), to: to, written: w, at: q.now()}
	if err := q.carrier.deliver(ctx, []envelope{m})[0]; err != nil {
		return where, fault.New(fault.Unavailable, "%s did not take the mail: %s", where, reasonOf(err))
	}
	return where, nil
}
