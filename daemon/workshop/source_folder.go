package workshop

import (
	"context"

	"github.com/quartermasterd/quartermaster/daemon/durable"
	"github.com/quartermasterd/quartermaster/daemon/workshop/modzip"
)

// FolderSource packs m<hex>_<version> folders of the operator.
type FolderSource struct {
	roots  *Roots
	clock  durable.Clock
	limits modzip.Limits
}

// NewFolderSource returns the source "folder".
func NewFolderSource(roots *Roots, clock durable.Clock, limits modzip.Limits) *FolderSource {
	return &FolderSource{roots: roots, clock: clock, limits: limits}
}

// Name returns "folder".
func (s *FolderSource) Name() string { return "folder" }

// Fetch packs the folder of the wanted version once it has been the same for
// modzip.QuietFor, which Fetch waits for if it has to. An empty folder counts as absent,
// one that is still being written as fault.Unavailable, and one that cannot
// be packed as fault.Invalid.
func (s *FolderSource) Fetch(ctx context.Context, want Want, dst Sink) (Got, error) {
	folder, found, err := s.roots.OpenFolder(ctx, want.Name)
	if err != nil {
		return Got{}, err
	}
	defer folder.Close() //nolint:errcheck // only read
	list, err := modzip.Quiet(ctx, folder, s.clock.Now(), s.clock.After, s.limits)
	if err != nil {
		return Got{}, err
	}
	if _, err := modzip.Pack(ctx, dst, folder, list, want.Name.Version, s.limits); err != nil {
		return Got{}, err
	}
	return Got{Version: want.Name.Version, Origin: found.Path(), State: Zipping}, nil
}
