package steamcmd

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
)

// installed is where distributions put SteamCMD: Debian and Ubuntu a script
// in /usr/games that copies the program into the home and runs it there.
var installed = []string{"/usr/games/steamcmd"}

// names are the program's names in a folder, in the order of preference:
// Valve's archive for Linux and macOS has steamcmd.sh, which sets up the
// libraries and repeats the program after it has updated itself.
func names() []string {
	if runtime.GOOS == "windows" {
		return []string{"steamcmd.exe"}
	}
	return []string{"steamcmd.sh", "steamcmd"}
}

// Find returns the absolute path of the program. The path may name it or its
// folder; when it is empty, the program is looked for in PATH and where
// distributions put it. The error is ErrNotInstalled.
func Find(path string) (string, error) {
	candidates := []string{path}
	if path == "" {
		candidates = candidates[:0]
		for _, name := range append([]string{"steamcmd"}, names()...) {
			if found, err := exec.LookPath(name); err == nil {
				candidates = append(candidates, found)
			}
		}
		candidates = append(candidates, installed...)
	} else {
		for _, name := range names() {
			candidates = append(candidates, filepath.Join(path, name))
		}
	}
	for _, c := range candidates {
		info, err := os.Stat(c)
		if err != nil || !info.Mode().IsRegular() || runtime.GOOS != "windows" && info.Mode()&0o111 == 0 {
			continue
		}
		if abs, err := filepath.Abs(c); err == nil {
			return abs, nil
		}
	}
	return "", ErrNotInstalled
}
