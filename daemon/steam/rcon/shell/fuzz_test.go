package shell

import (
	"strings"
	"testing"
)

func FuzzConnectArguments(f *testing.F) {
	for _, seed := range []string{"", "host", "host pass word", `host "a \" b"`, `host 'x`, `"host" p`, `host "a" b`, "\"", "host\tp", `host "\`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		text = strings.TrimSpace(text)
		address, password, given, err := connectArguments(text)
		if err == nil && (len(address)+len(password) > len(text) || !given && password != "") {
			t.Fatalf("%q became %q %q %t", text, address, password, given)
		}
	})
}
