package config

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"

	"github.com/BurntSushi/toml"
)

// TOML returns the configuration as a file that Load reads back. Secrets are
// in it; call Mask first for anything that people see.
func (c Config) TOML() ([]byte, error) {
	var b bytes.Buffer
	e := toml.NewEncoder(&b)
	e.Indent = ""
	if err := e.Encode(c); err != nil {
		return nil, fmt.Errorf("writing the configuration: %w", err)
	}
	return b.Bytes(), nil
}

// Tree returns the configuration as nested maps under the names of the keys,
// for JSON.
func (c Config) Tree() map[string]any {
	tree := map[string]any{}
	root := reflect.ValueOf(c)
	walk("", root.Type(), nil, func(key string, index []int, _ reflect.StructField) {
		at, parts := tree, strings.Split(key, ".")
		for _, part := range parts[:len(parts)-1] {
			sub, ok := at[part].(map[string]any)
			if !ok {
				sub = map[string]any{}
				at[part] = sub
			}
			at = sub
		}
		at[parts[len(parts)-1]] = root.FieldByIndex(index).Interface()
	})
	return tree
}
