package workshop

import (
	"log/slog"
	"strings"
	"testing"
)

// A line of the log carries a hint only where there is one.
func TestProblem_Log(t *testing.T) {
	for hint, want := range map[string]string{
		"":             "level=WARN msg=\"the disk is full\" code=disk_low\n",
		"delete a mod": "level=WARN msg=\"the disk is full\" code=disk_low hint=\"delete a mod\"\n",
	} {
		var b lockedBuffer
		var p problems
		for range 2 { // the second changes nothing
			p.set(slog.New(slog.NewTextHandler(&b, nil)), Problem{Code: problemDiskLow, Text: "the disk is full", Hint: hint})
		}
		if got := b.String(); !strings.HasSuffix(got, want) || strings.Count(got, "\n") != 1 {
			t.Errorf("logged %q, want one line that ends in %q", got, want)
		}
	}
}
