package demosink

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// script does what scripts in Python do: requests for the session, then small
// messages through websockets, which pings and ends with a Close. It hands in
// no late bytes and closes nothing.
const script = `
import asyncio, sys
import requests, websockets

base, key, path = sys.argv[1:]

async def stream():
    answer = requests.get(base + "/session_id", params={"api_key": key, "fake_ip": "123.45.6789", "map": "some_map"})
    session = answer.json()["session_id"]
    address = "%s/demos?api_key=%s&session_id=%s" % (base.replace("http", "ws", 1), key, session)
    async with websockets.connect(address, ping_interval=0.05) as socket:
        with open(path, "rb") as demo:
            while chunk := demo.read(1024):
                await socket.send(chunk)
        await (await socket.ping())
    print(session)

asyncio.run(stream())
`

// python is an interpreter that has the libraries of such scripts: Debian's
// python3-requests and python3-websockets.
func python(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"/usr/bin/python3", "python3"} {
		if exec.Command(name, "-c", "import requests, websockets").Run() == nil {
			return name
		}
	}
	if os.Getenv("CI") == "true" {
		t.Fatal("python3-requests and python3-websockets are not installed")
	}
	t.Skip("LEFT OUT: python3-requests and python3-websockets are not installed")
	return ""
}

// TestPythonScript streams with a script twice in a row, with foreign
// libraries.
func TestPythonScript(t *testing.T) {
	interpreter := python(t)
	r := newRig(t, lite(t), nil)
	data := demo(300_000)
	path := filepath.Join(t.TempDir(), "a.dem")
	check(t, os.WriteFile(path, data, 0o600))
	var ids []string
	for range 2 {
		var problems strings.Builder
		cmd := exec.CommandContext(t.Context(), interpreter, "-c", script, r.base, alice, path)
		cmd.Stderr = &problems
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%v\n%s", err, &problems)
		}
		ids = append(ids, strings.TrimSpace(string(out)))
	}
	r.wantBlob(ids[0], data)
	r.want("GET", "/close_session?api_key=MB-alice", "", 200, closedText)
	r.wantBlob(ids[1], data)
}
