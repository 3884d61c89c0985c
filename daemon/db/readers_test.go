package db

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"
)

// TestReadersThatPrepareAtOnce has every reader inside its transaction when
// it first needs its statement: preparing must not wait for one of them to
// end.
func TestReadersThatPrepareAtOnce(t *testing.T) {
	d := openRows(t)
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	var inside, wg sync.WaitGroup
	inside.Add(readers)
	for i := range readers {
		wg.Go(func() {
			err := d.Read(ctx, func(tx *Tx) error {
				inside.Done()
				inside.Wait()
				var n int
				return tx.QueryRow(ctx, fmt.Sprintf("SELECT COUNT(*) + %d FROM row", i)).Scan(&n)
			})
			if err != nil {
				t.Errorf("reader %d: %v", i, err)
			}
		})
	}
	wg.Wait()
}
