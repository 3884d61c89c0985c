package cli

import (
	"fmt"
	"strconv"
	"text/tabwriter"

	"github.com/quartermasterd/quartermaster/daemon/workshop"
)

// ModsStorageCmd reports.
type ModsStorageCmd struct{}

// Run prints what fills the store.
func (ModsStorageCmd) Run(s *session) error {
	return s.withWorkshop(func(w *workshop.Service) error {
		r, err := w.Storage(s.ctx)
		if err != nil {
			return err
		}
		return s.print(w.JSON(r), func() { s.tellStorage(r) })
	})
}

func (s *session) tellStorage(r workshop.Storage) {
	limit := "no limit"
	if r.Limit > 0 {
		limit = bytesText(r.Limit) + " allowed"
	}
	s.printf("%s stored, %s; %s free on the disk, of which %s stay free", bytesText(r.Bytes), limit, bytesText(r.Free), bytesText(r.MinFree))
	t := tabwriter.NewWriter(s.Stdout, 0, 4, 2, ' ', 0)
	fmt.Fprintln(t, "\nKEPT\tVERSIONS\tSIZE")
	fmt.Fprintf(t, "pinned\t%d\t%s\n", r.Pinned.Versions, bytesText(r.Pinned.Bytes))
	fmt.Fprintf(t, "irreplaceable\t%d\t%s\n", r.Irreplaceable.Versions, bytesText(r.Irreplaceable.Bytes))
	fmt.Fprintf(t, "may go\t%d\t%s\n", r.Evictable.Versions, bytesText(r.Evictable.Bytes))
	if len(r.ByGame) > 0 {
		fmt.Fprintln(t, "\nGAME\tVERSIONS\tSIZE")
	}
	for _, g := range r.ByGame {
		name := "unknown"
		if g.App != 0 {
			name = strconv.FormatUint(uint64(g.App), 10)
		}
		if g.Name != "" {
			name += " " + printable(g.Name)
		}
		fmt.Fprintf(t, "%s\t%d\t%s\n", name, g.Versions, bytesText(g.Bytes))
	}
	if len(r.BySource) > 0 {
		fmt.Fprintln(t, "\nSOURCE\tVERSIONS\tSIZE")
	}
	for _, x := range r.BySource {
		fmt.Fprintf(t, "%s\t%d\t%s\n", orUnknown(x.Source), x.Versions, bytesText(x.Bytes))
	}
	t.Flush() // writes to standard output, which reports its own failure
	s.printf("\n%s", r.Forecast.Text)
}

func orUnknown(name string) string {
	if name == "" {
		return "unknown"
	}
	return name
}
