package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
)

// envPrefix begins every environment variable that sets a key.
const envPrefix = "QUARTERMASTER_"

// reservedEnv are variables with our prefix that are not settings.
var reservedEnv = []string{"QUARTERMASTER_PASSWORD", "QUARTERMASTER_TEST_POSTGRES"}

// Options says where settings come from. Flags go over the environment, the
// environment over the file, the file over the defaults.
type Options struct {
	// File is the --config flag; empty: the usual places are looked at.
	File string
	// DataDir is the --data flag; empty: not given.
	DataDir string
	// Listen is the --listen flag; empty: not given.
	Listen []string
	// Environ is in the form of os.Environ.
	Environ []string
	// Service selects the service's default directories instead of the
	// user's.
	Service bool
}

// Loaded is a configuration that has been read and found valid.
type Loaded struct {
	Config Config
	// File is the absolute path of the file that was read, "" when there
	// was none.
	File string
	// DataDir is the absolute data directory.
	DataDir string
}

// Load reads the configuration, resolves secrets and validates everything.
// It returns Problems with every fault at once. It changes nothing on disk.
func Load(o Options) (*Loaded, error) {
	env := environment(o.Environ)
	l := &Loaded{Config: Default()}
	path, err := findFile(o.File, env)
	if err != nil {
		return nil, err
	}
	var problems Problems
	lines := map[string]int{}
	if path != "" {
		l.File = path
		found, at, err := readFile(path, &l.Config)
		if err != nil {
			return nil, err
		}
		problems, lines = append(problems, found...), at
	}
	problems = append(problems, bindEnvironment(env, &l.Config)...)
	if dir := l.Config.Data.Dir; dir != "" && path != "" {
		if l.Config.Data.Dir, err = against(filepath.Dir(path), dir); err != nil {
			return nil, fmt.Errorf("path %q: %w", dir, err)
		}
	}
	if o.DataDir != "" {
		l.Config.Data.Dir = o.DataDir // a flag is typed in the working directory
	}
	if len(o.Listen) > 0 {
		l.Config.HTTP.Listen = o.Listen
	}
	later := resolveSecrets(&l.Config, env)
	later = append(later, l.Config.Validate()...)
	unread := map[string]bool{} // values that could not be read are not judged as well
	for _, p := range problems {
		unread[p.Key] = true
	}
	for _, p := range later {
		if !unread[p.Key] {
			problems = append(problems, place(p, path, lines, env))
		}
	}
	if len(problems) > 0 {
		return nil, problems.sorted()
	}
	l.DataDir, err = dataDir(l.Config.Data.Dir, env, o.Service)
	if err != nil {
		return nil, err
	}
	return l, makeAbsolute(&l.Config, l.File)
}

// place finds out where a fault of a finished value was written.
func place(p Problem, path string, lines map[string]int, env map[string]string) Problem {
	name := envName(strings.SplitN(p.Key, "[", 2)[0])
	if _, ok := env[name]; ok {
		p.Source, p.Key = "environment", name
		return p
	}
	if line := lineOf(lines, p.Key); line > 0 {
		p.Source, p.Line = path, line
	}
	return p
}

func readFile(path string, into *Config) (Problems, map[string]int, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, fmt.Errorf("the configuration file cannot be read: %w", err)
	}
	var tree map[string]any
	if _, err := toml.Decode(string(text), &tree); err != nil {
		if syntax, ok := errors.AsType[toml.ParseError](err); ok {
			return nil, nil, Problems{{Source: path, Line: syntax.Position.Line, Message: syntaxMessage(syntax)}}
		}
		return nil, nil, Problems{{Source: path, Message: err.Error()}}
	}
	var b binder
	b.table("", tree, reflect.ValueOf(into).Elem())
	lines := locate(string(text))
	for i, p := range b.problems {
		b.problems[i].Source, b.problems[i].Line = path, lineOf(lines, p.Key)
	}
	return b.problems, lines, nil
}

func environment(environ []string) map[string]string {
	env := make(map[string]string, len(environ))
	for _, kv := range environ {
		name, value, _ := strings.Cut(kv, "=")
		if runtime.GOOS == "windows" {
			name = strings.ToUpper(name)
		}
		env[name] = value
	}
	return env
}

func envName(key string) string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(key, ".", "_"))
}

func bindEnvironment(env map[string]string, into *Config) Problems {
	var b binder
	known := map[string]bool{}
	root := reflect.ValueOf(into).Elem()
	walk("", root.Type(), nil, func(key string, index []int, f reflect.StructField) {
		name := envName(key)
		known[name] = true
		if text, ok := env[name]; ok {
			b.value(name, fromText(text, f.Type), root.FieldByIndex(index))
		}
	})
	for name := range env {
		if strings.HasPrefix(name, envPrefix) && !known[name] && !slices.Contains(reservedEnv, name) {
			b.fail(name, "unknown variable%s", nearestEnv(name, known))
		}
	}
	for i := range b.problems {
		b.problems[i].Source = "environment"
	}
	slices.SortFunc(b.problems, func(a, c Problem) int { return strings.Compare(a.Key, c.Key) })
	return b.problems
}

func nearestEnv(name string, known map[string]bool) string {
	best, distance := "", len(name)/3+1
	for k := range known {
		if d := editDistance(name, k); d < distance || d == distance && k < best {
			best, distance = k, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %s?", best)
}

// findFile returns the absolute path of the configuration file, or "" when
// none was named and none of the usual ones exists.
func findFile(flag string, env map[string]string) (string, error) {
	if flag != "" {
		path, err := filepath.Abs(flag)
		if err != nil {
			return "", err
		}
		if _, err := os.Stat(path); err != nil {
			return "", Problems{{Source: path, Message: "the file named by --config cannot be read: " + reason(err)}}
		}
		return path, nil
	}
	for _, path := range usualFiles(env) {
		if _, err := os.Stat(path); err == nil {
			return path, nil
		} else if !errors.Is(err, fs.ErrNotExist) {
			return "", Problems{{Source: path, Message: "cannot be read: " + reason(err)}}
		}
	}
	return "", nil
}

func reason(err error) string {
	if pe, ok := errors.AsType[*fs.PathError](err); ok {
		return pe.Err.Error()
	}
	return err.Error()
}
