package demosink

import (
	"testing"
	"testing/synctest"
	"time"
)

func newTurn() *turn { return &turn{given: make(chan struct{}, 1), hurry: make(chan struct{})} }

// TestFlow lets streams wait in order, and lets one that ends go on at once.
func TestFlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f flow
		f.init()
		first := newTurn()
		f.take(first, flowFirst) // one may always go beyond the bound
		order := make(chan int, 4)
		turns := make([]*turn, 4)
		for i := range turns {
			turns[i] = newTurn()
			go func() { f.take(turns[i], 10); order <- i }()
			synctest.Wait()
		}
		if len(order) > 0 {
			t.Fatal("more than the bound is written")
		}
		close(turns[2].hurry)
		if got := <-order; got != 2 {
			t.Fatalf("%d goes on instead of the one that ends", got)
		}
		f.give(25)
		synctest.Wait()
		if got := <-order + <-order; got != 0+1 || len(order) > 0 { // of the two that asked first
			t.Fatalf("two go on whose numbers add up to %d", got)
		}
		f.give(flowFirst)
		if got := <-order; got != 3 || f.pending != 15 {
			t.Fatalf("%d goes on, %d bytes are pending", got, f.pending)
		}
	})
}

// TestFlowLearns moves the bound with the disk.
func TestFlowLearns(t *testing.T) {
	var f flow
	f.init()
	f.measure(flowFirst/8, time.Hour) // too little to say anything
	if f.limit != flowFirst {
		t.Fatalf("%d after nothing", f.limit)
	}
	for range 30 {
		f.measure(f.limit, time.Duration(f.limit)*time.Second/5_000_000)
	}
	if want := int64(50_000_000); f.limit < want*9/10 || f.limit > want*11/10 {
		t.Errorf("%d for a disk of 5 MB/s", f.limit)
	}
	for range 60 {
		f.measure(f.limit, time.Duration(f.limit)*time.Second/200_000_000)
	}
	if want := int64(2_000_000_000); f.limit < want*9/10 || f.limit > want*11/10 {
		t.Errorf("%d for a disk of 200 MB/s", f.limit)
	}
}
