package config

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
)

// maxSecretBytes bounds a secret read from a file.
const maxSecretBytes = 64 << 10

// Masked stands for a secret wherever the configuration is shown.
const Masked = "********"

// resolveSecrets replaces every secret that is given as a file or as a
// systemd credential by its text.
func resolveSecrets(c *Config, env map[string]string) []Problem {
	var problems []Problem
	eachSecret(c, func(key string, value, file *string) {
		fail := func(key, message string) { problems = append(problems, Problem{Key: key, Message: message}) }
		switch name, credential := strings.CutPrefix(*value, "@"); {
		case *value != "" && *file != "":
			fail(key, "is set, and so is "+key+"_file; keep one of them")
		case *file != "":
			text, err := readSecret(*file)
			if err != nil {
				fail(key+"_file", err.Error())
			}
			*value = text
		case credential:
			dir := env["CREDENTIALS_DIRECTORY"]
			if dir == "" {
				fail(key, "names the systemd credential \""+name+"\", but no credentials were passed; add LoadCredential="+name+":/path to the unit")
				return
			}
			if name == "" || strings.ContainsAny(name, `/\`) {
				fail(key, "names no credential; write for example \"@steam-key\"")
				return
			}
			text, err := readSecret(filepath.Join(dir, name))
			if err != nil {
				fail(key, err.Error())
			}
			*value = text
		}
	})
	return problems
}

func readSecret(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	text := make([]byte, maxSecretBytes)
	n, err := f.Read(text)
	if err != nil && n == 0 {
		return "", Problem{Source: path, Message: "holds no secret"}.asError()
	}
	return strings.TrimRight(string(text[:n]), "\r\n"), nil
}

// eachSecret calls fn for every setting marked as a secret with its twin, in
// lists of tables too.
func eachSecret(c *Config, fn func(key string, value, file *string)) {
	files := map[string]*string{}
	type secret struct {
		key   string
		value *string
	}
	var secrets []secret
	var visit func(prefix string, table reflect.Value)
	visit = func(prefix string, table reflect.Value) {
		walk(prefix, table.Type(), nil, func(key string, index []int, f reflect.StructField) {
			v := table.FieldByIndex(index)
			switch {
			case f.Type.Kind() == reflect.Slice && f.Type.Elem().Kind() == reflect.Struct:
				for i := range v.Len() {
					visit(fmt.Sprintf("%s[%d]", key, i), v.Index(i))
				}
			case f.Type.Kind() == reflect.String:
				p := v.Addr().Interface().(*string)
				files[key] = p
				if f.Tag.Get("secret") == "true" {
					secrets = append(secrets, secret{key, p})
				}
			}
		})
	}
	visit("", reflect.ValueOf(c).Elem())
	for _, s := range secrets {
		fn(s.key, s.value, files[s.key+"_file"])
	}
}

// Mask returns a copy of c in which no secret can be read. A database
// address keeps everything but its password.
func (c Config) Mask() Config {
	c.Workshop.Servers = slices.Clone(c.Workshop.Servers) // or the caller's would be masked
	eachSecret(&c, func(key string, value, _ *string) {
		switch {
		case *value == "":
		case key == "database.url":
			*value = maskURL(*value)
		default:
			*value = Masked
		}
	})
	return c
}

// Secrets returns the text of every secret that is set, for tests that look
// for them in logs and answers.
func (c Config) Secrets() []string {
	var out []string
	eachSecret(&c, func(_ string, value, _ *string) {
		if *value != "" {
			out = append(out, *value)
		}
	})
	return out
}
