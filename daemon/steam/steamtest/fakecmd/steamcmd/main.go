// Command steamcmd stands in for Valve's program of that name in tests.
package main

import (
	"os"

	"github.com/quartermasterd/quartermaster/daemon/steam/steamtest/fakecmd"
)

func main() { os.Exit(fakecmd.Main()) }
