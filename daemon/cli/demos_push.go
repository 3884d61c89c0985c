package cli

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/quartermasterd/quartermaster/daemon/demosink"
	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// DemosPushCmd takes files in.
type DemosPushCmd struct {
	Files  []string `arg:"" name:"file" help:"Demos, also packed as .zip, .bz2 or .gz."`
	Server string   `placeholder:"URL" help:"Send them to this server instead of taking them in here."`
	Key    string   `placeholder:"KEY" help:"API key for --server. Default: the environment variable DEMOS_KEY."`
}

// pushedFile is what became of one file.
type pushedFile struct {
	File string `json:"file"`
	demosink.Pushed
}

// Run takes the files one by one and stops at the first that does not work.
func (c DemosPushCmd) Run(s *session) error {
	done := []pushedFile{}
	push := func(one func(*os.File) (demosink.Pushed, error)) error {
		for _, name := range c.Files {
			p, err := pushFile(name, one)
			if err != nil {
				return err
			}
			done = append(done, pushedFile{name, p})
			if !s.globals.JSON {
				state := ""
				if p.Known {
					state = " (known already)"
				}
				s.printf("%s  %s%s", p.Demo, printable(name), state)
			}
		}
		return nil
	}
	if c.Server != "" {
		for _, v := range s.Environ {
			if value, ok := strings.CutPrefix(v, "DEMOS_KEY="); ok && c.Key == "" {
				c.Key = value
			}
		}
		if c.Key == "" {
			return fault.New(fault.Invalid, "--server needs a key").WithHint("give it with --key, or better in the environment variable DEMOS_KEY")
		}
		p := demosink.Pusher{Server: c.Server, Key: c.Key, Client: http.DefaultClient}
		if err := push(func(f *os.File) (demosink.Pushed, error) { return p.Push(s.ctx, f) }); err != nil {
			return err
		}
		return s.print(done, func() {})
	}
	return s.withDemos(func(d *demosink.Service) error {
		err := push(func(f *os.File) (demosink.Pushed, error) {
			sess, known, err := d.TakeFile(s.ctx, f, demosink.Arrival{Name: filepath.Base(f.Name()), Source: demosink.SourcePush})
			return demosink.Pushed{Demo: sess.ID, Known: known}, err
		})
		if err != nil {
			return err
		}
		return s.print(done, func() {})
	})
}

func pushFile(name string, one func(*os.File) (demosink.Pushed, error)) (demosink.Pushed, error) {
	f, err := os.Open(name)
	if os.IsNotExist(err) {
		return demosink.Pushed{}, fault.New(fault.NotFound, "There is no file %s", name)
	}
	if err != nil {
		return demosink.Pushed{}, err
	}
	defer f.Close() //nolint:errcheck // only read
	return one(f)
}

// DemosPruneCmd deletes by the rules.
type DemosPruneCmd struct {
	DryRun bool `help:"Only say what would be deleted, and why."`
}

// Run deletes and prints what.
func (c DemosPruneCmd) Run(s *session) error {
	return s.withDemos(func(d *demosink.Service) error {
		p, err := d.Prune(s.ctx, c.DryRun)
		if err != nil {
			return err
		}
		return s.print(p.JSON(), func() {
			for _, r := range p.Removed {
				s.printf("%s  %s  %s", r.ID, bytesText(r.Size), r.Why)
			}
			for _, r := range p.Orphans {
				s.printf("%s  %s  a stored file: %s", r.ID, bytesText(r.Size), r.Why)
			}
			verb := "deleted"
			if c.DryRun {
				verb = "would be deleted"
			}
			s.printf("%d recordings and %d stray files, %s, %s", len(p.Removed), len(p.Orphans), bytesText(p.Bytes), verb)
			if p.Held {
				s.printf("%d stored files belong to no recording; they are left alone, see demos.max_prune_ratio", p.Unknown)
			}
			if p.Over > 0 {
				s.printf("%s above the limits remain: nothing more may be deleted", bytesText(p.Over))
			}
		})
	})
}
