package cli

import (
	"strconv"
	"strings"

	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// lists names the commands that show the numbers of things.
var lists = map[string]string{
	"clan": "clans list", "match": "matches list", "server": "serverlist list", "skin": "skins list",
}

// numberOf reads the number of something, with or without "#".
func numberOf(text, what string) (int64, error) {
	n, err := strconv.ParseInt(strings.TrimPrefix(text, "#"), 10, 64)
	if err != nil || n < 1 {
		return 0, fault.New(fault.Invalid, "%q is not the number of a %s", text, what).
			WithHint("quartermaster %s shows the numbers", lists[what])
	}
	return n, nil
}

// absent says which number does not exist, and where to find those that do.
// Other errors stay as they are.
func absent(err error, what string, id int64) error {
	if !fault.Is(err, fault.NotFound) {
		return err
	}
	return fault.New(fault.NotFound, "There is no %s #%d", what, id).
		WithHint("quartermaster %s shows the numbers", lists[what])
}
