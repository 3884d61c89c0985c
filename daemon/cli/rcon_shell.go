package cli

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/peterh/liner"
	"golang.org/x/term"

	"github.com/quartermasterd/quartermaster/daemon/steam/rcon"
	"github.com/quartermasterd/quartermaster/daemon/steam/rcon/shell"
)

// shell runs the interactive console: with line editing on a terminal, line by
// line and without prompts in a pipe.
func (c *RCONCmd) shell(s *session, options rcon.Options) error {
	password := ""
	if c.Address != "" {
		var err error
		if password, err = c.password(s); err != nil {
			return err
		}
	}
	o := shell.Options{
		Lines: shell.Plain(s.Stdin, nil), Out: s.Stdout, Port: c.port(),
		Dial: rconDialer(s, c.Dialect, options),
	}
	var editor *liner.State
	if onTerminal(s.Stdin) && onTerminal(s.Stdout) {
		editor = liner.NewLiner()
		defer editor.Close() //nolint:errcheck // gives the terminal back as far as it can
		editor.SetCtrlCAborts(true)
		o.Lines, o.Completion = edited{editor, s}, true
	}
	sh := shell.New(o)
	if editor != nil {
		editor.SetCompleter(sh.Complete)
		editor.SetTabCompletionStyle(liner.TabPrints)
	}
	if c.Address != "" {
		if err := sh.Connect(s.ctx, c.Address, password); err != nil {
			// A person may try again; a script must not go on.
			failed := rconFailure(s, c.Address, err)
			if editor == nil {
				return failed
			}
		}
	}
	return sh.Run(s.ctx)
}

func onTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// edited reads lines from the terminal, with the arrow keys and Tab.
type edited struct {
	*liner.State
	session *session
}

func (e edited) Line(prompt string) (string, error) {
	line, err := e.Prompt(prompt)
	if errors.Is(err, io.EOF) {
		fmt.Fprintln(e.session.Stdout) // the prompt stands there still
	}
	return line, aborted(err)
}

func (e edited) Secret(prompt string) (string, error) {
	line, err := e.PasswordPrompt(prompt)
	if err == nil || errors.Is(err, io.EOF) || errors.Is(err, liner.ErrPromptAborted) {
		return line, aborted(err)
	}
	// A terminal that does not know its width, or that cannot edit lines.
	return readHidden(e.session, int(os.Stdin.Fd()), prompt)
}

func (e edited) Remember(line string) { e.AppendHistory(line) }

func aborted(err error) error {
	if errors.Is(err, liner.ErrPromptAborted) {
		return shell.ErrAborted
	}
	return err
}
