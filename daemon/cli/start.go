package cli

import (
	"context"
	"os"
	"runtime/debug"
)

// Start runs the command line of this process and returns its exit code. An
// empty version is taken from the module the binary was built from.
func Start(version string, example []byte) int {
	if version == "" {
		version = moduleVersion()
	}
	return Main(context.Background(), Program{
		Args: os.Args[1:], Environ: os.Environ(),
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
		Version: version, Example: example,
	})
}

// moduleVersion returns what "go install" recorded, or "dev".
func moduleVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" || info.Main.Version == "(devel)" {
		return "dev"
	}
	return info.Main.Version
}
