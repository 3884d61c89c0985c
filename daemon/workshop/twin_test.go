package workshop

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/db/dbtest"
)

// later is the vector's item after Steam moved time_updated and left the
// content alone.
var later = Name{Item: vectorItem, Version: vectorVersion + 100}

// offerTwin makes both versions available with the same bytes.
func (r *rig) offerTwin() []byte {
	data := r.offer(vector)
	r.get(vector, time.Minute)
	r.offer(later)
	r.source.put(later, data)
	pass(2 * time.Minute) // the old details expire
	r.get(later, time.Minute)
	return data
}

// Two versions with equal bytes share one blob, and it goes with the last of
// them.
func TestTwin_SharesOneBlob(t *testing.T) {
	t.Parallel()
	inBubble(t, nil, func(t *testing.T, r *rig) {
		data := r.offerTwin()
		if keys := fmt.Sprint(r.keys()); keys != "[mods/m5f3f7c0_1348957670.zip]" {
			t.Fatalf("stored: %s", keys)
		}
		if _, versions, size := r.index.totals(); versions != 2 || size != int64(len(data)) {
			t.Errorf("%d versions of %d bytes in all", versions, size)
		}
		if err := r.Delete(context.Background(), vector, false); err != nil {
			t.Fatal(err)
		}
		pass(2 * time.Hour) // tidying must not take the blob for an orphan
		if w := r.expect("/"+later.File(), 200, ""); w.Body.String() != string(data) {
			t.Error("the other version is gone with the first")
		}
		if r.index.get(vector) != nil {
			t.Error("the deleted version came back")
		}
		if err := r.Delete(context.Background(), later, true); err != nil {
			t.Fatal(err)
		}
		if keys := r.keys(); len(keys) != 0 {
			t.Errorf("left behind: %v", keys)
		}
	})
}

// A damaged twin is not shared with, and both heal.
func TestTwin_IsNotSharedWhenDamaged(t *testing.T) {
	t.Parallel()
	inBubble(t, nil, func(t *testing.T, r *rig) {
		data := r.offer(vector)
		r.get(vector, time.Minute)
		overwrite(t, filepath.Join(r.dir, "blobs", "mods", vector.File()), append([]byte("x"), data[1:]...))
		r.offer(later)
		r.source.put(later, data)
		pass(2 * time.Minute)
		if w := r.get(later, time.Minute); w.Body.String() != string(data) {
			t.Error("wrong bytes were served")
		}
		if st := r.index.get(later); st == nil || st.Key != blobKey(later) {
			t.Errorf("the damaged blob is shared: %+v", st)
		}
	})
}

func TestBlobsInUse(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		err := d.Write(ctx, func(tx *db.Tx) error {
			for _, n := range []Name{vector, later} {
				if _, err := putVersion(ctx, tx, Version{Name: n, State: Ready, Key: "mods/shared.zip", StoredAt: tx.Now}); err != nil {
					return err
				}
			}
			for i, n := range []Name{vector, later} {
				if err := removeVersion(ctx, tx, n, "test"); err != nil {
					return err
				}
				if used, err := blobsInUse(ctx, tx, []string{"mods/shared.zip", "mods/none.zip"}); err != nil || used["mods/shared.zip"] != (i == 0) || used["mods/none.zip"] {
					t.Errorf("after %d removals: in use %v, %v", i+1, used, err)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}
