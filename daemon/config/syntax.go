package config

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/BurntSushi/toml"
)

// syntaxMessage says what is wrong with a file that is not TOML, and in which
// column. It repeats neither the lines of the file nor values in them: the
// message goes into the log, and what is broken may be a secret.
func syntaxMessage(e toml.ParseError) string {
	what := strings.TrimRight(e.Message, ".")
	if !strings.HasPrefix(what, "Key ") { // the names of keys are none
		what = valueInMessage().ReplaceAllString(what, "${1} what stands there")
		what = strings.ReplaceAll(strings.TrimSpace(what), "  ", " ")
	}
	return fmt.Sprintf("this is not valid TOML, from column %d on: %s", e.Position.Col, what)
}

// valueInMessage matches what the parser repeats of a value: a text in double
// quotes, or in single ones at the end, or a number. Shorter ones are parts of
// the grammar.
func valueInMessage() *regexp.Regexp {
	return regexp.MustCompile(`"(?:\\.|[^"\\]){4,}"|(: )'[^']{4,}'|[-+]?[0-9][0-9._eE+-]{3,}`)
}
