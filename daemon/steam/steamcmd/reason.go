package steamcmd

import (
	"slices"
	"strings"
	"time"
)

// Class says whom a reason concerns and whether it passes.
type Class uint8

// The classes. Transient is the zero value: what is unknown may pass.
const (
	Transient Class = iota // passes by itself; run again
	Permanent              // this item cannot be had this way, the retries included; a person may change that
	Account                // Steam refuses the login; all items wait
	Local                  // this machine cannot hold or run it
)

var classNames = [...]string{"transient", "permanent", "account", "local"}

// String returns the name for logs and metrics.
func (c Class) String() string {
	if int(c) < len(classNames) {
		return classNames[c]
	}
	return classNames[Transient]
}

// Clear says what is removed before the next run.
type Clear uint8

// What is removed. Content that was already delivered is never touched.
const (
	ClearNothing Clear = iota // partial downloads are continued
	ClearCache                // steamapps/workshop: state file, downloads, temp, content
	ClearFolder               // the whole install folder
)

// Reason is why SteamCMD did not deliver, and what to do about it.
type Reason struct {
	// Code names the reason in logs, metrics and other programs. It never
	// changes.
	Code string
	// Texts are the words by which SteamCMD gives the reason, in the
	// parentheses of "ERROR! Download item 5 failed (…)." or, for a login,
	// of "FAILED (…)". Empty for reasons that are not given in words. They
	// are the names of Steam's EResult values as SteamCMD prints them.
	Texts []string
	Class Class
	// Retries is how many further runs the reason is worth. Growing reasons
	// are worth MaxReruns as long as each run adds bytes.
	Retries int
	Growing bool
	// Waits are the pauses before each further run, the last one repeated;
	// none means at once.
	Waits []time.Duration
	Clear Clear
	// Cooldown is how long to leave the item alone when the runs are used
	// up; for the class Account, how long no item is tried.
	Cooldown time.Duration
	// Hint tells a person what helps, "" when only time does.
	Hint string
}

// MaxReruns bounds the further runs of one item for all reasons together.
const MaxReruns = 12

// sameFailures is how many identical failures in a row, none of which added
// bytes, make the cache suspect.
const sameFailures = 3

// wait returns the pause before the n-th further run (from 1).
func (r Reason) wait(n int) time.Duration {
	if len(r.Waits) == 0 {
		return 0
	}
	return r.Waits[min(n, len(r.Waits))-1]
}

// The codes that this package itself refers to.
const (
	CodeTimeout      = "timeout"
	CodeNoConnection = "no-connection"
	CodeFailure      = "failure"
	CodeLocked       = "locked"
	CodeIO           = "io"
	CodeAccessDenied = "access-denied"
	CodeNotFound     = "not-found"
	CodeSubscription = "no-subscription"
	CodeConfig       = "missing-configuration"
	CodeRateLimit    = "rate-limit"
	CodeLogin        = "login"
	CodeGuard        = "steam-guard"
	CodeDisk         = "disk"
	CodeAborted      = "aborted"
	CodeRestart      = "restart"
	CodeHang         = "hang"
	CodeOutput       = "output"
	CodeNoFiles      = "no-files"
	CodeEscape       = "escape"
	CodeTooLarge     = "too-large"
	CodeTooLong      = "too-long"
	CodeBootstrap    = "bootstrap"
	CodeUnknown      = "unknown"
)

const (
	hintAccount = "The app may need an account that owns it: set steamcmd.login to one whose credentials SteamCMD has cached."
	hintLogin   = "Log in once by hand with the home folder and the account name that the daemon uses, so that SteamCMD caches the credentials."
	hintDisk    = "Free disk space and check that the daemon may write to its data folder."
)

// online are the pauses for a Steam that cannot be reached.
var online = []time.Duration{30 * time.Second, 2 * time.Minute, 10 * time.Minute}

// table holds every reason. What SteamCMD does in each case is reported in
// ValveSoftware/steam-for-linux #6321 (time-outs keep what has arrived),
// #12217 (I/O failure of legacy items), #12339 (exit status), and in the
// trackers of tools around SteamCMD.
var table = []Reason{
	{Code: CodeTimeout, Texts: []string{"Timeout"}, Retries: 5, Growing: true, Cooldown: 10 * time.Minute, Hint: hintAccount},
	{Code: CodeAborted, Retries: 5, Growing: true, Cooldown: 10 * time.Minute},
	{Code: CodeHang, Retries: 2, Growing: true, Cooldown: 10 * time.Minute},
	{Code: CodeRestart, Retries: 3, Cooldown: 10 * time.Minute},
	{Code: CodeNoConnection, Texts: []string{"No Connection", "Service Unavailable", "Busy", "Try another CM"},
		Retries: 3, Waits: online, Cooldown: 10 * time.Minute},
	{Code: CodeFailure, Texts: []string{"Failure"}, Class: Permanent, Retries: 2, Clear: ClearCache, Cooldown: time.Hour, Hint: hintAccount},
	{Code: CodeLocked, Texts: []string{"Locking Failed"}, Retries: 3, Waits: []time.Duration{5 * time.Second}, Clear: ClearFolder,
		Cooldown: 10 * time.Minute},
	{Code: CodeIO, Texts: []string{"I/O Operation Failed", "IO Failure"}, Class: Permanent, Retries: 1, Clear: ClearCache, Cooldown: time.Hour,
		Hint: "SteamCMD cannot fetch some old single-file items; the source steam-url can."},
	{Code: CodeDisk, Texts: []string{"Disk write failure", "Disk full", "Not enough disk space"}, Class: Local,
		Cooldown: 10 * time.Minute, Hint: hintDisk},
	{Code: CodeAccessDenied, Texts: []string{"Access Denied", "Banned"}, Class: Permanent, Cooldown: time.Hour,
		Hint: "The item is private or not for this account."},
	{Code: CodeNotFound, Texts: []string{"File Not Found", "No match"}, Class: Permanent, Cooldown: time.Hour,
		Hint: "The item does not exist, was deleted, or belongs to another app."},
	{Code: CodeSubscription, Texts: []string{"No subscription"}, Class: Permanent, Cooldown: time.Hour, Hint: hintAccount},
	{Code: CodeConfig, Texts: []string{"Missing configuration", "Invalid Parameter"}, Class: Permanent, Cooldown: time.Hour, Hint: hintAccount},
	{Code: CodeRateLimit, Texts: []string{"Rate Limit Exceeded", "Account Login Denied Throttle", "Limit exceeded"}, Class: Account,
		Cooldown: 30 * time.Minute},
	{Code: CodeGuard, Texts: []string{"Account logon denied", "Account logon denied, need two-factor code", "Two-factor code mismatch",
		"Invalid Login Auth Code", "Expired Login Auth Code"}, Class: Account, Cooldown: 10 * time.Minute, Hint: hintLogin},
	{Code: CodeLogin, Texts: []string{"Invalid Password", "Login Failure", "Cached credentials not found", "Expired", "Revoked",
		"Account Not Found", "Account Disabled", "Logged In Elsewhere"}, Class: Account, Cooldown: 10 * time.Minute, Hint: hintLogin},
	{Code: CodeNoFiles, Class: Permanent, Retries: 2, Clear: ClearFolder, Cooldown: time.Hour},
	{Code: CodeOutput, Class: Permanent, Cooldown: time.Hour},
	{Code: CodeEscape, Class: Permanent, Cooldown: time.Hour, Hint: "SteamCMD put the content outside of its folder; nothing of it was read."},
	{Code: CodeTooLarge, Class: Permanent, Cooldown: time.Hour, Hint: "Raise workshop.max_item_bytes to fetch it."},
	{Code: CodeTooLong, Class: Permanent, Cooldown: time.Hour},
	{Code: CodeBootstrap, Class: Local, Cooldown: 5 * time.Minute,
		Hint: "Run SteamCMD once by hand. It is a 32-bit program: 64-bit Debian needs lib32gcc-s1, and a systemd unit must allow x86 " +
			"in SystemCallArchitectures. It must be able to write to its own folder."},
	{Code: CodeUnknown, Class: Permanent, Retries: 1, Cooldown: time.Hour},
}

// Reasons returns the whole table.
func Reasons() []Reason { return slices.Clone(table) }

// reason returns the row of the code.
func reason(code string) Reason {
	for _, r := range table {
		if r.Code == code {
			return r
		}
	}
	return reason(CodeUnknown)
}

// ReasonFor returns the reason that SteamCMD gives in words, without regard
// to case; CodeUnknown for words that are not in the table.
func ReasonFor(text string) Reason {
	text = strings.TrimRight(strings.TrimSpace(text), ".!")
	for _, r := range table {
		for _, t := range r.Texts {
			if strings.EqualFold(t, text) {
				return r
			}
		}
	}
	return reason(CodeUnknown)
}

// loginReason is ReasonFor for a refused login: what is not known to pass or
// to need a person is taken for a refusal, so that a login that keeps failing
// is not repeated until Steam locks the account out.
func loginReason(text string) Reason {
	switch r := ReasonFor(text); r.Code {
	case CodeNoConnection, CodeRateLimit, CodeGuard:
		return r
	case CodeTimeout:
		return reason(CodeNoConnection)
	}
	return reason(CodeLogin)
}
