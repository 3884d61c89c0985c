package cli

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/quartermasterd/quartermaster/daemon/durable"
	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// writeFile replaces the file at path as a whole. A folder that is missing is
// named, since that is where a mistyped path shows.
func writeFile(path string, text []byte, perm fs.FileMode) error {
	dir := filepath.Dir(path)
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return fault.New(fault.NotFound, "the folder %s does not exist", dir).WithHint("make it first")
	}
	return durable.Replace(durable.Disk, path, perm, func(w io.Writer) error {
		_, err := w.Write(text)
		return err
	})
}
