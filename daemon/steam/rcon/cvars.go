package rcon

import (
	"context"
	"slices"
	"strings"
)

// CVar is one setting or command of a Source server, as cvarlist tells it.
type CVar struct {
	Name        string   `json:"name"`
	Value       string   `json:"value,omitempty"`   // "" for a command
	Command     bool     `json:"command,omitempty"` // it is run, not set
	Flags       []string `json:"flags,omitempty"`   // sorted, each once: "sv", "cheat"
	Description string   `json:"description,omitempty"`
}

// maxCVars bounds what is kept of a cvarlist; real games have up to 6,000.
const maxCVars = 50_000

// CVars asks the server for its settings and commands. A server that has no
// cvarlist yields none.
func (c *Client) CVars(ctx context.Context) ([]CVar, error) {
	reply, err := c.Execute(ctx, "cvarlist")
	if err != nil {
		return nil, err
	}
	text, err := Encoding{}.Decode(reply.Body)
	if err != nil {
		return nil, err
	}
	return ParseCVars(text), nil
}

// ParseCVars reads the output of cvarlist; lines that are not of its form are
// left out.
func ParseCVars(text string) []CVar {
	var list []CVar
	for line := range strings.Lines(text) {
		if v, ok := parseCVar(strings.TrimRight(line, "\r\n")); ok && len(list) < maxCVars {
			list = append(list, v)
		}
	}
	return list
}

// parseCVar reads "name : value : flags : description". Value and description
// may hold the separator themselves, so the flags, which look like nothing
// else, are looked for.
func parseCVar(line string) (CVar, bool) {
	parts := strings.Split(strings.ReplaceAll(line+" ", " : : ", " :  : "), " : ")
	if len(parts) < 4 {
		return CVar{}, false
	}
	name := strings.TrimSpace(parts[0])
	if name == "" || strings.ContainsAny(name, " \t\"") {
		return CVar{}, false
	}
	at := 2 + slices.IndexFunc(parts[2:len(parts)-1], isFlags)
	if at < 2 {
		at = 2
	}
	v := CVar{
		Name:        name,
		Value:       strings.TrimSpace(strings.Join(parts[1:at], " : ")),
		Description: strings.TrimSpace(strings.Join(parts[at+1:], " : ")),
	}
	for flag := range strings.SplitSeq(parts[at], ",") {
		if flag = strings.Trim(strings.TrimSpace(flag), `"`); flag != "" {
			v.Flags = append(v.Flags, flag)
		}
	}
	slices.Sort(v.Flags)
	v.Flags = slices.Compact(v.Flags)
	if v.Value == "cmd" {
		v.Value, v.Command = "", true
	}
	return v, true
}

// isFlags reports whether a field is blank or a list such as , "sv", "nf".
func isFlags(field string) bool {
	for flag := range strings.SplitSeq(field, ",") {
		flag = strings.TrimSpace(flag)
		if flag == "" {
			continue
		}
		if len(flag) < 2 || flag[0] != '"' || flag[len(flag)-1] != '"' {
			return false
		}
	}
	return true
}
