package workshop

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quartermasterd/quartermaster/daemon/db"
	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/web"
)

// What a person does to the library is in the audit log, what clients cause
// is not.
func TestAudit(t *testing.T) {
	t.Parallel()
	inBubble(t, nil, func(t *testing.T, r *rig) {
		var got []string
		r.options.Audit = func(_ context.Context, _ *db.Tx, action, target, _ string) error {
			got = append(got, action+" "+target)
			return nil
		}
		r.offer(vector)
		r.get(vector, 60*second)
		if len(got) > 0 {
			t.Errorf("a client's request is in the log: %v", got)
		}
		ctx := context.Background()
		j, err := r.Add(ctx, 0x77, 5)
		for _, err := range []error{err, last(r.Cancel(ctx, j.ID)), last(r.Pin(ctx, vector)), last(r.Unpin(ctx, vector)), r.Delete(ctx, vector, true)} {
			if err != nil {
				t.Error(err)
			}
		}
		want := []string{"mod.add m77_5", "mod.cancel m77_5", "mod.pin m5f3f7c0_1348957670", "mod.unpin m5f3f7c0_1348957670", "mod.delete m5f3f7c0_1348957670"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		r.options.Audit = func(context.Context, *db.Tx, string, string, string) error { return fault.New(fault.NoSpace, "full") }
		if _, err := r.Add(ctx, 0x78, 5); !fault.Is(err, fault.NoSpace) {
			t.Errorf("what cannot be logged was done: %v", err)
		}
	})
}

func last[T any](_ T, err error) error { return err }

// Strangers learn nothing of the operator's folders.
func TestGuestsSeeNoPaths(t *testing.T) {
	v := modView{Versions: []versionView{{Source: sourceFolder, Origin: "/srv/secret"}, {Source: sourceSteamURL, Origin: "steam.example"}}}
	got := v.forCaller(t.Context())
	if got.Versions[0].Origin != "" || got.Versions[1].Origin != "steam.example" {
		t.Errorf("got %+v", got.Versions)
	}
	s := statusView{Roots: []rootView{{Path: "/srv/secret"}}, Problems: []Problem{{Text: "/srv/secret is unreadable"}}}
	text, err := web.ETag(s.forCaller(t.Context()))
	if empty, _ := web.ETag(statusView{Roots: []rootView{}, Problems: []Problem{}}); err != nil || text != empty {
		t.Errorf("guests see %+v", s.forCaller(t.Context()))
	}
}
