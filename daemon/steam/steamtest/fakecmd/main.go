package fakecmd

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// linger is the argument that makes the program a child which only waits.
const linger = "-linger"

// patience ends a program that waits for ever, should nobody kill it.
const patience = 5 * time.Minute

// steam is one start of the program.
type steam struct {
	dir     string // the installation
	script  Script
	record  Run
	name    string // of the record
	out     *bufio.Writer
	root    string
	late    bool // force_install_dir came too late
	user    string
	exit    int
	unlock  func()
	visited map[uint64]bool
}

// Main runs the program and returns its exit code.
func Main() int {
	if len(os.Args) == 2 && os.Args[1] == linger {
		ignoreSignals()
		time.Sleep(patience)
		return 0
	}
	program, err := os.Executable()
	if err != nil {
		return fail(err)
	}
	s := &steam{
		dir: filepath.Dir(filepath.Dir(program)), out: bufio.NewWriterSize(os.Stdout, 64<<10),
		unlock: func() {}, visited: map[uint64]bool{},
	}
	if s.script, err = readScript(s.dir); err != nil {
		return fail(err)
	}
	s.record = Run{Args: os.Args[1:], Env: os.Environ(), PID: os.Getpid()}
	s.record.Dir, _ = os.Getwd() // "" is a record too
	s.name = fmt.Sprintf("%06d.json", count(s.dir, "starts"))
	s.save()
	code := s.run()
	s.unlock()
	s.record.Ended = true
	s.save()
	if err := s.out.Flush(); err != nil {
		return fail(err)
	}
	return code
}

func fail(err error) int {
	fmt.Fprintln(os.Stderr, "fakecmd:", err)
	return 99
}

// save writes the record, whole or not at all.
func (s *steam) save() {
	text, err := json.Marshal(s.record)
	if err != nil {
		return
	}
	at := filepath.Join(s.dir, RunsDir, s.name)
	tmp := filepath.Join(s.dir, CountsDir, s.name)
	if os.WriteFile(tmp, text, 0o600) == nil {
		_ = os.Rename(tmp, at) // the test misses the record
	}
}

// child starts a process that ignores every request to end and holds the
// output open.
func (s *steam) child() {
	program, err := os.Executable()
	if err != nil {
		return
	}
	c := exec.Command(program, linger)
	c.Stdout, c.Stderr = os.Stdout, os.Stderr
	if c.Start() == nil {
		s.record.Children = append(s.record.Children, c.Process.Pid)
		s.save()
	}
}

// wait waits for ever. What was printed stays in the buffer, as it does when
// the real program writes to a pipe.
func (s *steam) wait() {
	time.Sleep(patience)
	os.Exit(98)
}

// println prints a line in the manner of the script.
func (s *steam) println(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	switch {
	case s.script.Glued:
		text = strings.TrimRight(text, " ")
	case s.script.ANSI:
		text = "\x1b[0m\x1b[1;31m" + text + "\x1b[0m\r\n\x1b]0;Steam\x07"
	default:
		text += "\n"
	}
	_, _ = s.out.WriteString(text) // Flush tells
}

// commands splits the arguments at those that begin with "+".
func commands(args []string) [][]string {
	var all [][]string
	for _, a := range args {
		if name, ok := strings.CutPrefix(a, "+"); ok {
			all = append(all, []string{name})
		} else if len(all) > 0 {
			all[len(all)-1] = append(all[len(all)-1], a)
		}
	}
	return all
}

func (s *steam) run() int {
	home := os.Getenv("HOME")
	if s.script.Broken != 0 {
		s.println("%s: error while loading shared libraries: libstdc++.so.6", Program)
		return s.script.Broken
	}
	s.println("Redirecting stderr to '%s'", filepath.Join(home, "Steam", "logs", "stderr.txt"))
	s.println("[  0%%] Checking for available updates...")
	if s.script.FirstRun > 0 && count(s.dir, "first") <= s.script.FirstRun {
		s.println("[  0%%] Downloading update (0 of 53,344 KB)...")
		s.println("[100%%] Download Complete.")
		s.println("[----] Applying update...")
		return 7
	}
	if s.script.Restart > 0 && count(s.dir, "restart") <= s.script.Restart {
		s.println("[----] Update complete, launching...")
		return 42
	}
	s.println("[----] Verifying installation...")
	s.println("Steam Console Client (c) Valve Corporation - version 1751406682")
	s.println("-- type 'quit' to exit --")
	s.println("Loading Steam API...OK")
	s.root = filepath.Join(home, "Steam")
	for _, c := range commands(os.Args[1:]) {
		switch c[0] {
		case "force_install_dir":
			s.installDir(c[1:])
		case "login":
			if code := s.login(c[1:]); code != 0 {
				return code
			}
		case "workshop_download_item":
			s.download(c[1:])
		case "quit":
			s.println("Unloading Steam API...OK")
			return s.exit
		default:
			s.println("Command not found: %s", c[0])
		}
	}
	s.wait() // the console waits for a command that never comes
	return s.exit
}

func (s *steam) installDir(args []string) {
	if s.user != "" {
		s.println("Please use force_install_dir before logon!")
		s.late = true
		return
	}
	if len(args) == 1 && !s.script.IgnoreDir {
		s.root = args[0]
	}
}

// login returns the exit code of a refusal, 0 when it was accepted.
func (s *steam) login(args []string) int {
	if len(args) == 0 {
		return 5
	}
	s.user = args[0]
	s.record.Root = s.root
	s.save()
	refused := max(s.script.LoginExit, 5)
	switch {
	case s.script.Prompt != "":
		s.println("Logging in user '%s' to Steam Public...", s.user)
		s.println("This computer has not been authenticated for your account using Steam Guard.")
		return s.ask(s.script.Prompt, "Account logon denied", refused)
	case s.user != "anonymous" && !slices.Contains(s.script.Cached, s.user):
		s.println("Cached credentials not found.")
		return s.ask("password:", "Invalid Password", refused)
	case s.script.Login != "":
		s.println("Connecting anonymously to Steam Public...FAILED (%s)", s.script.Login)
		return refused
	case s.script.OldWords:
		s.println("Connecting anonymously to Steam Public...Logged in OK")
		s.println("Waiting for user info...OK")
	default:
		s.println("Connecting anonymously to Steam Public...OK")
		s.println("Waiting for client config...OK")
		s.println("Waiting for user info...OK")
	}
	return 0
}

// ask waits for an answer, which with a closed input comes at once and is
// empty.
func (s *steam) ask(prompt, refusal string, code int) int {
	s.println("")
	s.println("%s", prompt)
	answer, err := bufio.NewReader(os.Stdin).ReadString('\n')
	if err == nil && strings.TrimSpace(answer) != "" {
		return 0
	}
	s.println("FAILED (%s)", refusal)
	return code
}
