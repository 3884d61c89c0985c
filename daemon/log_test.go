package daemon

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/quartermasterd/quartermaster/daemon/config"
)

func TestJournalLinesCarryTheirPriority(t *testing.T) {
	var b bytes.Buffer
	log := NewLog(config.Log{Level: "debug", Format: "auto"}, &b, true).With(slog.String("component", "x")).WithGroup("g")
	log.Debug("a")
	log.Info("b", "level", 1)
	log.Warn("c")
	log.Error("d")
	want := "<7>msg=a component=x\n<6>msg=b component=x g.level=1\n<4>msg=c component=x\n<3>msg=d component=x\n"
	if b.String() != want {
		t.Errorf("got\n%swant\n%s", b.String(), want)
	}
}

func TestLogFormats(t *testing.T) {
	for format, begin := range map[string]string{"json": `{"time":`, "text": "time=", "auto": "time="} {
		var b bytes.Buffer
		log := NewLog(config.Log{Level: "warn", Format: format}, &b, format != "auto")
		log.Info("left out")
		log.Warn("kept")
		if got := b.String(); !strings.HasPrefix(got, begin) || strings.Contains(got, "left out") {
			t.Errorf("%s: %q", format, got)
		}
	}
}
