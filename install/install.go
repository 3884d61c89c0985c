// Package install holds the texts that make the daemon a system service: the
// systemd unit, its user, and the launchd property list. The packages ship
// the same files that "quartermaster service install" writes; only the
// command line is filled in. It imports nothing of ours.
package install

import (
	_ "embed"
	"encoding/xml"
	"fmt"
	"strings"
)

//go:embed quartermaster.service
var unit string

//go:embed quartermaster.sysusers
var sysusers string

//go:embed quartermaster.plist
var plist string

// Unit returns the systemd unit that runs the given command line, which must
// begin with an absolute path.
func Unit(command []string) (string, error) {
	quoted := make([]string, len(command))
	for i, arg := range command {
		q, err := quoteSystemd(arg)
		if err != nil {
			return "", err
		}
		quoted[i] = q
	}
	const packaged = "ExecStart=/usr/bin/quartermaster service run"
	return strings.Replace(unit, packaged, "ExecStart="+strings.Join(quoted, " "), 1), nil
}

// Sysusers returns the sysusers.d entry of the account the unit names.
func Sysusers() string { return sysusers }

// Plist returns the launchd property list that runs the given command line.
func Plist(command []string) (string, error) {
	var b strings.Builder
	for _, arg := range command {
		b.WriteString("\t\t<string>")
		if err := xml.EscapeText(&b, []byte(arg)); err != nil {
			return "", err
		}
		b.WriteString("</string>\n")
	}
	head, rest, _ := strings.Cut(plist, "\t<array>\n")
	_, tail, _ := strings.Cut(rest, "\t</array>\n")
	return head + "\t<array>\n" + b.String() + "\t</array>\n" + tail, nil
}

// quoteSystemd writes an argument as systemd.syntax(7) and systemd.service(5)
// read it: quotes around blanks, "%" and "$" doubled.
func quoteSystemd(arg string) (string, error) {
	if arg == "" || strings.ContainsAny(arg, "\x00\r\n") {
		return "", fmt.Errorf("%q cannot be written into a systemd unit", arg)
	}
	arg = strings.NewReplacer("%", "%%", "$", "$$", `\`, `\\`, `"`, `\"`).Replace(arg)
	if strings.ContainsAny(arg, " \t'\";\\") {
		return `"` + arg + `"`, nil
	}
	return arg, nil
}
