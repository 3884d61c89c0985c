// Package shell is the interactive side of a remote console: what a person
// types goes to the server, lines that begin with ! are for the shell itself.
// It knows neither a terminal nor a network: both are handed in.
package shell

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"unicode"

	"github.com/quartermasterd/quartermaster/daemon/steam/rcon"
)

// Lines is where input comes from.
type Lines interface {
	// Line shows the prompt and returns one line without its end, io.EOF at
	// the end of input and ErrAborted when the person broke the line off.
	Line(prompt string) (string, error)
	// Secret is Line without showing what is typed.
	Secret(prompt string) (string, error)
	// Remember keeps a line for the arrow keys. Lines that hold a password
	// are never handed to it.
	Remember(line string)
}

// ErrAborted means that the person broke off the line, as with Ctrl-C.
var ErrAborted = errors.New("the line was broken off")

// Conn is a server that one is logged in to. *rcon.Client and *webrcon.Client
// are such.
type Conn interface {
	Text(ctx context.Context, command string) (string, error)
	Send(ctx context.Context, command string) error
	// Connected is false as soon as no further command can work.
	Connected() bool
	Close() error
}

// CVarLister is a Conn that knows its settings, for completion.
type CVarLister interface {
	CVars(ctx context.Context) ([]rcon.CVar, error)
}

// Options are what a Shell works with. All but Port and Completion are needed.
type Options struct {
	Lines Lines
	Out   io.Writer // replies and messages
	// Dial connects to host:port and logs in.
	Dial func(ctx context.Context, address, password string) (Conn, error)
	// Port is the default one; 0 is rcon.DefaultPort.
	Port uint16
	// Completion asks each server for its settings after the login.
	Completion bool
}

// Shell is one session. Complete is safe for concurrent use, the rest is not.
type Shell struct {
	options Options
	conn    Conn
	name    string // host:port of conn

	mu    sync.Mutex
	cvars []string // sorted
}

const (
	unconnected  = "RCON ] "
	notConnected = "Not connected. Use !connect to connect to a server."
)

// New returns a shell that is not connected.
func New(options Options) *Shell {
	if options.Port == 0 {
		options.Port = rcon.DefaultPort
	}
	return &Shell{options: options}
}

// Connect connects to HOST[:PORT] and logs in. It ends an earlier connection
// first.
func (s *Shell) Connect(ctx context.Context, address, password string) error {
	s.Disconnect()
	address, err := rcon.Address(address, s.options.Port)
	if err != nil {
		return err
	}
	if s.conn, err = s.options.Dial(ctx, address, password); err != nil {
		s.conn = nil
		return err
	}
	s.name = address
	s.learn(ctx)
	return nil
}

// learn asks for the names to complete. A server that has none, or that fails
// at it, is as good as any.
func (s *Shell) learn(ctx context.Context) {
	lister, ok := s.conn.(CVarLister)
	if !ok || !s.options.Completion {
		return
	}
	list, err := lister.CVars(ctx)
	if err != nil {
		return
	}
	names := make([]string, 0, len(list))
	for _, v := range list {
		names = append(names, v.Name)
	}
	slices.Sort(names)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cvars = slices.Compact(names)
}

// Disconnect ends the connection, if there is one.
func (s *Shell) Disconnect() {
	if s.conn != nil {
		// What was to be sent was answered; nothing depends on the closing.
		_ = s.conn.Close()
	}
	s.conn, s.name = nil, ""
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cvars = nil
}

// Prompt is what stands before the input.
func (s *Shell) Prompt() string {
	if s.conn == nil {
		return unconnected
	}
	return s.name + " ] "
}

// Run reads lines and acts on them until !exit or the end of input. What goes
// wrong at a server is said and does not end it; what it returns is an error
// of the input or of ctx.
func (s *Shell) Run(ctx context.Context) error {
	defer s.Disconnect()
	for ctx.Err() == nil {
		line, err := s.options.Lines.Line(s.Prompt())
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case errors.Is(err, ErrAborted):
			continue
		case err != nil:
			return err
		}
		if strings.TrimSpace(line) == "" {
			continue
		}
		if !holdsSecret(line) {
			s.options.Lines.Remember(line)
		}
		if leave := s.act(ctx, strings.TrimSpace(line)); leave {
			return nil
		}
	}
	return ctx.Err()
}

// act does what one line says and reports whether to leave.
func (s *Shell) act(ctx context.Context, line string) (leave bool) {
	word, rest := cut(line)
	switch {
	case word == "!exit":
		return true
	case word == "!connect":
		s.connect(ctx, rest)
	case word == "!disconnect":
		s.disconnect()
	case word == "!shutdown":
		s.shutdown(ctx)
	case strings.HasPrefix(word, "!"):
		s.say("Unknown command " + word)
	case word == "exit":
		s.say("Use !exit to leave this shell, or !shutdown to shut the server down.")
	case word == "help":
		s.help(ctx, line, rest)
	default:
		s.send(ctx, line)
	}
	return false
}

func (s *Shell) connect(ctx context.Context, arguments string) {
	address, password, given, err := connectArguments(arguments)
	if err != nil {
		s.say(sentence(err))
		return
	}
	s.Disconnect()
	if _, err := rcon.Address(address, s.options.Port); err != nil {
		s.say(sentence(err))
		return
	}
	if !given {
		password, err = s.options.Lines.Secret("Password: ")
		if err != nil {
			s.say("No password was given.")
			return
		}
	}
	if err := s.Connect(ctx, address, password); err != nil {
		s.say(sentence(err))
	}
}

func (s *Shell) disconnect() {
	if s.conn == nil {
		s.say(notConnected)
	}
	s.Disconnect()
}

func (s *Shell) shutdown(ctx context.Context) {
	if s.conn == nil {
		s.say(notConnected)
		return
	}
	if err := s.conn.Send(ctx, "exit"); err != nil {
		s.say(sentence(err))
	}
	s.Disconnect()
}

func (s *Shell) help(ctx context.Context, line, name string) {
	switch {
	case name == "":
		s.say(helpText)
	case strings.HasPrefix(name, "!"):
		for text := range strings.Lines(helpText) {
			if strings.HasPrefix(strings.TrimSpace(text), name+" ") {
				s.say(strings.TrimSpace(text))
				return
			}
		}
		s.say("Unknown command " + name)
	default:
		s.send(ctx, line)
	}
}

const helpText = `Lines go to the server, and what it answers is shown. These are for the shell:
  !connect HOST[:PORT] [PASSWORD]  log in to a server; asks for the password when it is missing
  !disconnect                      end the connection
  !shutdown                        shut the server down (sends it "exit")
  !exit                            leave the shell, as Ctrl-D does
  help NAME                        ask the server about a command or a setting
Tab completes the names of commands and settings.`

func (s *Shell) send(ctx context.Context, command string) {
	if s.conn == nil {
		s.say(notConnected)
		return
	}
	if s.conn.Connected() { // it may have ended since
		reply, err := s.conn.Text(ctx, command)
		if err == nil {
			s.say(Clean(strings.TrimSuffix(strings.TrimSuffix(reply, "\n"), "\r")))
			return
		}
		s.say(sentence(err))
	}
	if !s.conn.Connected() {
		s.say("The connection to " + s.name + " is lost.")
		s.Disconnect()
	}
}

// say writes one message. Output that fails shows at the next input.
func (s *Shell) say(text string) { fmt.Fprintln(s.options.Out, text) }

// Complete returns what the first word of a line can become: settings and
// commands of the server, and those of the shell.
func (s *Shell) Complete(line string) []string {
	if strings.ContainsAny(line, " \t") {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []string
	for _, name := range slices.Concat([]string{"!connect", "!disconnect", "!exit", "!shutdown", "help"}, s.cvars) {
		if strings.HasPrefix(name, line) {
			found = append(found, name)
		}
	}
	return found
}

// Clean takes from a reply what would steer a terminal: players choose their
// names.
func Clean(text string) string {
	return strings.Map(func(r rune) rune {
		if r != '\n' && r != '\t' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r)) {
			return -1
		}
		return r
	}, text)
}

// sentence makes an error a message.
func sentence(err error) string {
	text := err.Error()
	if text == "" {
		return text
	}
	first := []rune(text)
	first[0] = unicode.ToUpper(first[0])
	return string(first) + "."
}

// holdsSecret reports whether a line may hold a password.
func holdsSecret(line string) bool {
	fields := strings.Fields(strings.ToLower(line))
	return len(fields) > 2 && fields[0] == "!connect" ||
		slices.ContainsFunc(fields, func(f string) bool { return strings.Contains(f, "password") })
}
