package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// passwordVariable is the environment variable that holds a password, for
// unattended installs.
const passwordVariable = "QUARTERMASTER_PASSWORD"

// maxPasswordFile bounds what is read of a password file.
const maxPasswordFile = 4096

// passwordFlag is embedded in commands that need a password. There is no flag
// that takes the password itself: other users of the machine can read the
// arguments of every process.
type passwordFlag struct {
	PasswordFile string `placeholder:"FILE" help:"File that holds the password; \"-\" reads standard input. Without it: $QUARTERMASTER_PASSWORD, else a prompt."`
}

// read returns the password from the file, the environment or the terminal.
func (f passwordFlag) read(s *session) (string, error) {
	if f.PasswordFile != "" {
		return readPasswordFile(s, f.PasswordFile)
	}
	for _, kv := range s.Environ {
		if password, ok := strings.CutPrefix(kv, passwordVariable+"="); ok && password != "" {
			return password, nil
		}
	}
	return promptPassword(s)
}

// readPasswordFile reads the first line; an editor's line end is not part of
// the password.
func readPasswordFile(s *session, name string) (string, error) {
	in := s.Stdin
	if name != "-" {
		file, err := os.Open(name)
		if err != nil {
			return "", fault.Wrap(err, fault.Invalid, "the password file cannot be read")
		}
		defer file.Close()
		in = file
	}
	text, err := io.ReadAll(io.LimitReader(in, maxPasswordFile+1))
	if err != nil {
		return "", fault.Wrap(err, fault.Invalid, "the password file cannot be read")
	}
	password := strings.TrimSuffix(strings.TrimSuffix(string(text), "\n"), "\r")
	if len(text) > maxPasswordFile || strings.ContainsAny(password, "\r\n") {
		return "", fault.New(fault.Invalid, "the password file holds more than one line")
	}
	if password == "" {
		return "", fault.New(fault.Invalid, "the password file is empty")
	}
	return password, nil
}

// promptPassword asks twice on the terminal, without echo.
func promptPassword(s *session) (string, error) {
	in, ok := s.Stdin.(*os.File)
	if !ok || !term.IsTerminal(int(in.Fd())) {
		return "", fault.New(fault.Invalid, "no password was given").
			WithHint("use --password-file FILE, or set %s, or run this on a terminal", passwordVariable)
	}
	first, err := readHidden(s, int(in.Fd()), "Password: ")
	if err != nil {
		return "", err
	}
	second, err := readHidden(s, int(in.Fd()), "Once more: ")
	if err != nil {
		return "", err
	}
	if first != second {
		return "", fault.New(fault.Invalid, "the two passwords differ")
	}
	return first, nil
}

// readHidden reads one line without echo. When the command is interrupted
// meanwhile, the terminal gets its echo back.
func readHidden(s *session, fd int, prompt string) (string, error) {
	before, err := term.GetState(fd)
	if err != nil {
		return "", err
	}
	fmt.Fprint(s.Stderr, prompt)
	type line struct {
		text []byte
		err  error
	}
	read := make(chan line, 1)
	go func() {
		text, err := term.ReadPassword(fd)
		read <- line{text, err}
	}()
	select {
	case got := <-read:
		fmt.Fprintln(s.Stderr)
		if errors.Is(got.err, io.EOF) {
			return "", fault.New(fault.Invalid, "no password was given")
		}
		return string(got.text), got.err
	case <-s.ctx.Done(): // the process is about to end, and the reader with it
		fmt.Fprintln(s.Stderr)
		return "", errors.Join(s.ctx.Err(), term.Restore(fd, before))
	}
}
