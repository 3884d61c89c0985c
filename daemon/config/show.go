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
		at[parts[len(parts)-1]] = treeValue(root.FieldByIndex(index))
	})
	return tree
}

// treeValue turns a list of tables into maps under the names of their keys.
func treeValue(v reflect.Value) any {
	if v.Kind() != reflect.Slice || v.Type().Elem().Kind() != reflect.Struct {
		return v.Interface()
	}
	tables := make([]map[string]any, v.Len())
	for i := range tables {
		tables[i] = map[string]any{}
		for name, field := range fieldsOf(v.Type().Elem()) {
			tables[i][name] = v.Index(i).Field(field).Interface()
		}
	}
	return tables
}
