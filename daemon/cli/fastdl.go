package cli

import (
	"github.com/quartermasterd/quartermaster/daemon/workshop"
	"github.com/quartermasterd/quartermaster/daemon/workshop/fastdl"
)

// FastDLCmd groups the commands about the files of Source and GoldSrc games.
type FastDLCmd struct {
	Lint FastDLLintCmd `cmd:"" help:"Look for what keeps players from downloading. Exit code 1 if there are errors or warnings."`
}

// FastDLLintCmd looks.
type FastDLLintCmd struct {
	Name string `arg:"" optional:"" help:"Name of a [[workshop.fastdl]]; default: all of them."`
}

// Run reads the game folders and prints one line per finding, the worst
// first.
func (c FastDLLintCmd) Run(s *session) error {
	return s.withWorkshop(func(w *workshop.Service) error {
		reports, err := w.FastDL().Lint(s.ctx, c.Name)
		if err != nil {
			return err
		}
		bad := 0
		for _, r := range reports {
			bad += r.Bad()
		}
		err = s.print(fastdl.JSON(reports), func() {
			for _, r := range reports {
				s.lintReport(r)
			}
		})
		if err == nil && bad > 0 {
			return silent{ExitFailure}
		}
		return err
	})
}

func (s *session) lintReport(r fastdl.LintReport) {
	for _, f := range r.Findings {
		s.printf("%s: %s: %s (%s)", r.Tree, f.Severity, printable(f.Text), f.Code)
		if f.Hint != "" {
			s.printf("    %s", f.Hint)
		}
	}
	if r.More > 0 {
		s.printf("%s: %d more are left out", r.Tree, r.More)
	}
	files := "files"
	if r.Files == 1 {
		files = "file"
	}
	s.printf("%s: %d %s, %d errors and warnings, %d remarks", r.Tree, r.Files, files, r.Bad(), len(r.Findings)-r.Bad())
}
