package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/steam/rcon"
	"github.com/quartermasterd/quartermaster/daemon/steam/rcon/goldsource"
	"github.com/quartermasterd/quartermaster/daemon/steam/rcon/shell"
	"github.com/quartermasterd/quartermaster/daemon/steam/rcon/webrcon"
)

// The exit codes of rcon for a login that failed, which scripts have to tell
// from a server that is down. The others are as everywhere.
const (
	exitRCONRefused = 3
	exitRCONClosed  = 4
)

// rconPasswordVariable is the environment variable that other RCON programs
// read too.
const rconPasswordVariable = "RCON_PASSWORD"

// The dialects that are protocols of their own.
const (
	dialectWeb        = "web"
	dialectGoldSource = "goldsource"
)

// RCONCmd runs one command or a shell.
type RCONCmd struct {
	Address      string        `arg:"" optional:"" help:"HOST[:PORT] of the server. Without it the shell begins unconnected."`
	Execute      *string       `short:"e" placeholder:"COMMAND" help:"Run this command, print the reply and exit."`
	Password     *string       `short:"p" placeholder:"PW" help:"The password. Other users of this machine can read it here: better use one of the other ways."`
	PasswordFile string        `placeholder:"FILE" help:"File that holds the password; \"-\" reads standard input. Without it: $RCON_PASSWORD, else a prompt."`
	Encoding     string        `default:"auto" placeholder:"NAME" help:"Encoding of texts: auto (UTF-8, else Windows-1252), ascii, utf-8, windows-1251, …"`
	Timeout      time.Duration `default:"5s" placeholder:"TIME" help:"How long a login and a command may take. Default: 5s."`
	Dialect      string        `default:"auto" enum:"auto,srcds,minecraft,single,goldsource,web" placeholder:"NAME" help:"How the server ends replies: auto, srcds, minecraft, single (Factorio); goldsource for Half-Life over UDP, web for Rust's WebRCON."`
}

// executed is what --json prints.
type executed struct {
	Address string `json:"address"`
	Command string `json:"command"`
	Reply   string `json:"reply"`
}

// Run is one command or the shell.
func (c RCONCmd) Run(s *session) error {
	options, err := c.check(s)
	if err != nil {
		return err
	}
	if c.Execute != nil {
		return c.execute(s, options)
	}
	return c.shell(s, options)
}

// check refuses what does not go together and makes the address whole.
func (c *RCONCmd) check(s *session) (rcon.Options, error) {
	encoding, err := rcon.ParseEncoding(c.Encoding)
	switch {
	case err != nil:
		return rcon.Options{}, fault.New(fault.Invalid, "%v", err)
	case c.Timeout <= 0:
		return rcon.Options{}, fault.New(fault.Invalid, "--timeout has to be above 0")
	case c.Address == "" && c.Execute != nil:
		return rcon.Options{}, fault.New(fault.Invalid, "--execute needs the address of a server")
	case c.Address == "" && (c.Password != nil || c.PasswordFile != ""):
		return rcon.Options{}, fault.New(fault.Invalid, "a password needs the address of a server")
	case c.Password != nil && c.PasswordFile != "":
		return rcon.Options{}, fault.New(fault.Invalid, "--password and --password-file do not go together")
	case c.PasswordFile == "-" && c.Execute == nil:
		return rcon.Options{}, fault.New(fault.Invalid, "standard input cannot hold both the password and the commands")
	case s.globals.JSON && c.Execute == nil:
		return rcon.Options{}, fault.New(fault.Invalid, "--json goes with --execute")
	}
	if c.Address != "" {
		if c.Address, err = rcon.Address(c.Address, c.port()); err != nil {
			return rcon.Options{}, fault.New(fault.Invalid, "%v", err)
		}
	}
	dialect := rcon.Dialect(c.Dialect)
	if c.Dialect == "auto" {
		dialect = rcon.Auto
	}
	return rcon.Options{Timeout: c.Timeout, Dialect: dialect, Encoding: encoding}, nil
}

func (c *RCONCmd) port() uint16 {
	if c.Dialect == dialectWeb {
		return webrcon.DefaultPort
	}
	return rcon.DefaultPort
}

// password takes the password from where it was given, else asks for it once.
func (c *RCONCmd) password(s *session) (string, error) {
	if c.Password != nil {
		return *c.Password, nil
	}
	if c.PasswordFile != "" {
		return readPasswordFile(s, c.PasswordFile)
	}
	for _, kv := range s.Environ {
		if password, ok := strings.CutPrefix(kv, rconPasswordVariable+"="); ok && password != "" {
			return password, nil
		}
	}
	in, ok := s.Stdin.(*os.File)
	if !ok || !term.IsTerminal(int(in.Fd())) {
		return "", fault.New(fault.Invalid, "no password was given").
			WithHint("use --password-file FILE, or set %s, or run this on a terminal", rconPasswordVariable)
	}
	return readHidden(s, int(in.Fd()), "Password: ")
}

// rconDialer logs in to servers, and warns once of each connection on which
// others may listen.
func rconDialer(s *session, dialect string, options rcon.Options) func(context.Context, string, string) (shell.Conn, error) {
	warn := func(remote net.Addr) {
		if rcon.Exposed(remote) {
			fmt.Fprintf(s.Stderr, "warning: the password and the commands cross the network to %s in the clear; a tunnel (ssh -L, WireGuard) protects them\n", remote)
		}
	}
	return func(ctx context.Context, address, password string) (shell.Conn, error) {
		if dialect == dialectWeb {
			c, err := webrcon.Dial(ctx, address, webrcon.Options{Password: password, Timeout: options.Timeout})
			if err != nil {
				return nil, err
			}
			warn(c.RemoteAddr())
			return c, nil
		}
		if dialect == dialectGoldSource {
			if remote, err := net.ResolveUDPAddr("udp", address); err == nil { // else the first command fails
				warn(remote)
			}
			return goldsource.New(address, goldsource.Options{Password: password, Timeout: options.Timeout, Encoding: options.Encoding}), nil
		}
		options.Password = password
		c := rcon.New(address, options)
		if err := c.Connect(ctx); err != nil {
			return nil, err
		}
		warn(c.RemoteAddr())
		if err := c.Authenticate(ctx); err != nil {
			return nil, err
		}
		return c, nil
	}
}

// execute runs one command. Its output ends with exactly one line end.
func (c *RCONCmd) execute(s *session, options rcon.Options) error {
	password, err := c.password(s)
	if err != nil {
		return err
	}
	conn, err := rconDialer(s, c.Dialect, options)(s.ctx, c.Address, password)
	if err != nil {
		return rconFailure(s, c.Address, err)
	}
	defer conn.Close() //nolint:errcheck // the reply is here
	reply, err := conn.Text(s.ctx, *c.Execute)
	if err != nil {
		return rconFailure(s, c.Address, err)
	}
	return s.print(executed{c.Address, *c.Execute, reply}, func() {
		if out, ok := s.Stdout.(*os.File); ok && term.IsTerminal(int(out.Fd())) {
			reply = shell.Clean(reply)
		}
		s.printf("%s", strings.TrimRight(reply, "\r\n"))
	})
}

// rconFailure says what went wrong at a server and returns the exit code.
func rconFailure(s *session, address string, err error) error {
	fmt.Fprintf(s.Stderr, "quartermaster: %s: %v\n", address, err)
	switch {
	case errors.Is(err, rcon.ErrAuthRefused):
		fmt.Fprintln(s.Stderr, "hint: the password is rcon_password of the server; servers ban an address after some wrong ones")
		return silent{exitRCONRefused}
	case errors.Is(err, rcon.ErrAuthClosed):
		fmt.Fprintln(s.Stderr, "hint: check the port; a ban is lifted with removeip in the server's own console")
		return silent{exitRCONClosed}
	}
	return silent{ExitFailure}
}
