package config

import (
	"encoding"
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// tomlDecoder is what Item implements to take more than one TOML type.
type tomlDecoder interface{ UnmarshalTOML(any) error }

// defaulter is what the elements of a list of tables implement: the defaults
// of keys that are left out.
type defaulter interface{ setDefaults() }

// binder fills a struct from a decoded TOML tree and collects every fault
// instead of stopping at the first, which the TOML library does.
type binder struct {
	problems []Problem
}

func (b *binder) fail(key, format string, args ...any) {
	b.problems = append(b.problems, Problem{Key: key, Message: fmt.Sprintf(format, args...)})
}

// table fills the struct dst from the table src; prefix is the path so far.
func (b *binder) table(prefix string, src map[string]any, dst reflect.Value) {
	fields := fieldsOf(dst.Type())
	for name, value := range src {
		key := join(prefix, name)
		index, ok := fields[name]
		if !ok {
			b.fail(key, "unknown key%s", didYouMean(name, prefix, dst.Type()))
			continue
		}
		b.value(key, value, dst.Field(index))
	}
}

func (b *binder) value(key string, src any, dst reflect.Value) {
	if d, ok := dst.Addr().Interface().(tomlDecoder); ok {
		if err := d.UnmarshalTOML(src); err != nil {
			b.fail(key, "%v", err)
		}
		return
	}
	if d, ok := dst.Addr().Interface().(encoding.TextUnmarshaler); ok {
		b.text(key, src, d)
		return
	}
	switch dst.Kind() {
	case reflect.Struct:
		sub, ok := src.(map[string]any)
		if !ok {
			b.fail(key, "must be a table, written as [%s]", key)
			return
		}
		b.table(key, sub, dst)
	case reflect.Slice:
		b.list(key, src, dst)
	default:
		b.scalar(key, src, dst)
	}
}

// text fills a value that has a text form; a whole number is accepted too,
// so that max_item_bytes = 0 works like "0".
func (b *binder) text(key string, src any, dst encoding.TextUnmarshaler) {
	var text string
	switch src := src.(type) {
	case string:
		text = src
	case int64:
		text = strconv.FormatInt(src, 10)
	default:
		b.fail(key, "must be a text in quotes, not %s", kindName(src))
		return
	}
	if err := dst.UnmarshalText([]byte(text)); err != nil {
		b.fail(key, "%v", err)
	}
}

func (b *binder) list(key string, src any, dst reflect.Value) {
	var items []any
	switch src := src.(type) {
	case []any:
		items = src
	case []map[string]any: // [[array.of.tables]]
		for _, m := range src {
			items = append(items, m)
		}
	default:
		want := "must be a list in [brackets]"
		if dst.Type().Elem().Kind() == reflect.Struct {
			want = "must be tables in the file, each under [[double brackets]]"
		}
		b.fail(key, want+", not %s", kindName(src))
		return
	}
	out := reflect.MakeSlice(dst.Type(), len(items), len(items))
	for i, item := range items {
		if d, ok := out.Index(i).Addr().Interface().(defaulter); ok {
			d.setDefaults()
		}
		b.value(fmt.Sprintf("%s[%d]", key, i), item, out.Index(i))
	}
	dst.Set(out)
}

func (b *binder) scalar(key string, src any, dst reflect.Value) {
	switch dst.Kind() {
	case reflect.String:
		if s, ok := src.(string); ok {
			dst.SetString(s)
			return
		}
		b.fail(key, "must be a text in quotes, not %s", kindOnly(src))
	case reflect.Bool:
		if v, ok := src.(bool); ok {
			dst.SetBool(v)
			return
		}
		b.fail(key, "must be true or false, not %s", kindName(src))
	case reflect.Int:
		if n, ok := src.(int64); ok {
			dst.SetInt(n)
			return
		}
		b.fail(key, "must be a whole number, not %s", kindName(src))
	case reflect.Uint32:
		if n, ok := src.(int64); ok && n >= 0 && n <= 1<<32-1 {
			dst.SetUint(uint64(n))
			return
		}
		b.fail(key, "must be a whole number from 0 to 4294967295, not %s", kindName(src))
	case reflect.Float64:
		switch n := src.(type) {
		case int64:
			dst.SetFloat(float64(n))
		case float64:
			dst.SetFloat(n)
		default:
			b.fail(key, "must be a number, not %s", kindName(src))
		}
	default:
		b.fail(key, "cannot be set")
	}
}

// fromText turns the text of an environment variable into the tree that the
// binder takes for a setting of type t.
func fromText(text string, t reflect.Type) any {
	p := reflect.New(t).Interface()
	if _, ok := p.(tomlDecoder); ok {
		return text
	}
	if _, ok := p.(encoding.TextUnmarshaler); ok {
		return text
	}
	switch t.Kind() {
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Struct {
			return text // and refused: a table has no form in the environment
		}
		items := []any{}
		for _, part := range strings.Split(text, ",") {
			if part = strings.TrimSpace(part); part != "" {
				items = append(items, fromText(part, t.Elem()))
			}
		}
		return items
	case reflect.Bool:
		if v, err := strconv.ParseBool(text); err == nil {
			return v
		}
	case reflect.Int, reflect.Uint32:
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			return n
		}
	case reflect.Float64:
		if f, err := strconv.ParseFloat(text, 64); err == nil {
			return f
		}
	}
	return text
}

func fieldsOf(t reflect.Type) map[string]int {
	fields := make(map[string]int, t.NumField())
	for i := range t.NumField() {
		fields[t.Field(i).Tag.Get("toml")] = i
	}
	return fields
}

func join(prefix, name string) string {
	if prefix == "" {
		return name
	}
	return prefix + "." + name
}

func kindName(v any) string {
	switch v := v.(type) {
	case string:
		return fmt.Sprintf("the text %q", v)
	case bool:
		return fmt.Sprintf("%v", v)
	case int64, float64:
		return fmt.Sprintf("the number %v", v)
	case []any, []map[string]any:
		return "a list"
	case map[string]any:
		return "a table"
	}
	return fmt.Sprintf("%T", v)
}

// kindOnly is kindName without the value, for texts, which may be secrets.
func kindOnly(v any) string {
	switch v.(type) {
	case int64, float64:
		return "a number"
	}
	return kindName(v)
}
