package steamcmd

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// logPath is SteamCMD's log about the Workshop, below its home.
const logPath = "Steam/logs/workshop_log.txt"

// maxLog bounds what is read of it, its end.
const maxLog = 64 << 10

// logSize returns how long the log is, to read only what a run adds.
func logSize(home string) int64 {
	info, err := os.Lstat(filepath.Join(home, filepath.FromSlash(logPath)))
	if err != nil {
		return 0 // not begun
	}
	return info.Size()
}

// readLog returns what was added to the log since it had the size. The log
// only makes a reason better, so whatever is wrong with it leaves it out.
func readLog(home string, since int64) string {
	root, err := os.OpenRoot(home)
	if err != nil {
		return ""
	}
	defer root.Close()
	info, err := root.Lstat(logPath)
	if err != nil || !info.Mode().IsRegular() {
		return ""
	}
	f, err := root.Open(logPath)
	if err != nil {
		return ""
	}
	defer f.Close()
	if info.Size() < since {
		since = 0 // SteamCMD has begun a new one
	}
	text, err := io.ReadAll(io.NewSectionReader(f, max(since, info.Size()-maxLog), maxLog))
	if err != nil && !errors.Is(err, fs.ErrClosed) {
		return ""
	}
	return plain(text)
}

// logLine matches "[2026-01-02 03:04:05] [AppID 4920] Download item 5 result :
// Failure" and the lines about the app before it.
var logLine = regexp.MustCompile(`\[AppID (\d+)\] (.*)`)

// The lines that name a cause, in SteamCMD's words.
var causes = []*regexp.Regexp{
	regexp.MustCompile(`Failed to get item info: ([^\n(]+)`),
	regexp.MustCompile(`Updating workshop item details failed with ([^\n(]+)`),
	regexp.MustCompile(`Update canceled:.*\(([^)\n]+)\)`),
	regexp.MustCompile(`Finished Workshop download job : ([^\n]+)`),
}

// diagnose looks in the log of a run for the cause of the item's failure. It
// returns a better reason only for the disk. Other causes only add words:
// "Access Denied" stands there for items that any account may have, when the
// cache is broken.
func diagnose(log string, app uint32, item uint64, why Reason) (Reason, string) {
	cause := ""
	for line := range strings.Lines(log) {
		m := logLine.FindStringSubmatch(line)
		if m == nil || m[1] != strconv.FormatUint(uint64(app), 10) {
			// Some builds leave the app out of the line about the disk.
			if !strings.Contains(line, "for app "+strconv.FormatUint(uint64(app), 10)) {
				continue
			}
			m = []string{"", "", strings.Replace(line, "canceled:", "Update canceled:", 1)}
		}
		for _, c := range causes {
			if found := c.FindStringSubmatch(m[2]); found != nil && !strings.HasPrefix(found[1], "No Error") {
				cause = shorten(found[1])
				if ReasonFor(cause).Code == CodeDisk {
					return reason(CodeDisk), cause
				}
			}
		}
		if strings.Contains(m[2], "Download item "+strconv.FormatUint(item, 10)+" result") {
			break
		}
	}
	if cause == "" || ReasonFor(cause).Code == why.Code {
		return why, ""
	}
	if len(why.Texts) > 0 {
		cause = why.Texts[0] + ": " + cause
	}
	return why, cause
}
