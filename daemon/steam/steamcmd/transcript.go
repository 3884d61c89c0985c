package steamcmd

import (
	"bytes"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Verdict is what SteamCMD says about one item.
type Verdict struct {
	Item uint64
	OK   bool
	Path string // of a success: where the content is, as printed
	Size int64  // of a success: bytes, as printed
	Text string // of a failure: the reason in SteamCMD's words
}

// Transcript is what can be learned from the output of one run.
type Transcript struct {
	// Verdicts are in the order of the output. The last one about an item
	// counts.
	Verdicts []Verdict
	// Login is why the login was refused, in SteamCMD's words; "" when no
	// refusal was found.
	Login string
	// LateDir says that SteamCMD found +force_install_dir behind +login and
	// did not heed it.
	LateDir bool
	// Tail is the end of the output as plain lines, for the log.
	Tail string
}

// maxTail bounds Tail, maxText a reason in words.
const (
	maxTail = 2 << 10
	maxText = 120
)

// What SteamCMD prints. Line breaks are often missing between its messages,
// so nothing here depends on the beginning or the end of a line.
var (
	// CSI and OSC sequences (ECMA-48 §5.4, §8.3.89) and any other escape.
	escapes = regexp.MustCompile(`\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[^\[\]])`)

	// Each begins with a fixed text, which is fast to look for.
	success = regexp.MustCompile(`Success\. Downloaded item (\d+) to "([^"\n]+)" \((\d+) bytes`)
	failure = regexp.MustCompile(`ERROR! Download item (\d+) failed \(([^)\n]*)\)`)
	timeout = regexp.MustCompile(`Timeout downloading item (\d+)`)
	// The errors of items are written "ERROR!" and do not match.
	refusals = []*regexp.Regexp{
		regexp.MustCompile(`FAILED \(([^)\n]+)\)`), regexp.MustCompile(`ERROR \(([^)\n]+)\)`),
		regexp.MustCompile(`Login Failure: ([^\n]+)`), regexp.MustCompile(`FAILED login with result code ([^\n]+)`),
	}
	// A question that nobody will answer.
	prompts = []struct{ marker, text string }{
		{"Steam Guard code:", "Account logon denied"},
		{"Two-factor code:", "Account logon denied, need two-factor code"},
		{"Steam Guard Mobile Authenticator", "Account logon denied, need two-factor code"},
		{"confirm the login in the Steam Mobile app", "Account logon denied, need two-factor code"},
		{"Cached credentials not found", "Cached credentials not found"},
	}
)

// ParseOutput reads the output of a run, of any length and content.
func ParseOutput(output []byte) Transcript {
	text := plain(output)
	t := Transcript{Verdicts: findVerdicts(text)}
	t.Login = refusal(text)
	t.LateDir = strings.Contains(text, "Please use force_install_dir before logon")
	t.Tail = strings.TrimSpace(text[max(0, len(text)-maxTail):])
	t.Tail = strings.ToValidUTF8(t.Tail, "")
	return t
}

// findVerdicts returns what is said about items, in order.
func findVerdicts(text string) []Verdict {
	type found struct {
		at int
		Verdict
	}
	var all []found
	for _, m := range success.FindAllStringSubmatchIndex(text, -1) {
		size := min(number(text[m[6]:m[7]]), 1<<62)
		all = append(all, found{m[0], Verdict{Item: number(text[m[2]:m[3]]), OK: true, Path: text[m[4]:m[5]], Size: int64(size)}})
	}
	for _, m := range failure.FindAllStringSubmatchIndex(text, -1) {
		all = append(all, found{m[0], Verdict{Item: number(text[m[2]:m[3]]), Text: shorten(text[m[4]:m[5]])}})
	}
	for _, m := range timeout.FindAllStringSubmatchIndex(text, -1) {
		all = append(all, found{m[0], Verdict{Item: number(text[m[2]:m[3]]), Text: "Timeout"}})
	}
	slices.SortStableFunc(all, func(a, b found) int { return a.at - b.at })
	var verdicts []Verdict
	for _, f := range all {
		if f.Item != 0 {
			verdicts = append(verdicts, f.Verdict)
		}
	}
	return verdicts
}

// Last returns the last verdict about the item.
func (t Transcript) Last(item uint64) (Verdict, bool) {
	for _, v := range slices.Backward(t.Verdicts) {
		if v.Item == item {
			return v, true
		}
	}
	return Verdict{}, false
}

// refusal finds why the login was refused. A question about Steam Guard says
// more than the failure that follows it, unless Steam says that there were too
// many attempts.
func refusal(text string) string {
	found, first := "", len(text)
	for _, r := range refusals {
		if m := r.FindStringSubmatchIndex(text); m != nil && m[0] < first {
			found, first = shorten(text[m[2]:m[3]]), m[0]
		}
	}
	if ReasonFor(found).Code == CodeRateLimit {
		return found
	}
	for _, p := range prompts {
		if strings.Contains(text, p.marker) {
			return p.text
		}
	}
	return found
}

// plain removes escape sequences and control characters; a carriage return
// becomes a line break.
func plain(output []byte) string {
	output = escapes.ReplaceAll(output, nil)
	return string(bytes.Map(func(r rune) rune {
		switch {
		case r == '\r':
			return '\n'
		case r == '\n', r == '\t', r >= ' ' && r != 0x7f && (r < 0x80 || r > 0x9f):
			return r
		}
		return -1
	}, output))
}

// number reads digits; 0 when they do not fit.
func number(digits string) uint64 {
	n, err := strconv.ParseUint(digits, 10, 64)
	if err != nil {
		return 0
	}
	return n
}

func shorten(text string) string {
	text = strings.TrimSpace(text)
	if len(text) > maxText {
		text = strings.ToValidUTF8(text[:maxText], "") + "…"
	}
	return text
}
