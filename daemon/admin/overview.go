package admin

import (
	"context"
	"net/http"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/quartermasterd/quartermaster/daemon/accounts"
	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// Severities of what needs attention.
const (
	severityError   = "error"   // something does not work
	severityWarning = "warning" // something will not, or is at risk
	severityInfo    = "info"    // worth knowing
)

// Attention is one thing that the operator should look at.
type Attention struct {
	Code     string `json:"code" doc:"What it is about, for programs"`
	Severity string `json:"severity" enum:"error,warning,info"`
	Text     string `json:"text" doc:"What is wrong, for people"`
	Hint     string `json:"hint" doc:"What to do next, may be empty"`
	Link     string `json:"link" doc:"Where on the page it can be seen, may be empty"`
}

// Totals are what the library holds.
type Totals struct {
	Mods     int   `json:"mods"`
	Versions int   `json:"versions"`
	Bytes    int64 `json:"bytes"`
	Requests int64 `json:"requests" doc:"Requests of game clients for mods that are held, since they came here"`
}

// Disk is the file system that holds the blobs.
type Disk struct {
	Free  int64 `json:"free"`
	Total int64 `json:"total"`
}

// Rates are the byte rates: the limits in force, and what passes now. All are
// in bytes per second.
type Rates struct {
	DownloadRate          int64 `json:"download_rate" doc:"What all clients together may take; 0: no limit"`
	DownloadRatePerClient int64 `json:"download_rate_per_client" doc:"What one address may take; 0: no limit"`
	UploadRate            int64 `json:"upload_rate" doc:"What may come in; 0: no limit"`
	Scheduled             bool  `json:"scheduled" doc:"An entry of limits.schedule holds now"`
	Sending               int64 `json:"sending" doc:"Sent to clients, over the last five seconds"`
	Receiving             int64 `json:"receiving" doc:"Fetched and uploaded, over the last five seconds"`
	Clients               int   `json:"clients" doc:"Addresses with open connections"`
}

// Overview is the daemon at a glance.
type Overview struct {
	Version   string      `json:"version"`
	Commit    string      `json:"commit" doc:"Empty in builds outside of a checkout"`
	Go        string      `json:"go"`
	StartedAt time.Time   `json:"started_at"`
	Listeners []string    `json:"listeners"`
	Paths     Paths       `json:"paths"`
	Totals    Totals      `json:"totals"`
	Attention []Attention `json:"attention" doc:"The worst first; empty when all is well"`
	Disk      Disk        `json:"disk"`
	Rates     Rates       `json:"rates"`
}

type overviewOutput struct{ Body Overview }

func (s *Service) registerOverview(api huma.API) {
	o := huma.Operation{
		OperationID: "get-overview", Method: http.MethodGet, Path: "/api/v1/overview", Tags: []string{"admin"},
		Summary: "The daemon at a glance", Description: "What needs attention, totals, listeners, paths and version.",
	}
	accounts.Require(accounts.ScopeAdmin)(&o)
	huma.Register(api, o, func(ctx context.Context, _ *struct{}) (*overviewOutput, error) {
		overview, err := s.overview(ctx)
		return &overviewOutput{overview}, err
	})
}

func (s *Service) overview(ctx context.Context) (Overview, error) {
	o := Overview{
		Version: s.options.Version, Commit: commit(), Go: runtime.Version(), StartedAt: s.options.Started.UTC(),
		Listeners: s.options.Listeners(), Paths: s.options.Paths, Attention: []Attention{},
	}
	t := s.options.Traffic()
	o.Rates = Rates{
		DownloadRate: t.Rates.Download, DownloadRatePerClient: t.Rates.DownloadPerClient, UploadRate: t.Rates.Upload,
		Scheduled: t.Scheduled, Sending: t.Sending, Receiving: t.Receiving, Clients: t.Clients,
	}
	var err error
	o.Disk.Free, o.Disk.Total, err = s.options.Space()
	if err != nil {
		o.Attention = append(o.Attention, Attention{
			Code: "disk_unknown", Severity: severityError, Text: "The disk of the data directory cannot be read: " + fault.Public(err), Hint: fault.Hint(err),
		})
	}
	if s.options.Workshop == nil {
		return o, nil
	}
	status, err := s.options.Workshop.Status(ctx)
	if err != nil {
		return o, err
	}
	o.Totals = Totals{Mods: status.Items, Versions: status.Versions, Bytes: status.Bytes, Requests: status.Requests}
	for _, p := range status.Problems {
		o.Attention = append(o.Attention, Attention{Code: p.Code, Severity: severityWarning, Text: p.Text, Hint: p.Hint, Link: placeOf(p.Code)})
	}
	if status.Failed > 0 {
		o.Attention = append(o.Attention, Attention{
			Code: "jobs_failed", Severity: severityWarning, Link: "/app/mods",
			Text: "Some mods could not be fetched", Hint: "the queue says why, and can try again",
		})
	}
	return o, nil
}

// placeOf returns where on the page a problem of the workshop can be seen.
func placeOf(code string) string {
	switch {
	case strings.HasPrefix(code, "fastdl_"):
		return "/app/fastdl"
	case strings.HasPrefix(code, "peer_"):
		return "/app/peers"
	case strings.HasPrefix(code, "server_"), code == "webhook_failing":
		return "/app/radar"
	case code == "disk_low", code == "store_full":
		return "/app/storage"
	}
	return "/app/mods"
}

// commit returns the revision that the toolchain recorded.
func commit() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, setting := range info.Settings {
		if setting.Key == "vcs.revision" {
			return setting.Value
		}
	}
	return ""
}
