package fakecmd

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/steam/vdf"
)

// place is where the parts of an item are.
type place struct {
	app      uint64
	workshop string // <root>/steamapps/workshop
	content  string // content/<app>/<item>
	partial  string // downloads/<app>/<item>
}

func (s *steam) place(app, item uint64) place {
	w := filepath.Join(s.root, "steamapps", "workshop")
	return place{app, w, filepath.Join(w, "content", id(app), id(item)), filepath.Join(w, "downloads", id(app), id(item))}
}

// download carries out one workshop_download_item.
func (s *steam) download(args []string) {
	if len(args) < 2 {
		s.println("Usage: workshop_download_item <appid> <PublishedFileId> <validate>")
		return
	}
	app, _ := strconv.ParseUint(args[0], 10, 32) // 0 is no app
	item, err := strconv.ParseUint(args[1], 10, 64)
	if app == 0 || err != nil {
		s.println("ERROR! Download item %s failed (Invalid Parameter).", args[1])
		return
	}
	if !s.lock() {
		s.refuse(item, "Locking Failed")
		return
	}
	it, known := s.script.Items[item]
	_, _ = s.out.WriteString(fmt.Sprintf("Downloading item %d ...", item))
	if !s.script.Glued {
		s.println("")
	}
	switch {
	case !known:
		s.refuse(item, "File Not Found")
		return
	case it.App != 0 && uint64(it.App) != app:
		s.refuse(item, "Failure")
		return
	case it.Times > 0 && count(s.dir, "item-"+id(item)) > it.Times:
		it.Scenario = OK
	}
	at := s.place(app, item)
	if s.installed(at)[item].TimeUpdated != 0 || s.installed(at)[item].Manifest != "" {
		// The state file lists it; whether the content is still there is
		// not looked at.
		s.succeed(item, at.content, 0)
		return
	}
	s.play(it, item, at)
}

// lock takes the install folder for this process.
func (s *steam) lock() bool {
	if s.visited[0] {
		return true
	}
	if err := os.MkdirAll(s.root, 0o700); err != nil {
		return false
	}
	unlock, ok := lockFile(filepath.Join(s.root, ".locked"))
	if ok {
		s.unlock, s.visited[0] = unlock, true
	}
	return ok
}

func (s *steam) refuse(item uint64, why string) {
	s.println("ERROR! Download item %d failed (%s).", item, why)
}

func (s *steam) succeed(item uint64, path string, size int64) {
	if s.script.OldWords {
		s.println("Success. Downloaded item %d to \"%s\" (%d bytes after 3 chunks) ", item, path, size)
		return
	}
	s.println("Success. Downloaded item %d to \"%s\" (%d bytes) ", item, path, size)
}

// play carries out the scenario.
func (s *steam) play(it Item, item uint64, at place) {
	switch it.Scenario {
	case Fail:
		s.logCause(at.app, item, it.Log, it.Reason)
		s.refuse(item, it.Reason)
	case Silent:
	case Timeout:
		s.grow(at, it.Chunk)
		s.println("ERROR! Timeout downloading item %d", item)
		s.exit = 10
	case SuccessNoFiles:
		s.succeed(item, at.content, 1234)
	case WrongID:
		s.deliver(it, item+1, s.place(at.app, item+1))
	case Retracted:
		s.deliver(it, item, at)
		s.refuse(item, "Failure")
	case DiskFull:
		s.logCause(at.app, item, "Disk write failure", "I/O Operation Failed")
		s.refuse(item, "I/O Operation Failed")
		s.exit = 8
	case Outside, SymlinkEscape, SymlinkParent, SymlinkInside:
		s.escape(it, item, at)
	case Hang, Sleep, Abort, Crash, Endless, Fill:
		s.misbehave(it, at)
	default:
		s.deliver(it, item, at)
		if it.Scenario == Grandchild {
			s.child()
		}
		s.exit = it.Exit
	}
}

// misbehave plays the scenarios that do not come back.
func (s *steam) misbehave(it Item, at place) {
	s.grow(at, it.Chunk)
	switch it.Scenario {
	case Hang:
		ignoreSignals()
		s.child()
		s.wait()
	case Sleep:
		s.wait()
	case Endless:
		for block := strings.Repeat(" Update state (0x61) downloading, progress: 0.00\n", 1000); ; {
			if _, err := s.out.WriteString(block); err != nil {
				os.Exit(97)
			}
		}
	case Fill:
		limit := it.Limit
		if limit == 0 {
			limit = 64 << 20
		}
		for range limit / (64 << 10) {
			s.grow(at, 64<<10)
		}
		s.wait()
	}
	_ = s.out.Flush() // it ends either way
	if it.Scenario == Crash {
		crash()
	}
	s.record.Ended = true
	s.save()
	os.Exit(134)
}

// grow adds bytes to what was downloaded so far.
func (s *steam) grow(at place, bytes int64) {
	if bytes <= 0 || os.MkdirAll(at.partial, 0o700) != nil {
		return
	}
	f, err := os.OpenFile(filepath.Join(at.partial, "chunks"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return
	}
	defer f.Close()
	_, _ = f.Write(make([]byte, bytes)) // a full disk is a scenario too
}

// standard is the content of an item that names none.
var standard = map[string]string{
	"mod.info": "name = test\n", "lua/main.lua": "Print(1)\n", "maps/ns2_ünïcode 地図.level": "level", "empty/": "",
}

// deliver writes the content and the state file and prints the success.
func (s *steam) deliver(it Item, item uint64, at place) {
	files := it.Files
	if files == nil {
		files = standard
	}
	path := at.content
	if it.Scenario == Legacy {
		handle := it.Handle
		if handle == "" {
			handle = "1234567890"
		}
		name := handle + "_legacy.bin"
		text := "PK\x03\x04 what the author uploaded"
		for _, only := range it.Files {
			text = only
		}
		files, path = map[string]string{name: text}, filepath.Join(at.content, name)
	}
	size, err := writeFiles(at.content, files, it.Scenario == OldMtime)
	if err == nil {
		err = s.keepState(it, item, at, size)
	}
	if err == nil {
		err = os.RemoveAll(at.partial)
	}
	if err != nil {
		s.logCause(at.app, item, "Disk write failure", "I/O Operation Failed")
		s.refuse(item, "I/O Operation Failed")
		s.exit = 8
		return
	}
	s.succeed(item, path, size)
}

func writeFiles(dir string, files map[string]string, old bool) (size int64, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return 0, err
	}
	for name, text := range files {
		at := filepath.Join(dir, filepath.FromSlash(name))
		if strings.HasSuffix(name, "/") {
			err = os.MkdirAll(at, 0o700)
		} else if err = os.MkdirAll(filepath.Dir(at), 0o700); err == nil {
			err = os.WriteFile(at, []byte(text), 0o600)
		}
		if err == nil && old {
			t := time.Date(1975, 3, 1, 12, 0, 0, 0, time.UTC)
			err = os.Chtimes(at, t, t)
		}
		if err != nil {
			return 0, err
		}
		size += int64(len(text))
	}
	return size, nil
}

// escape plays the scenarios whose content is not where it should be.
func (s *steam) escape(it Item, item uint64, at place) {
	target := it.Target
	if target == "" {
		target = filepath.Join(s.dir, "outside")
	}
	if _, err := writeFiles(filepath.Join(target, id(item)), standard, false); err != nil {
		return
	}
	_, _ = writeFiles(target, standard, false) // the folder exists
	switch it.Scenario {
	case Outside:
		s.succeed(item, filepath.Join(target, id(item)), 30)
		return
	case SymlinkEscape:
		_ = os.MkdirAll(filepath.Dir(at.content), 0o700) // Symlink tells
		_ = os.Symlink(target, at.content)               // the test sees no link
	case SymlinkParent:
		parent := filepath.Dir(at.content)
		_ = os.MkdirAll(filepath.Dir(parent), 0o700) // as above
		_ = os.Symlink(target, parent)
	case SymlinkInside:
		s.deliver(it, item, at)
		_ = os.Symlink(target, filepath.Join(at.content, "link"))
		_ = os.Symlink("/etc/passwd", filepath.Join(at.content, "lua", "passwd"))
		makePipe(filepath.Join(at.content, "pipe"))
		return
	}
	s.succeed(item, at.content, 30)
}

func statePath(at place) string {
	return filepath.Join(at.workshop, "appworkshop_"+id(at.app)+".acf")
}

// installed reads what the state file lists.
func (s *steam) installed(at place) map[uint64]vdf.Installed {
	text, err := os.ReadFile(statePath(at))
	if err != nil {
		return nil
	}
	w, err := vdf.ParseWorkshop(text)
	if err != nil {
		return nil
	}
	return w.Installed
}

// keepState adds the item to the state file.
func (s *steam) keepState(it Item, item uint64, at place, size int64) error {
	switch it.Scenario {
	case NoState:
		return nil
	case BrokenState:
		return os.WriteFile(statePath(at), make([]byte, 512), 0o600)
	}
	if it.Updated == 0 {
		it.Updated = 1700000000
	}
	if it.Manifest == "" {
		it.Manifest = "5741234567890123456"
	}
	list, details := vdf.Block{}, vdf.Block{}
	if text, err := os.ReadFile(statePath(at)); err == nil {
		if top, err := vdf.Parse(text); err == nil {
			list = append(list, top.Child("AppWorkshop", "WorkshopItemsInstalled")...)
			details = append(details, top.Child("AppWorkshop", "WorkshopItemDetails")...)
		}
	}
	updated := strconv.FormatInt(it.Updated, 10)
	list = append(list, vdf.Pair{Key: id(item), Block: vdf.Block{
		{Key: "size", Value: strconv.FormatInt(size, 10)}, {Key: "timeupdated", Value: updated}, {Key: "manifest", Value: it.Manifest}}})
	details = append(details, vdf.Pair{Key: id(item), Block: vdf.Block{
		{Key: "manifest", Value: it.Manifest}, {Key: "timeupdated", Value: updated}, {Key: "timetouched", Value: updated},
		{Key: "latest_timeupdated", Value: updated}, {Key: "latest_manifest", Value: it.Manifest}}})
	text, err := vdf.Marshal(vdf.Block{{Key: "AppWorkshop", Block: vdf.Block{
		{Key: "appid", Value: id(at.app)}, {Key: "SizeOnDisk", Value: strconv.FormatInt(size, 10)},
		{Key: "NeedsUpdate", Value: "0"}, {Key: "NeedsDownload", Value: "0"}, {Key: "TimeLastUpdated", Value: updated},
		{Key: "TimeLastAppRan", Value: "0"}, {Key: "LastBuildID", Value: "0"},
		{Key: "WorkshopItemsInstalled", Block: list}, {Key: "WorkshopItemDetails", Block: details}}}}, "\t")
	if err != nil {
		return err
	}
	return os.WriteFile(statePath(at), text, 0o600)
}

// logCause writes into the log about the Workshop.
func (s *steam) logCause(app, item uint64, cause, result string) {
	logs := filepath.Join(os.Getenv("HOME"), "Steam", "logs")
	if os.MkdirAll(logs, 0o700) != nil {
		return
	}
	f, err := os.OpenFile(filepath.Join(logs, "workshop_log.txt"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return
	}
	defer f.Close()
	const stamp = "[2026-09-20 10:00:00] "
	fmt.Fprintf(f, "%s[AppID %d] Download item %d requested by app\n", stamp, app, item)
	if cause != "" {
		fmt.Fprintf(f, "%s[AppID %d] Update canceled: Updating workshop item failed (%s)\n", stamp, app, cause)
	}
	fmt.Fprintf(f, "%s[AppID %d] Download item %d result : %s\n", stamp, app, item, result)
}
