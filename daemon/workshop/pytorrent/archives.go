package pytorrent

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// Archive is the zip of a mod.
type Archive struct {
	Path string
	Size int64
	Game int64 // Steam app id of the folder that it lies in
}

// Archives are the zips of all mods, by the id of the mod: usually one each.
type Archives map[int64][]Archive

// Archives lists the archives of the installation. Only regular files count.
func (in *Installation) Archives() (Archives, error) {
	root := filepath.Join(in.dir, filepath.FromSlash(contentDir))
	apps, err := os.ReadDir(root)
	if errors.Is(err, fs.ErrNotExist) {
		return Archives{}, nil
	}
	if err != nil {
		return nil, fault.Wrap(err, fault.Forbidden, "%s cannot be read", root)
	}
	found := Archives{}
	for _, app := range apps {
		game, err := strconv.ParseInt(app.Name(), 10, 64)
		if err != nil || !app.IsDir() {
			continue
		}
		files, err := os.ReadDir(filepath.Join(root, app.Name()))
		if err != nil {
			return nil, fault.Wrap(err, fault.Forbidden, "%s cannot be read", filepath.Join(root, app.Name()))
		}
		for _, f := range files {
			stem, isZip := cutZip(f.Name())
			id, err := strconv.ParseInt(stem, 10, 64)
			if err != nil || !isZip || strconv.FormatInt(id, 10) != stem || !f.Type().IsRegular() {
				continue
			}
			info, err := f.Info()
			if err != nil {
				continue // gone meanwhile
			}
			found[id] = append(found[id], Archive{filepath.Join(root, app.Name(), f.Name()), info.Size(), game})
		}
	}
	return found, nil
}

func cutZip(name string) (stem string, ok bool) {
	ext := filepath.Ext(name)
	return name[:len(name)-len(ext)], ext == ".zip"
}

// Find returns the archive of a mod of a game, 0 if unknown.
func (a Archives) Find(id, game int64) (Archive, bool) {
	var best Archive
	for _, x := range a[id] {
		if x.Game == game {
			return x, true
		}
		best = x
	}
	return best, best.Path != ""
}
