package fault

import (
	"errors"
	"fmt"
	"io"
	"testing"
	"time"
)

func TestUnknownErrorsStayPrivate(t *testing.T) {
	err := fmt.Errorf("open /secret/path: %w", io.ErrUnexpectedEOF)
	if got := KindOf(err); got != Internal {
		t.Errorf("KindOf = %v, want internal", got)
	}
	if got := Public(err); got != "Something went wrong on our side" {
		t.Errorf("Public leaks %q", got)
	}
	if got := Public(Wrap(err, Internal, "reading /secret/path")); got != "Something went wrong on our side" {
		t.Errorf("Public leaks an internal message: %q", got)
	}
}

func TestWrapKeepsCauseAndHidesIt(t *testing.T) {
	err := fmt.Errorf("outer: %w", Wrap(io.EOF, NotFound, "Mod %d not found", 7).WithHint("add it first"))
	if !errors.Is(err, io.EOF) {
		t.Error("the cause is lost")
	}
	if !Is(err, NotFound) || Is(err, Conflict) {
		t.Error("Is does not see the kind")
	}
	if got, want := Public(err), "Mod 7 not found"; got != want {
		t.Errorf("Public = %q, want %q", got, want)
	}
	if got := Hint(err); got != "add it first" {
		t.Errorf("Hint = %q", got)
	}
}

func TestHintOfACauseIsFound(t *testing.T) {
	inner := New(Unavailable, "port taken").WithHint("stop the other program")
	if got := Hint(Wrap(inner, Unavailable, "cannot start")); got != "stop the other program" {
		t.Errorf("Hint = %q", got)
	}
	if got := Hint(io.EOF); got != "" {
		t.Errorf("Hint of a plain error = %q", got)
	}
}

func TestWithCopies(t *testing.T) {
	base := New(TooMany, "slow down")
	_ = base.WithRetryAfter(time.Second)
	_ = base.WithFields(Field{Name: "a", Message: "b"})
	if base.RetryAfter != 0 || base.Fields != nil {
		t.Error("With… changed its receiver")
	}
}

func TestKindNames(t *testing.T) {
	seen := map[string]bool{}
	for k := Internal; k <= NoSpace; k++ {
		if seen[k.String()] {
			t.Errorf("kind %d repeats the name %q", k, k)
		}
		seen[k.String()] = true
	}
	if got := Kind(200).String(); got != "internal" {
		t.Errorf("an unknown kind is called %q", got)
	}
}
