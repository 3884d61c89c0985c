// Package config holds every setting of the daemon: what the keys are, what
// they default to, how a file, the environment and flags are read over each
// other, and which values are refused. It reads files and the environment
// and nothing else; it opens no port and no database.
//
// A Config is plain data. It is safe to read from many goroutines once Load
// has returned, and nothing in the daemon changes it afterwards.
package config

import "time"

// Config is the whole configuration; one field per TOML table. The `toml`
// tag is the key, and together with the table's name it is the path used in
// errors, in the environment (QUARTERMASTER_SECTION_KEY) and in the manual.
type Config struct {
	HTTP     HTTP     `toml:"http"`
	Data     Data     `toml:"data"`
	Database Database `toml:"database"`
	Log      Log      `toml:"log"`
	Metrics  Metrics  `toml:"metrics"`
	Limits   Limits   `toml:"limits"`
	Accounts Accounts `toml:"accounts"`
	Mail     Mail     `toml:"mail"`
	Steam    Steam    `toml:"steam"`
	SteamCMD SteamCMD `toml:"steamcmd"`
	Workshop Workshop `toml:"workshop"`
	Demos    Demos    `toml:"demos"`

	Metaserver Metaserver `toml:"metaserver"`
	A2S        A2S        `toml:"a2s"`
}

// HTTP is the plain HTTP side. Game clients need plain HTTP without redirects.
type HTTP struct {
	// Listen holds host:port addresses; an empty host means every address,
	// IPv4 and IPv6.
	Listen []string `toml:"listen"`
	// PublicURL is how the outside reaches us, for example
	// "http://mods.example.org:27020". Empty: derived from the request.
	PublicURL string `toml:"public_url"`
	// TrustedProxies are addresses or CIDR networks whose X-Forwarded-For
	// and X-Forwarded-Proto headers are believed.
	TrustedProxies []string `toml:"trusted_proxies"`
}

// Data says where state lives.
type Data struct {
	// Dir is the data directory. Empty: /var/lib/quartermaster for the
	// service, the user's data directory in the foreground.
	Dir string `toml:"dir"`
}

// Database selects the database.
type Database struct {
	// URL is empty for SQLite inside the data directory, or a postgres:// URL.
	URL string `toml:"url" secret:"true"`
	// URLFile names a file that holds URL.
	URLFile string `toml:"url_file"`
}

// Log configures what is written to standard error.
type Log struct {
	// Level is debug, info, warn or error.
	Level string `toml:"level"`
	// Format is auto (text on a terminal, journal-friendly under systemd),
	// text or json.
	Format string `toml:"format"`
	// RequestHeaders is off or first: with first, the request headers of the
	// first requests of each User-Agent on the game-client face are logged,
	// which is how operators learn what a closed client really sends.
	RequestHeaders string `toml:"request_headers"`
}

// Metrics configures /metrics.
type Metrics struct {
	Enabled bool `toml:"enabled"`
	// Token is the bearer token that opens /metrics to other hosts; without
	// one only loopback may read it.
	Token     string `toml:"token" secret:"true"`
	TokenFile string `toml:"token_file"`
}

// Limits bounds what strangers can make the daemon do.
type Limits struct {
	// MaxConns bounds open client connections over all listeners.
	MaxConns int `toml:"max_conns"`
	// MaxConnsPerIP bounds them per IPv4 address or IPv6 /64.
	MaxConnsPerIP int `toml:"max_conns_per_ip"`
	// PerIPRPS bounds API requests per second per IPv4 address or IPv6 /64.
	PerIPRPS float64 `toml:"per_ip_rps"`
	// LoginPerMinute bounds sign-in attempts per address.
	LoginPerMinute int `toml:"login_per_minute"`
	// MissPerMinute bounds requests per address that would start work for a
	// mod we do not have; above it the answer is 429.
	MissPerMinute int `toml:"miss_per_minute"`
	// Exempt are addresses or CIDR networks that neither the per-address
	// limits nor the byte rates apply to.
	Exempt []string `toml:"exempt"`

	// DownloadRate bounds what all clients together take from us, and
	// DownloadRatePerClient what one IPv4 address or IPv6 /64 takes, however
	// many connections it has.
	DownloadRate          Rate `toml:"download_rate"`
	DownloadRatePerClient Rate `toml:"download_rate_per_client"`
	// UploadRate bounds what comes in: the bodies of requests, and what the
	// sources of mods fetch, together.
	UploadRate Rate `toml:"upload_rate"`
	// TimeZone is the zone of the schedule; empty: this machine's.
	TimeZone string `toml:"time_zone"`
	// Schedule are parts of the day with other rates.
	Schedule []LimitSchedule `toml:"schedule"`
}

// Accounts configures who can be signed in, and how.
type Accounts struct {
	// SteamSignIn lets people sign in through Steam. Players need it to get
	// a key for recordings by themselves.
	SteamSignIn bool `toml:"steam_sign_in"`
}

// Steam configures the Steam Web API.
type Steam struct {
	// APIKey is optional; without it the key-less calls are used.
	APIKey     string `toml:"api_key" secret:"true"`
	APIKeyFile string `toml:"api_key_file"`
	// APIURL is the base of the Web API.
	APIURL string `toml:"api_url"`
	// DailyLimit bounds Web API calls per UTC day.
	DailyLimit int `toml:"daily_limit"`
	// StoreURL is the Steam store, which says what the games of mods are.
	// Empty: it is never asked.
	StoreURL string `toml:"store_url"`
	// StoreCountry is the country, in two letters, whose store is asked.
	// Empty: that of our address.
	StoreCountry string `toml:"store_country"`
	// CommunityURL is Steam's community site.
	CommunityURL string `toml:"community_url"`
	// CommunityPages reads the pages of items there, for what Steam does not
	// tell without a key. With a key no page is read.
	CommunityPages bool `toml:"community_pages"`
}

// SteamCMD configures Valve's program that downloads items which have no
// download address.
type SteamCMD struct {
	// Path is the program, or the folder that holds it. Empty: it is not used.
	Path string `toml:"path"`
	// Login is "anonymous", or the name of an account whose credentials
	// SteamCMD has cached. A password is never configured.
	Login string `toml:"login"`
	// Workers is how many run at once. An account has one.
	Workers int `toml:"workers"`
}

// Workshop configures the library of mods and its faces.
type Workshop struct {
	Enabled bool `toml:"enabled"`
	// Roots are existing Workshop folders that hold m<hex>_<version>.zip
	// files and m<hex>_<version> folders, or items as Steam installs them:
	// content/<app>/<id> with appworkshop_<app>.acf. They are only ever read.
	Roots []string `toml:"roots"`
	// Mount is an additional path prefix for the game-client face, "/ns2".
	Mount string `toml:"mount"`
	// Apps are the app ids whose items may be fetched; empty: any.
	Apps []uint32 `toml:"apps"`
	// Allow and Deny are Workshop items; see ParseItem for the spellings. An
	// empty Allow admits every item.
	Allow []Item `toml:"allow"`
	Deny  []Item `toml:"deny"`
	// Sources are asked in this order: folder, steam-url, peers, steamcmd.
	Sources []string `toml:"sources"`
	// Parallel bounds downloads at the same time.
	Parallel int `toml:"parallel"`
	// MaxItemBytes bounds one item.
	MaxItemBytes Size `toml:"max_item_bytes"`
	// FetchCurrentOnMiss fetches the current version of an item when another
	// version was asked for and is not to be had.
	FetchCurrentOnMiss bool `toml:"fetch_current_on_miss"`
	// ServeBanned keeps serving what we hold of an item that Steam banned.
	ServeBanned bool `toml:"serve_banned"`

	NS2       NS2       `toml:"ns2"`
	Monitor   Monitor   `toml:"monitor"`
	Retention Retention `toml:"retention"`
	// Peers are other backup servers, which the source "peers" asks.
	Peers   []Peer  `toml:"peers"`
	Catalog Catalog `toml:"catalog"`
	// FastDL are trees of game files, each at an address of its own.
	FastDL []FastDL `toml:"fastdl"`
	// Servers are game servers whose mods are watched.
	Servers []Server `toml:"servers"`
}

// NS2 configures the Natural Selection 2 face.
type NS2 struct {
	// KeepAlive keeps connections open between requests. Off is the only
	// behaviour that real game clients have ever met.
	KeepAlive bool `toml:"keep_alive"`
	// ReasonPhrases sends the original's reason texts in the status line of
	// answers that close the connection.
	ReasonPhrases bool `toml:"reason_phrases"`
}

// Monitor configures which items are kept current without being asked for.
type Monitor struct {
	IDs []Item `toml:"ids"`
	// Collections are Workshop collections whose items are monitored.
	Collections []Item `toml:"collections"`
	// Mapcycle names NS2 MapCycle.json files whose mods are monitored.
	Mapcycle []string `toml:"mapcycle"`
	// Requested keeps items current that clients asked for within this time
	// and of which a version is stored; 0: none.
	Requested Duration `toml:"requested"`
	Interval  Duration `toml:"interval"`
}

// Retention configures what may be deleted.
type Retention struct {
	// Overlap is how long a superseded version stays after the newer one
	// became available here and after its own last request.
	Overlap Duration `toml:"overlap"`
	// MaxBytes bounds what is stored of mods; 0: only the disk does. What may
	// go makes room; what may not stops downloads.
	MaxBytes Size `toml:"max_bytes"`
	// MinFree stops downloads before the disk has less than this free.
	MinFree Size `toml:"min_free"`
	// KeepIrreplaceable never deletes a version that no source can supply.
	KeepIrreplaceable bool `toml:"keep_irreplaceable"`
}

// Default returns the configuration that applies when nothing is set. It is
// equal to config.example.toml.
func Default() Config {
	return Config{
		HTTP:    HTTP{Listen: []string{":27020"}, TrustedProxies: []string{}},
		Log:     Log{Level: "info", Format: "auto", RequestHeaders: "first"},
		Metrics: Metrics{Enabled: true},
		Limits: Limits{
			MaxConns: 4096, MaxConnsPerIP: 64, PerIPRPS: 50, LoginPerMinute: 20, MissPerMinute: 120,
			Exempt:   []string{"127.0.0.0/8", "::1/128", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"},
			Schedule: []LimitSchedule{},
		},
		Steam: Steam{
			APIURL: "https://api.steampowered.com", DailyLimit: 50000, StoreURL: "https://store.steampowered.com", StoreCountry: "us",
			CommunityURL: "https://steamcommunity.com", CommunityPages: true,
		},
		Accounts: Accounts{SteamSignIn: true},
		Mail:     defaultMail(),
		SteamCMD: SteamCMD{Login: "anonymous", Workers: 1},
		Workshop: Workshop{
			Enabled: true, Roots: []string{}, Apps: []uint32{4920}, Allow: []Item{}, Deny: []Item{},
			Sources: []string{"folder", "steam-url", "peers", "steamcmd"}, Parallel: 4,
			MaxItemBytes: 2 << 30, FetchCurrentOnMiss: true, ServeBanned: true,
			NS2:       NS2{ReasonPhrases: true},
			Monitor:   Monitor{IDs: []Item{}, Collections: []Item{}, Mapcycle: []string{}, Requested: Duration(720 * time.Hour), Interval: Duration(10 * time.Minute)},
			Retention: Retention{Overlap: Duration(168 * time.Hour), MinFree: 5 << 30, KeepIrreplaceable: true},
			Peers:     []Peer{},
			Catalog:   Catalog{DependenciesFilter: FilterReadme, TimeZone: "UTC"},
			FastDL:    []FastDL{},
			Servers:   []Server{},
		},
		Demos: defaultDemos(), Metaserver: defaultMetaserver(),
		A2S: defaultA2S(),
	}
}
