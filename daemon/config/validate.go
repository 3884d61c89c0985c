package config

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// sourceNames are the mod sources this version has.
var sourceNames = []string{"folder", "steam-url", "peers", "steamcmd"}

// check collects the faults of finished values.
type check struct{ problems []Problem }

func (c *check) that(ok bool, key, format string, args ...any) {
	if !ok {
		c.problems = append(c.problems, Problem{Key: key, Message: fmt.Sprintf(format, args...)})
	}
}

// Validate returns every value that cannot be used. It looks at values only:
// whether a folder exists or a port is free is found out at start.
func (c *Config) Validate() []Problem {
	var k check
	c.HTTP.validate(&k)
	c.Database.validate(&k)
	c.Log.validate(&k)
	c.Limits.validate(&k)
	c.Steam.validate(&k)
	c.SteamCMD.validate(&k)
	c.Workshop.validate(&k)
	c.Mail.validate(&k)
	c.Demos.validate(&k)
	c.Metaserver.validate(&k)
	c.A2S.validate(&k)
	return k.problems
}

func (h HTTP) validate(k *check) {
	k.that(len(h.Listen) > 0, "http.listen", "at least one address is needed, for example [\":27020\"]")
	for i, addr := range h.Listen {
		k.that(validListen(addr), fmt.Sprintf("http.listen[%d]", i), "%q is not an address; write host:port or \":27020\"", addr)
	}
	if h.PublicURL != "" {
		k.that(validURL(h.PublicURL), "http.public_url", "%q is not an address such as \"http://mods.example.org:27020\"", h.PublicURL)
	}
	k.networks("http.trusted_proxies", h.TrustedProxies)
}

func (d Database) validate(k *check) {
	if d.URL == "" || strings.HasPrefix(d.URL, "@") {
		return
	}
	u, err := url.Parse(d.URL)
	k.that(err == nil && (u.Scheme == "postgres" || u.Scheme == "postgresql"), "database.url",
		"must be empty (SQLite in the data directory) or begin with postgres://")
}

func (l Log) validate(k *check) {
	k.oneOf("log.level", l.Level, "debug", "info", "warn", "error")
	k.oneOf("log.format", l.Format, "auto", "text", "json")
	k.oneOf("log.request_headers", l.RequestHeaders, "off", "first")
}

func (l Limits) validate(k *check) {
	k.that(l.MaxConns >= 16, "limits.max_conns", "must be at least 16, not %d", l.MaxConns)
	k.that(l.MaxConnsPerIP >= 1, "limits.max_conns_per_ip", "must be at least 1, not %d", l.MaxConnsPerIP)
	k.that(l.PerIPRPS > 0, "limits.per_ip_rps", "must be more than 0, not %g", l.PerIPRPS)
	k.that(l.LoginPerMinute >= 1, "limits.login_per_minute", "must be at least 1, not %d", l.LoginPerMinute)
	k.that(l.MissPerMinute >= 1, "limits.miss_per_minute", "must be at least 1, not %d", l.MissPerMinute)
	k.networks("limits.exempt", l.Exempt)
	l.validateRates(k)
}

func (s Steam) validate(k *check) {
	k.that(validURL(s.APIURL), "steam.api_url", "%q is not an http:// or https:// address", s.APIURL)
	k.that(s.DailyLimit >= 1, "steam.daily_limit", "must be at least 1, not %d", s.DailyLimit)
	k.that(s.StoreURL == "" || validURL(s.StoreURL), "steam.store_url", "%q is not an http:// or https:// address", s.StoreURL)
	k.that(s.StoreCountry == "" || countryCode.MatchString(s.StoreCountry), "steam.store_country",
		"%q is not a country; write its two letters, for example \"us\"", s.StoreCountry)
	k.that(validURL(s.CommunityURL), "steam.community_url", "%q is not an http:// or https:// address", s.CommunityURL)
}

// countryCode matches the codes of ISO 3166-1 alpha-2 in either case.
var countryCode = regexp.MustCompile(`^[A-Za-z]{2}$`)

// accountName matches the names that Steam gives accounts. White space, which
// would let a password or a command in, does not match.
var accountName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.@-]{0,63}$`)

func (s SteamCMD) validate(k *check) {
	// The value is not repeated: it may hold a password.
	k.that(accountName.MatchString(s.Login), "steamcmd.login",
		"must be \"anonymous\" or the name of a Steam account; a password has no place there")
	k.that(s.Workers >= 1 && s.Workers <= 4, "steamcmd.workers", "must be from 1 to 4, not %d", s.Workers)
}

func (w Workshop) validate(k *check) {
	for i, root := range w.Roots {
		k.that(strings.TrimSpace(root) != "", fmt.Sprintf("workshop.roots[%d]", i), "is empty; write the path of a Workshop folder")
	}
	if w.Mount != "" {
		k.that(strings.HasPrefix(w.Mount, "/") && !strings.HasSuffix(w.Mount, "/") && !strings.ContainsAny(w.Mount, "?#% "),
			"workshop.mount", "%q must begin with a slash and not end with one, for example \"/ns2\"", w.Mount)
	}
	seen := map[string]bool{}
	for i, s := range w.Sources {
		key := fmt.Sprintf("workshop.sources[%d]", i)
		k.that(slices.Contains(sourceNames, s), key, "%q is not a source; this version has %s", s, quoteList(sourceNames))
		k.that(!seen[s], key, "%q stands in the list twice", s)
		seen[s] = true
	}
	k.that(w.Parallel >= 1 && w.Parallel <= 64, "workshop.parallel", "must be from 1 to 64, not %d", w.Parallel)
	k.that(w.MaxItemBytes > 0, "workshop.max_item_bytes", "must be more than 0")
	k.that(w.Monitor.Interval.Std() >= time.Minute, "workshop.monitor.interval", "must be at least 1m, not %s", w.Monitor.Interval)
	w.validatePeers(k)
	w.Catalog.validate(k)
	w.validateFastDL(k)
	w.validateServers(k)
}

func (k *check) oneOf(key, value string, allowed ...string) {
	k.that(slices.Contains(allowed, value), key, "%q is not one of %s", value, quoteList(allowed))
}

func (k *check) networks(key string, values []string) {
	for i, v := range values {
		_, errPrefix := netip.ParsePrefix(v)
		_, errAddr := netip.ParseAddr(v)
		k.that(errPrefix == nil || errAddr == nil, fmt.Sprintf("%s[%d]", key, i),
			"%q is not an address or a network; write for example \"10.0.0.1\" or \"10.0.0.0/8\"", v)
	}
}

func validListen(addr string) bool {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return false
	}
	n, err := strconv.Atoi(port)
	return err == nil && n >= 0 && n <= 65535 && !strings.ContainsAny(host, " /")
}

func validURL(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && u.User == nil
}

func quoteList(items []string) string {
	quoted := make([]string, len(items))
	for i, s := range items {
		quoted[i] = strconv.Quote(s)
	}
	return strings.Join(quoted, ", ")
}

func maskURL(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return Masked
	}
	return u.Redacted()
}

func (p Problem) asError() error { return errors.New(p.String()) }
