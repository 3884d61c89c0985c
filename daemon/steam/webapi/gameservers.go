package webapi

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
)

// Methods of IGameServersService.
const (
	pathFakeIP     = "/IGameServersService/QueryByFakeIP/v1"
	pathServerList = "/IGameServersService/GetServerList/v1"
)

// queryPing asks QueryByFakeIP for what a server answers to a ping.
const queryPing = "1"

// FakeServer reports whether a game server of an app is to be reached at an
// address of Steam Datagram Relay, which only Steam can look up. It needs an
// API key (ErrNoKey); the other errors are those of FileDetails.
func (c *Client) FakeServer(ctx context.Context, app uint32, address netip.AddrPort) (bool, error) {
	if !address.Addr().Is4() {
		return false, nil
	}
	ip := address.Addr().As4()
	var params query
	params.add("key", c.key)
	params.add("fake_ip", strconv.FormatUint(uint64(binary.BigEndian.Uint32(ip[:])), 10))
	params.add("fake_port", strconv.Itoa(int(address.Port())))
	params.add("app_id", strconv.FormatUint(uint64(app), 10))
	params.add("query_type", queryPing)
	return c.found(ctx, pathFakeIP, params, "ping_data")
}

// ServerAt reports whether Steam lists a game server at an address of its
// own. It needs an API key (ErrNoKey); the other errors are those of
// FileDetails.
func (c *Client) ServerAt(ctx context.Context, address netip.AddrPort) (bool, error) {
	var params query
	params.add("key", c.key)
	params.add("filter", `\gameaddr\`+address.String())
	return c.found(ctx, pathServerList, params, "servers")
}

// found asks a method and reports whether its answer has something under a
// name.
func (c *Client) found(ctx context.Context, path string, params query, name string) (found bool, err error) {
	if c.key == "" {
		return false, ErrNoKey
	}
	at := endpoint{http.MethodGet, strings.Replace(c.coll.url, pathCollection+"/", path+"/", 1)}
	err = c.call(ctx, at, params, func(body []byte) (limited bool, err error) {
		found, err = has(body, name)
		return false, err
	})
	return found && err == nil, err
}

// has reports whether the response in body holds a list or an object that is
// not empty.
func has(body []byte, name string) (bool, error) {
	var answer struct {
		Response map[string]json.RawMessage `json:"response"`
	}
	if err := json.Unmarshal(body, &answer); err != nil || answer.Response == nil {
		return false, fmt.Errorf("%w: no response", ErrNonsense)
	}
	switch strings.Join(strings.Fields(string(answer.Response[name])), "") {
	case "", "null", "[]", "{}", `""`, "false":
		return false, nil
	}
	return true, nil
}
