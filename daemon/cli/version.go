package cli

import (
	"runtime"
	"runtime/debug"
)

// VersionCmd prints what this binary is.
type VersionCmd struct{}

// Run prints the version, or all build facts as JSON.
func (VersionCmd) Run(s *session) error {
	facts := struct {
		Version  string `json:"version"`
		Commit   string `json:"commit,omitempty"`
		Go       string `json:"go"`
		Platform string `json:"platform"`
	}{Version: s.Version, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, setting := range info.Settings {
			if setting.Key == "vcs.revision" {
				facts.Commit = setting.Value
			}
		}
	}
	return s.print(facts, func() {
		s.printf("quartermaster %s (%s, %s)", facts.Version, facts.Go, facts.Platform)
	})
}
