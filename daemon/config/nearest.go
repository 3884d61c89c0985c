package config

import (
	"fmt"
	"reflect"
	"strings"
)

// didYouMean names the key that an unknown one most likely stands for: first
// a similar name in the same table, then the same name in another table.
func didYouMean(name, prefix string, table reflect.Type) string {
	best, distance := "", len(name)/2+1
	for known := range fieldsOf(table) {
		if d := editDistance(name, known); d < distance || d == distance && known < best {
			best, distance = known, d
		}
	}
	if best != "" && distance <= len(name)/2 {
		return fmt.Sprintf("; did you mean %q?", join(prefix, best))
	}
	for _, key := range Keys() {
		if key == name || strings.HasSuffix(key, "."+name) {
			return fmt.Sprintf("; did you mean %q?", key)
		}
	}
	return ""
}

// Keys returns the dotted path of every setting, in the order of the file.
func Keys() []string {
	var keys []string
	walk("", reflect.TypeFor[Config](), nil, func(key string, _ []int, _ reflect.StructField) {
		keys = append(keys, key)
	})
	return keys
}

// walk calls fn for every setting below t with its path and field index.
func walk(prefix string, t reflect.Type, index []int, fn func(key string, index []int, f reflect.StructField)) {
	for i := range t.NumField() {
		f := t.Field(i)
		key := join(prefix, f.Tag.Get("toml"))
		at := append(append([]int(nil), index...), i)
		if f.Type.Kind() == reflect.Struct {
			walk(key, f.Type, at, fn)
			continue
		}
		fn(key, at, f)
	}
}

// editDistance counts the letters to insert, delete or replace (Levenshtein).
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}
