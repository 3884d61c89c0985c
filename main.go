// Quartermaster keeps what a community's game servers live on. Everything is
// in package daemon/cli; this file hands over to it.
//
//go:debug zipinsecurepath=0
package main

import (
	_ "embed"
	"os"

	"github.com/quartermasterd/quartermaster/daemon/cli"
)

//go:embed config.example.toml
var example []byte

// version is set by the release build; other builds take it from the module.
var version string

func main() {
	os.Exit(cli.Start(version, example))
}
