package a2s

import (
	"bytes"
	"math"
	"time"
)

// Rules is how the server is set up.
type Rules struct {
	ResponseType byte   `json:"response_type"` // ReplyRules
	Count        uint16 `json:"rule_count"`    // as the server stated it
	// List has the rules in the order of the server. A name may come twice;
	// Map has its last value.
	List []Rule `json:"-"`
	// Truncated means that fewer rules came than were stated.
	Truncated bool `json:"truncated"`
	// Ping is as in Info.
	Ping time.Duration `json:"-"`
}

// Rule is one setting. Name and Value are text; RawName and RawValue are what
// came, since some games (Arma 3, DayZ) put binary data there.
type Rule struct {
	Name     string `json:"name"`
	Value    string `json:"value"`
	RawName  []byte `json:"name_base64"`
	RawValue []byte `json:"value_base64"`
}

// Map returns the rules by name.
func (r Rules) Map() map[string]string {
	m := make(map[string]string, len(r.List))
	for _, rule := range r.List {
		m[rule.Name] = rule.Value
	}
	return m
}

// DecodeRules reads a whole reply to RULES. Rules without a name are left
// out.
func DecodeRules(b []byte) (Rules, error) {
	r, err := body(bytes.Clone(b), ReplyRules)
	if err != nil {
		return Rules{}, err
	}
	rules := Rules{ResponseType: ReplyRules, Count: r.u16(), List: []Rule{}}
	if r.short {
		return Rules{}, malformed("RULES has no count")
	}
	for range rules.Count {
		name, value := r.bytes(), r.bytes()
		if r.short {
			rules.Truncated = true
			break
		}
		if len(name) > 0 {
			rules.List = append(rules.List, Rule{Name: text(name), Value: text(value), RawName: name, RawValue: value})
		}
	}
	return rules, nil
}

// AppendRules appends the whole reply to RULES with the first 65,535 rules. A
// rule without raw bytes is sent as its text.
func AppendRules(b []byte, rules []Rule) []byte {
	rules = rules[:min(len(rules), math.MaxUint16)]
	b = order.AppendUint16(appendHeader(b, ReplyRules), uint16(len(rules)))
	for _, r := range rules {
		b = appendString(appendString(b, raw(r.Name, r.RawName)), raw(r.Value, r.RawValue))
	}
	return b
}

func raw(text string, bytes []byte) string {
	if bytes != nil {
		return string(bytes)
	}
	return text
}
