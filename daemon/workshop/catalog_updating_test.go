package workshop

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/db/dbtest"
	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// A game client that asks for a version that Steam never told of makes no
// update of what is here.
func TestCatalog_UnpublishedVersion(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)))
		r := newRigWith(t, dbtest.SQLite(t), t.TempDir(), func(o *Options) { o.Quiet = false })
		r.start()
		synctest.Wait()
		r.offer(vector)
		r.tells(vectorPath, 202, queuedBody)
		pass(5 * time.Second)
		r.tells(vectorAsk, 200, `{"99874752":0}`)
		r.source.fail(fault.New(fault.Unavailable, "the line is dead"))
		never := Name{vector.Item, vector.Version + 1_000_000}
		if _, err := r.shelf.Want(t.Context(), int64(never.Item), never.Version, time.Now(), time.Time{}); err != nil {
			t.Fatal(err)
		}
		if st := r.shelf.Stock(int64(vector.Item)); !st.Queued && !st.Fetching || st.Updating {
			t.Errorf("%+v, want a job that is no update", st)
		}
		r.tells(vectorAsk, 200, `{"99874752":0}`)
	})
}
