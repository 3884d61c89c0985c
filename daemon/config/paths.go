package config

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
)

// ServiceDataDir is where the installed service keeps its state.
func ServiceDataDir(env map[string]string) string {
	if runtime.GOOS == "windows" {
		return filepath.Join(programData(env), "Quartermaster")
	}
	if runtime.GOOS == "darwin" {
		return "/usr/local/var/lib/quartermaster"
	}
	return "/var/lib/quartermaster"
}

// SystemFile is the configuration file that the installed service reads.
func SystemFile(env map[string]string) string {
	if runtime.GOOS == "windows" {
		return filepath.Join(programData(env), "Quartermaster", "config.toml")
	}
	return "/etc/quartermaster/config.toml"
}

func programData(env map[string]string) string {
	if dir := env["PROGRAMDATA"]; dir != "" {
		return dir
	}
	return `C:\ProgramData`
}

// usualFiles lists where a configuration file is looked for: beside the
// binary first, so that a folder with both can be carried around.
func usualFiles(env map[string]string) []string {
	var files []string
	if exe, err := os.Executable(); err == nil {
		files = append(files, filepath.Join(filepath.Dir(exe), "config.toml"))
	}
	return append(files, SystemFile(env))
}

// dataDir returns the absolute data directory. It never depends on the
// working directory unless a relative path was given as a flag, or without a
// configuration file.
func dataDir(configured string, env map[string]string, service bool) (string, error) {
	switch {
	case configured != "":
		return filepath.Abs(configured)
	case service:
		return ServiceDataDir(env), nil
	case runtime.GOOS == "windows" && env["LOCALAPPDATA"] != "":
		return filepath.Join(env["LOCALAPPDATA"], "Quartermaster"), nil
	case runtime.GOOS == "darwin" && env["HOME"] != "":
		return filepath.Join(env["HOME"], "Library", "Application Support", "Quartermaster"), nil
	case env["XDG_DATA_HOME"] != "":
		return filepath.Join(env["XDG_DATA_HOME"], "quartermaster"), nil
	case env["HOME"] != "":
		return filepath.Join(env["HOME"], ".local", "share", "quartermaster"), nil
	}
	return "", Problems{{Key: "data.dir", Message: "no data directory: neither --data nor data.dir is set, and there is no home directory to choose one in"}}
}

// makeAbsolute resolves the paths of a configuration against its file, so
// that nothing depends on where the daemon was started.
func makeAbsolute(c *Config, file string) error {
	base := ""
	if file != "" {
		base = filepath.Dir(file)
	}
	paths := []*string{&c.Database.URLFile, &c.Metrics.TokenFile, &c.Steam.APIKeyFile, &c.SteamCMD.Path}
	for i := range c.Workshop.Roots {
		paths = append(paths, &c.Workshop.Roots[i])
	}
	for i := range c.Workshop.Monitor.Mapcycle {
		paths = append(paths, &c.Workshop.Monitor.Mapcycle[i])
	}
	for i := range c.Workshop.FastDL {
		for j := range c.Workshop.FastDL[i].Roots {
			paths = append(paths, &c.Workshop.FastDL[i].Roots[j])
		}
	}
	for i := range c.Workshop.Servers {
		s := &c.Workshop.Servers[i]
		paths = append(paths, &s.Mapcycle, &s.Folder, &s.WebhookFile, &s.WebhookSecretFile)
	}
	for _, p := range paths {
		abs, err := against(base, *p)
		if err != nil {
			return fmt.Errorf("path %q: %w", *p, err)
		}
		*p = abs
	}
	return nil
}

func against(base, path string) (string, error) {
	if path == "" || filepath.IsAbs(path) {
		return path, nil
	}
	if base == "" {
		return filepath.Abs(path)
	}
	return filepath.Join(base, path), nil
}
