package steamtest

import (
	"encoding/binary"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// PutServers adds game servers that Steam knows, as ip:port. Addresses in
// 169.254.0.0/16 are those of Steam Datagram Relay.
func (s *Steam) PutServers(addresses ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.servers == nil {
		s.servers = map[string]bool{}
	}
	for _, a := range addresses {
		s.servers[a] = true
	}
}

// queryByFakeIP answers as IGameServersService does: an unknown address has
// an empty response.
func (s *Steam) queryByFakeIP(c Call) any {
	form, _ := url.ParseQuery(c.RawQuery)
	ip, _ := strconv.ParseUint(form.Get("fake_ip"), 10, 32)
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], uint32(ip))
	known, ok := s.server(c, netip.AddrFrom4(b).String()+":"+form.Get("fake_port"))
	switch {
	case !ok:
		return nil
	case !known:
		return map[string]any{}
	}
	return map[string]any{"ping_data": map[string]any{"server_ip": map[string]any{"v4": ip}, "app_id": 440, "map": "pl_pier"}}
}

// getServerList answers a filter for one address.
func (s *Steam) getServerList(c Call) any {
	form, _ := url.ParseQuery(c.RawQuery)
	address := strings.TrimPrefix(form.Get("filter"), `\gameaddr\`)
	known, ok := s.server(c, address)
	switch {
	case !ok:
		return nil
	case !known:
		return map[string]any{}
	}
	return map[string]any{"servers": []any{map[string]any{"addr": address, "appid": 440, "gamedir": "tf"}}}
}

// server looks an address up; ok is false when the key is wrong.
func (s *Steam) server(c Call, address string) (known, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.servers[address], c.Key != "" && (s.key == "" || c.Key == s.key)
}
