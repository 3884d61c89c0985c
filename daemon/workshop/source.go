package workshop

import (
	"context"
	"io"

	"github.com/quartermasterd/quartermaster/daemon/steam/webapi"
)

// Source supplies the bytes of one version of an item. Sources are asked in
// the configured order until one has it. Implementations are safe for
// concurrent use.
type Source interface {
	// Name is the source's name in the configuration, in metrics and on the
	// page, for example "steam-url".
	Name() string
	// Fetch writes a whole zip to dst and says which version it is. It
	// returns fault.NotFound when it does not have the version (the next
	// source is asked), fault.Unavailable when trying later may help, and
	// fault.Invalid when what it got is broken. What was written before an
	// error is thrown away.
	Fetch(ctx context.Context, want Want, dst Sink) (Got, error)
}

// Want says which version is wanted and what is known of it.
type Want struct {
	Name Name
	// Details is what Steam said of the item, nil when Steam was not asked
	// or did not answer.
	Details *webapi.FileDetails
	// App is the item's app id, 0 when unknown.
	App uint32
}

// Sink takes the bytes of a version. Write fails with fault.TooLarge past
// the configured bound of an item.
type Sink interface {
	io.Writer
	// Expect announces the total number of bytes, for progress and so that
	// a transfer that cannot fit is refused before it begins. It returns
	// fault.TooLarge or fault.NoSpace then.
	Expect(total int64) error
	// Progress tells people how far work has come that precedes the bytes.
	// total is 0 when it is unknown.
	Progress(done, total int64)
}

// Got says what a source delivered.
type Got struct {
	// Version is the version that the bytes are, which may differ from the
	// wanted one.
	Version int64
	// Origin names the place for people: a folder or a host.
	Origin string
	// Peer and VerifiedBy are those of Version, "" for most sources.
	Peer, VerifiedBy string
	// State is what the work is called while it runs: Fetching or Zipping.
	State State
}
