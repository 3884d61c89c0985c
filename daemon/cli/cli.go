// Package cli is the command line: its grammar is the struct CLI, each
// command lives in the file named after it, and every error becomes one line
// with a hint and an exit code.
//
// Results go to standard output, everything else to standard error, so that
// a command can stand in a pipe. Commands that touch state open the same
// data directory as the daemon and work beside it.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/quartermasterd/quartermaster/daemon/config"
	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// The exit codes. They are documented in docs/commands.md and do not change.
const (
	ExitOK          = 0
	ExitFailure     = 1 // it was tried and did not work
	ExitUsage       = 2 // the command line or the configuration is wrong
	ExitNotFound    = 3 // the thing named does not exist
	ExitDenied      = 4 // refused, or not allowed on this system
	ExitUnavailable = 5 // something needed is down, busy or full; try again
)

// CLI is the whole grammar.
type CLI struct {
	Globals

	Run        RunCmd         `cmd:"" default:"withargs" help:"Run the daemon in the foreground (the default)."`
	Service    ServiceCmd     `cmd:"" help:"Install and control the system service."`
	SetupLink  SetupLinkCmd   `cmd:"" help:"Print a new one-time link that makes the first admin."`
	Config     ConfigCmd      `cmd:"" name:"config" help:"Check, show, make or import a configuration."`
	Admin      AdminCmd       `cmd:"" help:"Make accounts and give roles."`
	Key        KeyCmd         `cmd:"" help:"Make, list and revoke API keys."`
	Mods       ModsCmd        `cmd:"" help:"List, fetch, check and clean up Workshop mods."`
	FastDL     FastDLCmd      `cmd:"" name:"fastdl" help:"Check the game files that players download."`
	Demos      DemosCmd       `cmd:"" help:"List, show and save recordings of matches."`
	Clans      ClansCmd       `cmd:"" help:"List, show and moderate clans."`
	Skins      SkinsCmd       `cmd:"" help:"Make skins, and give them to players and clans."`
	Matches    MatchesCmd     `cmd:"" help:"List, show and take out matches that game servers reported."`
	Leaders    LeaderboardCmd `cmd:"" name:"leaderboard" help:"Show the players with the highest ratings."`
	ProofKeys  ProofKeysCmd   `cmd:"" name:"proof-keys" help:"List and replace the keys of players' proofs."`
	Players    PlayersCmd     `cmd:"" help:"List players, and close, rename, export or delete their accounts."`
	Mail       MailCmd        `cmd:"" help:"Send a test mail, and list those that wait."`
	Serverlist ServerlistCmd  `cmd:"" help:"List, show and moderate the game servers that players registered."`
	A2S        A2SCmd         `cmd:"" name:"a2s" help:"Ask game servers what they are and who plays."`
	RCON       RCONCmd        `cmd:"" name:"rcon" help:"Run commands on a game server's remote console."`
	Import     ImportCmd      `cmd:"" help:"Take over the data of another program."`
	Version    VersionCmd     `cmd:"" help:"Print the version."`
}

// Globals are the flags that every command takes.
type Globals struct {
	ConfigFile string `name:"config" placeholder:"FILE" help:"Configuration file. Default: config.toml beside the program, else the system's."`
	Data       string `placeholder:"DIR" help:"Data directory; goes over the configuration."`
	JSON       bool   `name:"json" help:"Print JSON for programs."`
}

// Program is what main hands over: the outside world as the commands see it.
type Program struct {
	Args    []string // without the program's name
	Environ []string
	Stdin   io.Reader
	Stdout  io.Writer
	Stderr  io.Writer
	Version string
	Example []byte // the commented example configuration
}

// Main runs one command and returns its exit code. The context ends when the
// process is asked to stop.
func Main(ctx context.Context, p Program) (code int) {
	var grammar CLI
	exit := -1
	parser, err := kong.New(&grammar,
		kong.Name("quartermaster"),
		kong.Description("Mods, recordings and accounts for game servers and their players: one file, one daemon."),
		kong.Writers(p.Stdout, p.Stderr),
		kong.Exit(func(c int) { exit = c; panic(parsed{}) }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, FlagsLast: true}),
	)
	if err != nil {
		fmt.Fprintln(p.Stderr, "quartermaster:", err)
		return ExitFailure
	}
	defer func() {
		if r := recover(); r != nil {
			if _, ok := r.(parsed); !ok {
				panic(r)
			}
			code = exit
		}
	}()
	command, err := parser.Parse(p.Args)
	if err != nil {
		return usage(p, err)
	}
	s := &session{Program: p, ctx: ctx, globals: &grammar.Globals}
	return report(p, command.Run(s))
}

// parsed ends parsing early: kong has printed help or the version.
type parsed struct{}

// usage reports a command line that does not parse. A first word that is no
// command is called so: to kong it is an argument of the default command.
func usage(p Program, err error) int {
	for _, arg := range p.Args {
		if !strings.HasPrefix(arg, "-") {
			if err.Error() == "unexpected argument "+arg {
				err = fmt.Errorf("there is no command %q", arg)
			}
			break
		}
	}
	fmt.Fprintln(p.Stderr, "quartermaster:", err)
	fmt.Fprintln(p.Stderr, "hint: \"quartermaster --help\" lists the commands, \"quartermaster COMMAND --help\" their flags")
	return ExitUsage
}

// silent is an error whose text the command has printed already.
type silent struct{ code int }

func (s silent) Error() string { return fmt.Sprintf("exit code %d", s.code) }

// report prints err with its hint and returns the exit code.
func report(p Program, err error) int {
	if err == nil {
		return ExitOK
	}
	if s, ok := errors.AsType[silent](err); ok {
		return s.code
	}
	if problems, ok := errors.AsType[config.Problems](err); ok {
		fmt.Fprintln(p.Stderr, problems.Error())
		fmt.Fprintln(p.Stderr, "quartermaster: the configuration is wrong, nothing was started")
		return ExitUsage
	}
	fmt.Fprintln(p.Stderr, "quartermaster:", err)
	for _, f := range fieldsOf(err) {
		fmt.Fprintf(p.Stderr, "  %s: %s\n", f.Name, f.Message)
	}
	if hint := fault.Hint(err); hint != "" {
		fmt.Fprintln(p.Stderr, "hint:", hint)
	}
	return exitCode(err)
}

func fieldsOf(err error) []fault.Field {
	if e, ok := errors.AsType[*fault.Error](err); ok {
		return e.Fields
	}
	return nil
}

func exitCode(err error) int {
	if errors.Is(err, os.ErrPermission) {
		return ExitDenied
	}
	switch fault.KindOf(err) {
	case fault.Invalid, fault.TooLarge:
		return ExitUsage
	case fault.NotFound:
		return ExitNotFound
	case fault.Forbidden, fault.Unauthenticated:
		return ExitDenied
	case fault.Unavailable, fault.TooMany, fault.NoSpace:
		return ExitUnavailable
	}
	return ExitFailure
}
