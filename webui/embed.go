// Package webui holds the page that the daemon serves under /app/: static
// HTML, style sheets, ES modules and texts, embedded in the binary. There is
// no build step: what is in the folder is what browsers get.
//
// The page loads nothing from another host and has no inline script or style,
// so it runs under a content security policy of 'self' alone. index.html is
// the answer to every address of the page (/app/mods, /app/mods/117887554,
// …); the other files are served below /app/static/ by the names they have
// here, and change only with the binary.
package webui

import (
	"embed"
	"io/fs"
)

//go:embed static
var files embed.FS

// FS returns the static files with index.html at the root. It is read-only
// and safe for concurrent use.
func FS() fs.FS {
	static, err := fs.Sub(files, "static")
	if err != nil {
		return files // fs.Sub refuses only malformed names; this one is a constant
	}
	return static
}
