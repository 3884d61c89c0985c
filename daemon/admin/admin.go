// Package admin is the operator's view over all features: one overview of
// what needs attention, and the page itself. It may look into every feature;
// no feature knows it.
package admin

import (
	"io/fs"
	"log/slog"
	"net/http"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/mail"
	"github.com/quartermasterd/quartermaster/daemon/web"
	"github.com/quartermasterd/quartermaster/daemon/workshop"
)

// Options wires a Service.
type Options struct {
	Page      fs.FS             // the page's files; must not be nil
	Workshop  *workshop.Service // nil when the feature is off
	Log       *slog.Logger      // must not be nil
	Version   string
	Paths     Paths
	Listeners func() []string                       // the bound addresses
	Started   time.Time                             // of this process
	Space     func() (free, total int64, err error) // of the disk that holds the blobs
	Traffic   func() web.Traffic
	Mail      *mail.Queue // nil: nothing is told of mails
}

// Paths are the resolved places of a running daemon.
type Paths struct {
	Config   string `json:"config" doc:"The configuration file, empty when there is none"`
	Data     string `json:"data"`
	Database string `json:"database" doc:"The SQLite file, or the PostgreSQL address without its password"`
	Blobs    string `json:"blobs"`
}

// Service answers for the daemon as a whole. It is safe for concurrent use.
type Service struct {
	options Options
	page    *page
}

// New wires a Service; it does no work.
func New(o Options) *Service { return &Service{options: o, page: newPage(o.Page)} }

// Register adds the overview and the page to the server.
func (s *Service) Register(srv *web.Server) {
	s.registerOverview(srv.API())
	if s.options.Mail != nil {
		s.registerMail(srv.Operations("admin"))
	}
	document := http.HandlerFunc(s.page.document)
	srv.Handle("GET "+staticPath, http.HandlerFunc(s.page.static))
	srv.Handle("GET /app/", document)
	srv.Home(http.RedirectHandler("/app/", http.StatusSeeOther))
	srv.NotFoundPage(http.HandlerFunc(s.page.unknown))
}
