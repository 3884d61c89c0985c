package daemon

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quartermasterd/quartermaster/daemon/config"
)

// metaExamples are the commands that the manual shows, each with the first words
// of its command line.
func metaExamples(t *testing.T) map[string][]string {
	t.Helper()
	built := filepath.Join(t.TempDir(), "verify_proof")
	if out, err := exec.Command("go", "build", "-o", built, "../docs/examples/verify_proof").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	examples := map[string][]string{"Go": {built}}
	if err := exec.Command("python3", "-c", "import cryptography").Run(); err == nil {
		examples["Python"] = []string{"python3", "../docs/examples/verify_proof.py"}
	} else if os.Getenv("CI") == "true" {
		t.Fatal("python3 with the package cryptography is needed")
	}
	return examples
}

// What the manual shows of game servers that check proofs by themselves works.
func TestMetaExamples(t *testing.T) {
	t.Parallel()
	// The address by which game servers know the daemon is known before it.
	var r *metaRig
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		target, err := url.Parse(r.base)
		if err != nil {
			t.Error(err)
			return
		}
		httputil.NewSingleHostReverseProxy(target).ServeHTTP(w, req)
	}))
	t.Cleanup(front.Close)
	r = newMetaRig(t, t.TempDir(), func(c *config.Config) { c.HTTP.PublicURL = front.URL })
	p := r.user("foo")
	first, second := r.server(p), r.server(p)
	free := r.post("/v1/user/login", nil, p.auth).is(200).object()["signed_proof"].(string)
	bound := r.post("/v1/user/login?server_id="+first.auth.name, nil, p.auth).is(200).object()["signed_proof"].(string)
	head, rest, _ := strings.Cut(free, ".")
	body, signature, _ := strings.Cut(rest, ".")
	changed := "A" + signature[1:]
	if changed == signature {
		changed = "B" + signature[1:]
	}
	me, other := fmt.Sprint(p.id), fmt.Sprint(p.id+1)
	for language, command := range metaExamples(t) {
		for name, c := range map[string]struct {
			user, proof, server, want string
		}{
			"for any":          {me, free, "", "foo"},
			"for any, at one":  {me, free, first.auth.name, "foo"},
			"for the first":    {me, bound, first.auth.name, "foo"},
			"at the second":    {me, bound, second.auth.name, "the proof is for server " + first.auth.name},
			"somebody else's":  {other, free, "", "this is the proof of user " + me},
			"short":            {me, p.proof, "", "this is no signed proof"},
			"nothing":          {me, "", "", "this is no signed proof"},
			"changed":          {me, head + "." + body + "." + changed, "", "the signature is wrong"},
			"another's claims": {me, head + "." + body + "." + bound[strings.LastIndexByte(bound, '.')+1:], "", "the signature is wrong"},
			"unknown key":      {me, "eyJhbGciOiJFZERTQSIsImtpZCI6IngifQ." + body + "." + signature, "", "the key is not known; ask for the keys again"},
			"no algorithm":     {me, "eyJhbGciOiJub25lIn0." + body + ".", "", "this is no signed proof"},
		} {
			var out bytes.Buffer
			cmd := exec.CommandContext(t.Context(), command[0], append(command[1:], front.URL, c.user, c.proof, c.server)...)
			cmd.Stdout, cmd.Stderr = &out, &out
			err := cmd.Run()
			if got := strings.TrimSpace(out.String()); got != c.want || (err == nil) != (c.want == "foo") {
				t.Errorf("%s, %s: %q %v, want %q", language, name, got, err, c.want)
			}
		}
	}
}
