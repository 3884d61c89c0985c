package config

import (
	"encoding/json"
	"fmt"
	"math"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// What the original uses when a key is not in its file.
const (
	backupHost   = "0.0.0.0"
	backupPort   = 27020
	backupAPIURL = "https://api.steampowered.com/IPublishedFileService/GetDetails/v1/"
)

// apps reads a list of Steam app ids; an empty one means any app.
func (im *importer) apps(key string, value any) {
	if list, ok := im.appList(key, value); ok {
		im.set(key, "workshop.apps", list, "")
	}
}

// appsByManual reads the spelling that the original's manual names and its
// program never looked at.
func (im *importer) appsByManual(key string, value any) {
	if n, ok := value.(json.Number); ok {
		value = []any{n}
	}
	list, ok := im.appList(key, value)
	if !ok {
		return
	}
	if slices.ContainsFunc(im.out.Mappings, func(m Mapping) bool { return m.To == "workshop.apps" }) {
		im.warn(key, "", "", "left out, since ALLOWED_APP_IDS is there too; the original ignored this key")
		return
	}
	im.warn(key, "workshop.apps", list, "the original ignored this key, which its manual names; from now on it counts")
}

func (im *importer) appList(key string, value any) (string, bool) {
	list, ok := value.([]any)
	if !ok {
		im.fail(key, "must be a list of app ids, not %s", jsonKind(value))
		return "", false
	}
	var ids []string
	for i, v := range list {
		n, ok := im.whole(fmt.Sprintf("%s[%d]", key, i), v)
		if !ok {
			continue
		}
		if n < 1 || n > math.MaxUint32 {
			im.fail(fmt.Sprintf("%s[%d]", key, i), "%d is not a Steam app id", n)
			continue
		}
		if id := strconv.FormatInt(n, 10); !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return tomlList(ids), true
}

// importItems returns the reader of a list of Workshop ids, which are always
// hexadecimal in this file, digits alone included.
func importItems(to string) func(*importer, string, any) {
	return func(im *importer, key string, value any) {
		list, ok := value.([]any)
		if !ok {
			im.fail(key, "must be a list of Workshop ids, not %s", jsonKind(value))
			return
		}
		var ids []string
		odd := 0
		for i, v := range list {
			id, canonical, ok := im.item(fmt.Sprintf("%s[%d]", key, i), v)
			if !ok {
				continue
			}
			if !canonical {
				odd++
			}
			if text := tomlString(id.String()); !slices.Contains(ids, text) {
				ids = append(ids, text)
			}
		}
		// The monitor's list was read as numbers, the other two as texts.
		if odd > 0 && to != "workshop.monitor.ids" {
			im.warn(key, to, tomlList(ids), fmt.Sprintf("%d of the ids had capitals, zeros or a prefix, so the original never matched them; from now on they count", odd))
			return
		}
		im.set(key, to, tomlList(ids), "")
	}
}

// item reads one id. canonical is false when the original would have compared
// the text with its own spelling in vain.
func (im *importer) item(key string, value any) (id Item, canonical, ok bool) {
	text, ok := value.(string)
	if n, number := value.(json.Number); number {
		im.fail(key, "must be a hexadecimal text such as \"706d242\"; write the number %s in quotes if it is hexadecimal, else convert it", n)
		return 0, false, false
	}
	if !ok {
		im.fail(key, "must be a hexadecimal text such as \"706d242\", not %s", jsonKind(value))
		return 0, false, false
	}
	digits := strings.ToLower(strings.TrimSpace(text))
	if rest, found := strings.CutPrefix(digits, "0x"); found {
		digits = rest
	} else {
		digits = strings.TrimPrefix(digits, "m")
	}
	n, err := strconv.ParseUint(digits, 16, 64)
	if err != nil || n == 0 {
		im.fail(key, "%q is not a Workshop id in hexadecimal, such as \"706d242\"", text)
		return 0, false, false
	}
	return Item(n), text == strconv.FormatUint(n, 16), true
}

func (im *importer) monitorInterval(key string, value any) {
	d, ok := im.seconds(key, value)
	switch {
	case !ok:
	case d < Duration(time.Minute):
		im.warn(key, "workshop.monitor.interval", `"1m"`, "shorter intervals are not possible")
	default:
		im.set(key, "workshop.monitor.interval", tomlString(d.String()), "")
	}
}

func (im *importer) overlap(key string, value any) {
	if d, ok := im.seconds(key, value); ok {
		im.set(key, "workshop.retention.overlap", tomlString(d.String()), "")
	}
}

// listen joins INTERFACE and PORT when it meets the first of them.
func (im *importer) listen(_ string, _ any) {
	if im.listens {
		return
	}
	im.listens = true
	host, port, from := backupHost, int64(backupPort), []string{}
	if v, ok := im.source["INTERFACE"]; ok {
		from = append(from, "INTERFACE")
		if host, ok = v.(string); !ok {
			im.fail("INTERFACE", "must be an address in quotes, not %s", jsonKind(v))
		} else if strings.Trim(strings.ToLower(host), "abcdefghijklmnopqrstuvwxyz0123456789.:-_%") != "" {
			im.fail("INTERFACE", "%q is not an address", host)
		}
	}
	if v, ok := im.source["PORT"]; ok {
		from = append(from, "PORT")
		if port, ok = im.whole("PORT", v); ok && (port < 1 || port > 65535) {
			im.fail("PORT", "%d is not a port; it must be from 1 to 65535", port)
		}
	}
	note := ""
	if host == backupHost || host == "" {
		note = fmt.Sprintf("\":%d\" would listen on IPv6 too", port)
	}
	address := net.JoinHostPort(host, strconv.FormatInt(port, 10))
	im.set(strings.Join(from, ", "), "http.listen", tomlList([]string{tomlString(address)}), note)
}

func (im *importer) parallel(key string, value any) {
	n, ok := im.whole(key, value)
	switch {
	case !ok:
	case n < 1 || n > 64:
		im.warn(key, "workshop.parallel", strconv.FormatInt(min(max(n, 1), 64), 10), "must be from 1 to 64")
	default:
		im.set(key, "workshop.parallel", strconv.FormatInt(n, 10), "")
	}
}

func (im *importer) log(key string, value any) {
	on, ok := value.(bool)
	switch {
	case !ok:
		im.fail(key, "must be true or false, not %s", jsonKind(value))
	case on:
		im.set(key, "log.level", `"debug"`, "")
	default:
		im.same(key, "log.level", "off, as is our default \"info\"")
	}
}

// apiURL keeps a mirror of the Steam Web API. The original's key holds the
// address of one call, ours the part before it.
func (im *importer) apiURL(key string, value any) {
	text, ok := value.(string)
	if !ok {
		im.fail(key, "must be an address in quotes, not %s", jsonKind(value))
		return
	}
	if strings.TrimRight(text, "/") == strings.TrimRight(backupAPIURL, "/") || text == "" {
		im.same(key, "steam.api_url", "the official address, as is our default")
		return
	}
	u, err := url.Parse(text)
	// The text is not repeated: such an address may hold a key.
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil {
		im.fail(key, "must be an http:// or https:// address without a user name")
		return
	}
	query := u.RawQuery != "" || u.Fragment != ""
	u.RawQuery, u.Fragment = "", ""
	base, stripped := strings.TrimRight(u.String(), "/"), false
	for _, call := range []string{"/IPublishedFileService/GetDetails/v1", "/ISteamRemoteStorage/GetPublishedFileDetails/v1"} {
		if rest, ok := strings.CutSuffix(base, call); ok {
			base, stripped = rest, true
		}
	}
	switch {
	case query:
		im.warn(key, "steam.api_url", tomlString(base), "what followed the path was left out; we add the parameters")
	case !stripped:
		im.warn(key, "steam.api_url", tomlString(base), "we add /IPublishedFileService/GetDetails/v1/ and the other calls; check that the mirror has them there")
	default:
		im.set(key, "steam.api_url", tomlString(base), "")
	}
}

// apiKey hands the key to the caller; it is in no text we make.
func (im *importer) apiKey(key string, value any) {
	text, ok := value.(string)
	text = strings.TrimSpace(text)
	switch {
	case !ok:
		im.fail(key, "must be a text in quotes") // the value is not repeated
	case text == "":
		im.same(key, "steam.api_key_file", "empty; no key is needed")
	case im.options.KeyFile == "":
		im.out.APIKey = text
		im.warn(key, "steam.api_key_file", "", "left out; give it to us in a file of its own, or in QUARTERMASTER_STEAM_API_KEY")
	default:
		im.out.APIKey = text
		im.set(key, "steam.api_key_file", tomlString(im.options.KeyFile), "in a file of its own that only its owner can read")
	}
}

// whole reads a whole number; 4.0 is one.
func (im *importer) whole(key string, value any) (int64, bool) {
	number, ok := value.(json.Number)
	if !ok {
		im.fail(key, "must be a whole number, not %s", jsonKind(value))
		return 0, false
	}
	if n, err := number.Int64(); err == nil {
		return n, true
	}
	f, err := number.Float64()
	if err != nil || f != math.Trunc(f) || math.Abs(f) >= 1<<53 {
		im.fail(key, "must be a whole number, not %s", number)
		return 0, false
	}
	return int64(f), true
}

// seconds reads a length of time, which the original writes as a number.
func (im *importer) seconds(key string, value any) (Duration, bool) {
	const century = 100 * 365 * 24 * 3600
	number, ok := value.(json.Number)
	if !ok {
		im.fail(key, "must be a number of seconds, not %s", jsonKind(value))
		return 0, false
	}
	f, err := number.Float64()
	if err != nil || f < 0 || f > century {
		im.fail(key, "must be a number of seconds from 0 to a hundred years, not %s", number)
		return 0, false
	}
	return Duration(f * float64(time.Second)), true
}

// jsonKind names the type of a decoded value.
func jsonKind(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case bool:
		return "true or false"
	case json.Number:
		return "the number " + v.String()
	case string:
		return "a text"
	case []any:
		return "a list"
	}
	return "an object"
}
