package workshop

import (
	"strconv"
	"strings"
)

// JSON returns what programs see of a Mod, a list of mods, a Version, a Job,
// JSON returns what programs see of a Mod, a list of mods, a Version, a Job, a
// Storage, a PeersStatus or a Tidied: the shape of the HTTP API, ready for json.Marshal. Any other
// value is returned as it is.
func (s *Service) JSON(v any) any {
	base := strings.TrimRight(s.options.PublicURL, "/")
	if base == "" {
		base = "http://localhost:" + strconv.Itoa(s.options.ListenPort)
	}
	switch v := v.(type) {
	case Mod:
		return s.modView(v, base)
	case []Mod:
		list := make([]modView, len(v))
		for i, m := range v {
			list[i] = s.modView(m, base)
		}
		return list
	case Version:
		item, _ := s.records.item(v.Name.Item)
		return s.modView(Mod{Item: v.Name.Item, Current: item.Updated, Versions: []Version{v}}, base).Versions[0]
	case Job:
		return s.jobView(v)
	case Storage:
		return s.storageView(v)
	case Tidied:
		return viewTidied(v)
	case PeersStatus:
		return viewPeers(v)
	}
	return v
}
