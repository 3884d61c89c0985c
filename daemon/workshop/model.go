package workshop

import (
	"database/sql/driver"
	"fmt"
	"strconv"
	"time"
)

// ItemID is a Steam Workshop item id (publishedfileid). It is written in
// decimal by Steam and in lower-case hexadecimal by Natural Selection 2.
type ItemID uint64

// String returns the decimal form.
func (id ItemID) String() string { return strconv.FormatUint(uint64(id), 10) }

// Hex returns the lower-case hexadecimal form without a prefix.
func (id ItemID) Hex() string { return strconv.FormatUint(uint64(id), 16) }

// Value stores the id as a signed 64-bit integer with the same bits, since
// neither database has an unsigned type.
func (id ItemID) Value() (driver.Value, error) { return int64(id), nil }

// Scan reads what Value wrote.
func (id *ItemID) Scan(v any) error {
	n, ok := v.(int64)
	if !ok {
		return fmt.Errorf("workshop item id: %T is not an integer", v)
	}
	*id = ItemID(n)
	return nil
}

// Name identifies one version of one item. One name stands for one content
// for ever: Version is the item's time_updated in Unix seconds at the time
// the game server installed it.
type Name struct {
	Item    ItemID
	Version int64
}

// String returns the canonical stem, "m<hex>_<version>".
func (n Name) String() string {
	b := make([]byte, 0, 40)
	b = append(b, 'm')
	b = strconv.AppendUint(b, uint64(n.Item), 16)
	b = append(b, '_')
	return string(strconv.AppendInt(b, n.Version, 10))
}

// File returns the canonical file name, "m<hex>_<version>.zip".
func (n Name) File() string { return n.String() + ".zip" }

// Time returns the moment the version stands for, in UTC.
func (n Name) Time() time.Time { return time.Unix(n.Version, 0).UTC() }

// State says where a version is on its way to being served.
type State string

// The states. Ready, Denied, Failed and Quarantined rest; the others move.
const (
	Absent      State = "absent"      // nothing is known and nothing runs
	Resolving   State = "resolving"   // Steam is being asked for the details
	Queued      State = "queued"      // waits for a free worker or a retry
	Fetching    State = "fetching"    // bytes are coming from a source
	Verifying   State = "verifying"   // bytes are here and are being checked
	Zipping     State = "zipping"     // a folder is being packed
	Ready       State = "ready"       // stored, checked and served
	Denied      State = "denied"      // refused for the reason beside it
	Failed      State = "failed"      // no attempt succeeded; see the reason
	Quarantined State = "quarantined" // stored but damaged, never served
)

// Moving reports whether work on the version is under way.
func (s State) Moving() bool {
	switch s {
	case Resolving, Queued, Fetching, Verifying, Zipping:
		return true
	}
	return false
}
