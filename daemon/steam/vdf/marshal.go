package vdf

import (
	"fmt"
	"strings"
)

var escaper = strings.NewReplacer("\\", `\\`, `"`, `\"`, "\n", `\n`, "\r", `\r`, "\t", `\t`)

// Marshal writes the pairs as text that Parse reads back as the same pairs.
// Each level is indented by indent, four spaces when it is empty. With "\t"
// the text has the shape of the files that Steam writes. It fails for a
// condition that could not be read back and for blocks nested deeper than
// DefaultMaxDepth.
func Marshal(b Block, indent string) ([]byte, error) {
	w := writer{indent: indent, between: " "}
	if indent == "" {
		w.indent = "    "
	}
	if indent == "\t" {
		w.between = "\t\t"
	}
	if strings.Trim(w.indent, " \t") != "" {
		return nil, fmt.Errorf("vdf: %q does not indent", indent)
	}
	if err := w.block(b, 0); err != nil {
		return nil, err
	}
	return []byte(w.String()), nil
}

type writer struct {
	strings.Builder
	indent, between string
}

func (w *writer) block(b Block, depth int) error {
	if depth > DefaultMaxDepth {
		return fmt.Errorf("vdf: blocks are nested deeper than %d", DefaultMaxDepth)
	}
	margin := strings.Repeat(w.indent, depth)
	for _, p := range b {
		condition := ""
		if p.Condition != "" {
			condition = " [" + p.Condition + "]"
			if !isCondition([]byte(condition[1:])) || strings.ContainsAny(p.Condition, "]\n") {
				return fmt.Errorf("vdf: %q is no condition", p.Condition)
			}
		}
		w.WriteString(margin + `"` + escaper.Replace(p.Key) + `"`)
		if p.Block == nil {
			w.WriteString(w.between + `"` + escaper.Replace(p.Value) + `"` + condition + "\n")
			continue
		}
		w.WriteString(condition + "\n" + margin + "{\n")
		if err := w.block(p.Block, depth+1); err != nil {
			return err
		}
		w.WriteString(margin + "}\n")
	}
	return nil
}
