package shell_test

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/quartermasterd/quartermaster/daemon/steam/rcon"
	"github.com/quartermasterd/quartermaster/daemon/steam/rcon/shell"
	"github.com/quartermasterd/quartermaster/daemon/steam/steamtest"
)

const password = `pass word "quoted" 'too'`

const cvarlist = "cvar list\n--------------\nsv_cheats : 0 : , \"sv\" : Allow cheats\nsv_gravity : 800 : : Gravity\nstatus : cmd : : Show\n--------------\n3 total\n"

// recorder remembers what went to the history.
type recorder struct {
	shell.Lines
	kept []string
}

func (r *recorder) Remember(line string) { r.kept = append(r.kept, line) }

// run types the input into a shell through a pipe and returns what it wrote,
// prompts and the echo of nothing included.
func run(t *testing.T, server *steamtest.RCON, input string, connected bool) (output string, kept []string, sh *shell.Shell) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		defer server.Close()
		reader, writer := io.Pipe()
		go func() {
			_, err := io.WriteString(writer, input)
			writer.CloseWithError(err)
		}()
		var out strings.Builder
		lines := &recorder{Lines: shell.Plain(reader, &out)}
		sh = shell.New(shell.Options{Lines: lines, Out: &out, Completion: true,
			Dial: func(ctx context.Context, address, password string) (shell.Conn, error) {
				if strings.HasPrefix(address, "nowhere") {
					return nil, &net.DNSError{Err: "no such host", Name: "nowhere", IsNotFound: true}
				}
				return rcon.Dial(ctx, address, rcon.Options{Password: password, Dial: server.Pipe})
			}})
		if connected {
			if err := sh.Connect(t.Context(), "test", password); err != nil {
				t.Error(err)
			}
		}
		if err := sh.Run(t.Context()); err != nil {
			t.Error(err)
		}
		output, kept = out.String(), lines.kept
	})
	return output, kept, sh
}

func newServer() *steamtest.RCON {
	return &steamtest.RCON{Password: password, Replies: map[string]string{
		"status": "hostname: test\nplayers: 0\n", "two": "a\n\n", "bare": "no line end", "cvarlist": cvarlist, "help sv_cheats": "sv_cheats : 0\n",
		"umlaut": "gr\xfc\xdfe\n", "steer": "\x1b[2Jname\a\u202e\n", "exit": "", "quit it": "told\n",
	}}
}

const (
	up   = "test:27015 ] "
	down = "RCON ] "
)

func TestLines(t *testing.T) {
	for _, tt := range []struct {
		name, input string
		connected   bool
		want        string
	}{
		{"end of input", "", false, down},
		{"empty line", "\n  \n", false, down + down + down},
		{"not connected", "status\n", false, down + "Not connected. Use !connect to connect to a server.\n" + down},
		{"command", "status\n", true, up + "hostname: test\nplayers: 0\n" + up},
		{"one line end goes", "two\n", true, up + "a\n\n" + up},
		{"no line end", "bare\n", true, up + "no line end\n" + up},
		{"last line without an end", "bare", true, up + "no line end\n" + up},
		{"not ASCII", "umlaut\n", true, up + "grüße\n" + up},
		{"control characters", "steer\n", true, up + "[2Jname\n" + up},
		{"!exit", "!exit\nstatus\n", true, up},
		{"exit", "exit\n", true, up + "Use !exit to leave this shell, or !shutdown to shut the server down.\n" + up},
		{"exit unconnected", "exit\n", false, down + "Use !exit to leave this shell, or !shutdown to shut the server down.\n" + down},
		{"!disconnect", "!disconnect\nstatus\n", true, up + down + "Not connected. Use !connect to connect to a server.\n" + down},
		{"!disconnect unconnected", "!disconnect\n", false, down + "Not connected. Use !connect to connect to a server.\n" + down},
		{"!shutdown", "!shutdown\n", true, up + down},
		{"!shutdown unconnected", "!shutdown\n", false, down + "Not connected. Use !connect to connect to a server.\n" + down},
		{"!other", "!other thing\n", true, up + "Unknown command !other\n" + up},
		{"a lone !", "!\n! \n", false, down + "Unknown command !\n" + down + "Unknown command !\n" + down},
		{"help NAME", "help sv_cheats\n", true, up + "sv_cheats : 0\n" + up},
		{"help NAME unconnected", "help sv_cheats\n", false, down + "Not connected. Use !connect to connect to a server.\n" + down},
		{"help of the shell's", "help !exit\nhelp !x\n", false, down + "!exit                            leave the shell, as Ctrl-D does\n" + down + "Unknown command !x\n" + down},
		{"connect", "!connect test " + password + "\nstatus\n", false, down + up + "hostname: test\nplayers: 0\n" + up},
		{"connect, quoted", `!connect test:27015 "pass word \"quoted\" 'too'"` + "\n", false, down + up},
		{"connect, asked", "!connect\ttest\n" + password + "\n", false, down + "Password: " + up},
		{"connect twice", "!connect other " + password + "\n", true, up + "other:27015 ] "},
		{"connect, no password", "!connect test\n", false, down + "Password: No password was given.\n" + down},
		{"connect where", "!connect\n", false, down + "Usage: !connect HOST[:PORT] [PASSWORD].\n" + down},
		{"connect, bad port", "!connect test:0 x\n", false, down + "The address has to be HOST or HOST:PORT, an IPv6 address in brackets, the port from 1 to 65535.\n" + down},
		{"unclosed quote", "!connect test \"pass\n!connect 'x\n", false, down + "The quote is not closed.\n" + down + "The quote is not closed.\n" + down},
		{"after the quote", "!connect test 'a' b\n", false, down + "Something follows the closing quote.\n" + down},
		{"unclosed quote to the server", "say \"hello\n", true, up + "Unknown command \"say \"hello\"\n" + up},
		{"wrong password", "!connect test wrong\n", true, up + "The server refused the password.\n" + down},
		{"no server", "!connect nowhere x\n", false, down + "Lookup nowhere: no such host.\n" + down},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, _, _ := run(t, newServer(), tt.input, tt.connected)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestHelp(t *testing.T) {
	got, _, _ := run(t, newServer(), "help\n", true)
	for _, word := range []string{"!connect HOST[:PORT] [PASSWORD]", "!disconnect", "!shutdown", "!exit", "help NAME"} {
		if !strings.Contains(got, word) {
			t.Errorf("help does not speak of %s: %s", word, got)
		}
	}
}

func TestShutdownSendsExit(t *testing.T) {
	server := newServer()
	run(t, server, "exit\n!shutdown\n", true)
	if diff := cmp.Diff([]string{"cvarlist", "exit"}, server.Commands()); diff != "" {
		t.Error(diff)
	}
}

// A server that fails, once or for good, does not end the shell.
func TestFailingServers(t *testing.T) {
	for _, tt := range []struct {
		fault steamtest.RCONFault
		want  string
	}{
		{steamtest.RCONSilent, up + "No answer in time.\n" + up},
		{steamtest.RCONClosing, up + "The connection to test:27015 is lost.\n" + down},
	} {
		t.Run(string(tt.fault), func(t *testing.T) {
			server := newServer()
			server.Fault = tt.fault

			got, _, _ := run(t, server, "status\n", true)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestHistoryHoldsNoPassword(t *testing.T) {
	_, kept, _ := run(t, newServer(), "status\n!connect test secret\nrcon_password new\nsv_password \"x\"\n!connect test\nsecret\n\nhelp\n", true)
	if diff := cmp.Diff([]string{"status", "!connect test", "help"}, kept); diff != "" {
		t.Error(diff)
	}
}

func TestCompletion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := newServer()
		defer server.Close()
		sh := shell.New(shell.Options{Lines: shell.Plain(strings.NewReader(""), nil), Out: io.Discard, Completion: true,
			Dial: func(ctx context.Context, address, password string) (shell.Conn, error) {
				return rcon.Dial(ctx, address, rcon.Options{Password: password, Dial: server.Pipe})
			}})
		check := func(when, line string, want ...string) {
			t.Helper()
			if diff := cmp.Diff(want, sh.Complete(line)); diff != "" {
				t.Errorf("%s, %q: %s", when, line, diff)
			}
		}
		check("unconnected", "!", "!connect", "!disconnect", "!exit", "!shutdown")
		check("unconnected", "s")
		if err := sh.Connect(t.Context(), "test", password); err != nil {
			t.Fatal(err)
		}
		check("connected", "s", "status", "sv_cheats", "sv_gravity")
		check("connected", "sv_c", "sv_cheats")
		check("connected", "!co", "!connect")
		check("connected", "sv_cheats ")
		check("connected", "say s")
		sh.Disconnect()
		check("disconnected", "s")
	})
}

func TestErrorsOfTheInput(t *testing.T) {
	want := errors.New("torn out")
	reader, writer := io.Pipe()
	writer.CloseWithError(want)
	sh := shell.New(shell.Options{Lines: shell.Plain(reader, nil), Out: io.Discard})
	if err := sh.Run(t.Context()); !errors.Is(err, want) {
		t.Errorf("error %v", err)
	}
	sh = shell.New(shell.Options{Lines: shell.Plain(strings.NewReader(strings.Repeat("x", 1<<17)), nil), Out: io.Discard})
	if err := sh.Run(t.Context()); err == nil {
		t.Error("a line without end was taken")
	}
}
