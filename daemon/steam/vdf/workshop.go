package vdf

import (
	"errors"
	"strconv"
	"strings"
)

// Workshop is what Steam keeps about the Workshop items of one app, in
// steamapps/workshop/appworkshop_<app>.acf.
type Workshop struct {
	App           uint32
	SizeOnDisk    int64
	NeedsUpdate   bool
	NeedsDownload bool
	// Installed are the items whose content is on the disk
	// (WorkshopItemsInstalled), by their id.
	Installed map[uint64]Installed
	// Details is what Steam last learned about items, installed or not
	// (WorkshopItemDetails).
	Details map[uint64]Details
}

// Installed describes content on the disk.
type Installed struct {
	Manifest    string // id of the depot manifest, decimal; "" unknown
	TimeUpdated int64  // seconds since 1970 of the version; 0 unknown
	Size        int64  // bytes; 0 unknown
}

// Details is what Steam knows of an item.
type Details struct {
	Manifest          string // as Installed
	TimeUpdated       int64
	TimeTouched       int64
	LatestManifest    string // the newest that Steam has heard of
	LatestTimeUpdated int64
}

// ErrNotWorkshop is returned for KeyValues without a block "AppWorkshop".
var ErrNotWorkshop = errors.New("vdf: no AppWorkshop in the file")

// ParseWorkshop reads an appworkshop_<app>.acf. Unknown keys are passed over
// and a number that cannot be read counts as unknown, because Steam has
// changed this file before; only a text that is no KeyValues or has no
// AppWorkshop is an error. Where an item appears twice the later one counts.
func ParseWorkshop(text []byte) (Workshop, error) {
	top, err := Parse(text)
	if err != nil {
		return Workshop{}, err
	}
	b := top.Child("AppWorkshop")
	if b == nil {
		return Workshop{}, ErrNotWorkshop
	}
	w := Workshop{
		SizeOnDisk:  number(b.Text("SizeOnDisk")),
		NeedsUpdate: number(b.Text("NeedsUpdate")) != 0, NeedsDownload: number(b.Text("NeedsDownload")) != 0,
		Installed: map[uint64]Installed{}, Details: map[uint64]Details{},
	}
	if app := number(b.Text("appid")); app == int64(uint32(app)) {
		w.App = uint32(app)
	}
	for id, item := range items(b.Child("WorkshopItemsInstalled")) {
		w.Installed[id] = Installed{
			Manifest: manifest(item.Text("manifest")), TimeUpdated: number(item.Text("timeupdated")), Size: number(item.Text("size")),
		}
	}
	for id, item := range items(b.Child("WorkshopItemDetails")) {
		w.Details[id] = Details{
			Manifest: manifest(item.Text("manifest")), TimeUpdated: number(item.Text("timeupdated")),
			TimeTouched:    number(item.Text("timetouched")),
			LatestManifest: manifest(item.Text("latest_manifest")), LatestTimeUpdated: number(item.Text("latest_timeupdated")),
		}
	}
	return w, nil
}

// items yields the blocks whose key is the id of an item.
func items(b Block) func(yield func(uint64, Block) bool) {
	return func(yield func(uint64, Block) bool) {
		for _, p := range b {
			id, err := strconv.ParseUint(strings.TrimSpace(p.Key), 10, 64)
			if err == nil && id != 0 && p.Block != nil && !yield(id, p.Block) {
				return
			}
		}
	}
}

// number reads a count that is never negative; 0 for anything else.
func number(text string) int64 {
	n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	if err != nil || n < 0 {
		return 0
	}
	return n
}

// manifest reads an id that uses all 64 bits; Steam writes 0 and -1 for none.
func manifest(text string) string {
	n, err := strconv.ParseUint(strings.TrimSpace(text), 10, 64)
	if err != nil || n == 0 {
		return ""
	}
	return strconv.FormatUint(n, 10)
}
