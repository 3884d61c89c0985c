package config

import (
	"fmt"
	"strconv"
	"strings"
)

// Item is a Steam Workshop item id as it is written in the configuration.
type Item uint64

// ParseItem reads the spellings an operator may use: "706d242" (hexadecimal,
// at least one letter), "0x706d242", "m706d242", "d:117887554", and the
// address of a Workshop page. A string of digits alone is refused, because it
// means one item in hexadecimal and another in decimal.
func ParseItem(text string) (Item, error) {
	t := strings.TrimSpace(text)
	if dec, ok := strings.CutPrefix(t, "d:"); ok {
		return parseBase(text, dec, 10)
	}
	if _, query, ok := strings.Cut(t, "?id="); ok && strings.Contains(t, "://") {
		id, _, _ := strings.Cut(query, "&")
		return parseBase(text, id, 10)
	}
	lower := strings.ToLower(t)
	if hex, ok := strings.CutPrefix(lower, "0x"); ok {
		return parseBase(text, hex, 16)
	}
	if hex, ok := strings.CutPrefix(lower, "m"); ok {
		return parseBase(text, hex, 16)
	}
	if t != "" && strings.Trim(t, "0123456789") == "" {
		return 0, fmt.Errorf("%q is ambiguous: write \"0x%s\" if it is hexadecimal, or \"d:%s\" (or the number without quotes) if it is decimal", t, t, t)
	}
	return parseBase(text, lower, 16)
}

func parseBase(text, digits string, base int) (Item, error) {
	n, err := strconv.ParseUint(digits, base, 64)
	if err != nil || n == 0 || strings.HasPrefix(digits, "+") {
		return 0, fmt.Errorf("%q is not a Workshop item id; write for example \"m706d242\", \"0x706d242\" or \"d:117887554\"", text)
	}
	return Item(n), nil
}

// UnmarshalTOML reads a string as ParseItem does, and an integer as decimal.
func (i *Item) UnmarshalTOML(v any) error {
	switch v := v.(type) {
	case int64:
		if v <= 0 {
			return fmt.Errorf("%d is not a Workshop item id", v)
		}
		*i = Item(v)
		return nil
	case string:
		id, err := ParseItem(v)
		*i = id
		return err
	}
	return fmt.Errorf("a Workshop item id is a string or a whole number, not %T", v)
}

// MarshalText writes the form "m<hex>", which reads back unambiguously.
func (i Item) MarshalText() ([]byte, error) { return fmt.Appendf(nil, "m%x", uint64(i)), nil }

// String returns the form "m<hex>".
func (i Item) String() string { return fmt.Sprintf("m%x", uint64(i)) }
