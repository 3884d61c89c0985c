// Package fakecmd is a SteamCMD that never uses the network. It takes the
// command line of the real one, prints what the real one prints, exits with
// the codes of the real one and leaves the same files, and it does so in
// every way in which the real one goes wrong. A script says which.
//
// The program runs Main; package steamtest builds and installs it.
package fakecmd

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
)

// Scenario is how the download of an item goes.
type Scenario string

// The scenarios.
const (
	OK             Scenario = "ok"
	Legacy         Scenario = "legacy"           // one file "<handle>_legacy.bin"
	Fail           Scenario = "fail"             // "ERROR! Download item … failed (Reason)."; exit code 0
	Timeout        Scenario = "timeout"          // Chunk more bytes in downloads; exit code 10
	SuccessNoFiles Scenario = "success-no-files" // claims success and writes nothing
	WrongID        Scenario = "wrong-id"         // delivers the item with the next id
	Silent         Scenario = "silent"           // says nothing about the item
	Retracted      Scenario = "retracted"        // success, then an error for the same item
	Outside        Scenario = "outside"          // the success line names a folder outside
	SymlinkEscape  Scenario = "symlink-escape"   // the item's folder is a link to Target
	SymlinkParent  Scenario = "symlink-parent"   // content/<app> is a link to Target
	SymlinkInside  Scenario = "symlink-inside"   // content with a link to Target and a FIFO
	OldMtime       Scenario = "old-mtime"        // files of 1975
	NoState        Scenario = "no-state"         // no appworkshop_<app>.acf
	BrokenState    Scenario = "broken-state"     // zeros in it
	Hang           Scenario = "hang"             // waits for ever, ignores SIGTERM, and so does a child of it
	Sleep          Scenario = "sleep"            // waits for ever, ends at SIGTERM
	Grandchild     Scenario = "grandchild"       // OK, and leaves a child behind that holds the output open
	Abort          Scenario = "abort"            // exit code 134
	Crash          Scenario = "crash"            // ends by SIGABRT
	Endless        Scenario = "endless"          // prints without end
	Fill           Scenario = "fill"             // writes Limit bytes into downloads, then hangs
	DiskFull       Scenario = "disk-full"        // I/O failure, its log says "Disk write failure"; exit code 8
)

// Item is one item of the script.
type Item struct {
	App      uint32 // 0: any app
	Scenario Scenario
	// Times is in how many runs the scenario plays; all that follow are OK.
	// 0 means every run.
	Times int
	// Reason is what a Fail says in parentheses.
	Reason string
	// Log is what a Fail writes into workshop_log.txt as the cause.
	Log string
	// Files is the content; nil is a small tree with folders, an empty
	// folder and a name in Unicode. A name that ends in "/" is a folder.
	Files map[string]string
	// Updated and Manifest go into the state file.
	Updated  int64
	Manifest string
	Handle   string // of a Legacy; "" is 1234567890
	Target   string // of the links; "" is a folder that is made outside
	Chunk    int64  // by how much a Timeout, Abort or Hang lets downloads grow
	Limit    int64  // of a Fill; 0 is 64 MiB
	Exit     int    // of an OK: the exit code nevertheless
}

// Script says how all runs go.
type Script struct {
	Items map[uint64]Item
	// Login is why a login is refused, in Steam's words; "" accepts it.
	Login string
	// LoginExit is the exit code then; 0 is 5.
	LoginExit int
	// Prompt is what is asked instead, "Steam Guard code:" for one. The
	// login is refused when no answer comes.
	Prompt string
	// Cached are the accounts with cached credentials. Others than these and
	// anonymous are asked for their password.
	Cached []string
	// FirstRun is in how many starts it updates itself and exits with 7,
	// Restart with 42.
	FirstRun, Restart int
	// Broken makes every start exit with this code at once.
	Broken int
	// Glued leaves the line breaks out, ANSI puts escape sequences and
	// carriage returns in. OldWords prints the messages of older builds.
	Glued, ANSI, OldWords bool
	// IgnoreDir puts content into the home although it was told otherwise.
	IgnoreDir bool
}

// Run is the record of one start.
type Run struct {
	Args     []string
	Env      []string
	Dir      string // the working directory
	PID      int
	Children []int // processes it started
	Root     string
	Ended    bool // by itself
}

// The files of an installation. The program finds them by its own path: it is
// in linux32, they are one level up.
const (
	ScriptFile = "script.json"
	RunsDir    = "runs"
	CountsDir  = "counts"
	Program    = "linux32/steamcmd"
)

// WriteScript replaces the script of the installation in dir at once.
func WriteScript(dir string, s Script) error {
	text, err := json.Marshal(s)
	if err != nil {
		return err
	}
	tmp := filepath.Join(dir, ScriptFile+".tmp")
	if err := os.WriteFile(tmp, text, 0o600); err != nil {
		return err
	}
	return os.Rename(tmp, filepath.Join(dir, ScriptFile))
}

func readScript(dir string) (Script, error) {
	var s Script
	text, err := os.ReadFile(filepath.Join(dir, ScriptFile))
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return s, err
	}
	return s, json.Unmarshal(text, &s)
}

// Runs returns the records of the installation in dir, oldest first.
func Runs(dir string) ([]Run, error) {
	entries, err := os.ReadDir(filepath.Join(dir, RunsDir))
	if err != nil {
		return nil, err
	}
	var runs []Run
	for _, e := range entries {
		text, err := os.ReadFile(filepath.Join(dir, RunsDir, e.Name()))
		if err != nil {
			return nil, err
		}
		var r Run
		// A run that was killed while it wrote has no record.
		if json.Unmarshal(text, &r) == nil {
			runs = append(runs, r)
		}
	}
	return runs, nil
}

// count adds one to a counter of the installation and returns the sum. Each
// count is one byte of a file, appended at once.
func count(dir, name string) int {
	f, err := os.OpenFile(filepath.Join(dir, CountsDir, name), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return 0
	}
	defer f.Close()
	if _, err := f.WriteString("x"); err != nil {
		return 0
	}
	info, err := f.Stat()
	if err != nil {
		return 0
	}
	return int(info.Size())
}

func id(n uint64) string { return strconv.FormatUint(n, 10) }
