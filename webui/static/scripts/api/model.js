/**
 * The shapes of the HTTP API that the page reads. Identifiers are strings,
 * because Workshop ids do not fit a JavaScript number.
 */

/**
 * @typedef {'ready' | 'absent' | 'resolving' | 'queued' | 'fetching' | 'verifying' | 'zipping' | 'denied' |
 *   'failed' | 'quarantined'} State
 */

/**
 * @typedef {object} Version
 * @property {number} version Unix seconds.
 * @property {string} time
 * @property {string} name File name, "m706d242_1348957670.zip".
 * @property {string} url Absolute, as game clients reach it.
 * @property {number} size
 * @property {string} sha256
 * @property {string} source
 * @property {string} origin
 * @property {State} state
 * @property {string} reason Public text of the refusal.
 * @property {boolean} pinned
 * @property {boolean} irreplaceable
 * @property {string} [stored_at]
 * @property {string} [last_requested]
 * @property {string} [verified_at]
 * @property {boolean} current
 * @property {number} requests
 * @property {Provenance} [provenance]
 */

/**
 * @typedef {object} Mod
 * @property {string} id
 * @property {string} hex
 * @property {string} title
 * @property {number} app
 * @property {number} current_version The version that Steam has, 0 when unknown.
 * @property {State} state
 * @property {string} reason
 * @property {string} [last_requested]
 * @property {number} size Bytes of all stored versions.
 * @property {string} preview
 * @property {string} page_url
 * @property {Version[]} versions
 */

/** @typedef {{ mods: Mod[], next: string, total: number }} ModList */

/**
 * @typedef {object} Job
 * @property {string} id
 * @property {string} item
 * @property {string} hex
 * @property {number} version 0 while nobody knows which one is current.
 * @property {string} title
 * @property {State | 'removed'} state
 * @property {string} source
 * @property {number} attempts Failed ones.
 * @property {number} bytes
 * @property {number} total
 * @property {number} speed Bytes per second.
 * @property {string} error
 * @property {string} [retry_at]
 * @property {string} [created_at]
 */

/**
 * @typedef {object} ModStatus
 * @property {{ keyed: boolean, breaker_open: boolean, retry_at?: string, last_error: string,
 *   calls_today: number, daily_limit: number }} steam
 * @property {{ state: 'off' | 'missing' | 'waiting' | 'ready', text: string, hint?: string, running: number,
 *   waiting: number, retry_at?: string, last_error: string }} [steamcmd]
 * @property {{ path: string, ok: boolean, problem: string, zips: number, folders: number, unchecked: number }[]} roots
 * @property {{ bytes: number, mods: number, versions: number, free: number }} store
 * @property {{ waiting: number, running: number, failed: number }} queue
 * @property {{ code: string, text: string, hint?: string }[]} problems
 */

/** @typedef {{ mod_backup_servers: string[], mod_backup_before_steam: boolean, hint?: string }} BackupServers */

/** @typedef {{ code: string, severity: string, text: string, hint: string, link: string }} Attention */

/**
 * @typedef {object} Overview
 * @property {string} version
 * @property {string} commit
 * @property {string} go
 * @property {string} started_at
 * @property {string[]} listeners
 * @property {Record<string, string>} paths
 * @property {{ mods: number, versions: number, bytes: number, requests: number }} totals
 * @property {Attention[]} attention
 * @property {{ free: number, total: number }} disk
 * @property {Rates} [rates]
 */

/**
 * @typedef {object} Rates Bytes per second; a limit of 0 is none.
 * @property {number} download_rate
 * @property {number} download_rate_per_client
 * @property {number} upload_rate
 * @property {boolean} scheduled A limit of the schedule holds now.
 * @property {number} sending
 * @property {number} receiving
 * @property {number} clients Addresses with open connections.
 */

/** @typedef {{ id: string, name: string, roles: string[], steam_id: string }} Account steam_id: '' when none is linked. */

/**
 * @typedef {object} Session
 * @property {Account | null} account
 * @property {string[]} scopes
 * @property {boolean} needs_setup
 * @property {boolean} steam_sign_in
 * @property {boolean} registration Whether one can make an account with an e-mail address.
 * @property {boolean} mail Whether mails can be sent.
 * @property {boolean} metaserver Whether players and the list of game servers are kept here.
 * @property {string} csrf
 * @property {boolean} demos Whether recordings are taken here.
 */

/**
 * @typedef {object} ApiKey
 * @property {number} id
 * @property {string} kind 'api' or 'demos'
 * @property {string} prefix
 * @property {string} [expires_at]
 * @property {string} [last_used]
 * @property {string} [revoked_at]
 */

/** @typedef {{ source: string, peer?: string, time?: string, sha256?: string, verified_by?: string }} Provenance */

/**
 * @typedef {object} CatalogMod A mod as the catalogue lists it.
 * @property {string} id
 * @property {string} hex
 * @property {string} name
 * @property {string} preview Address of a picture at Steam; the page links to it and never loads it.
 * @property {{ id: string, name: string } | null} game
 * @property {number} size Bytes as Steam tells them.
 * @property {number} archive_size Bytes of the stored archive, 0 when there is none.
 * @property {0 | 1 | 2} condition 0 ready, 1 ready with incomplete metadata, 2 being fetched.
 * @property {string} [created_at]
 * @property {string} [updated_at]
 * @property {string} [requested_at]
 * @property {string} source
 * @property {number} downloads
 * @property {{ id: string, name: string }[]} tags
 * @property {number} dependencies How many mods it needs.
 */

/** @typedef {{ id: string, name: string, state: 'stored' | 'fetching' | 'absent' }} Dependency */

/**
 * @typedef {Omit<CatalogMod, 'dependencies'> & {
 *   description: string,
 *   version: number,
 *   dependencies: Dependency[],
 *   dependents: { id: string, name: string }[],
 *   resources: { type: string, url: string }[],
 *   download_url: string,
 *   page_url: string,
 * }} CatalogDetail
 */

/**
 * @typedef {object} Game
 * @property {string} id
 * @property {string} name
 * @property {string} type
 * @property {string} logo Address of a picture at Steam; never loaded.
 * @property {string} short_description
 * @property {number} mods
 * @property {number} downloads
 * @property {{ id: string, name: string }[]} genres
 * @property {boolean} placeholder Steam has not described it yet.
 */

/** @typedef {Game & { description: string, tags: Tag[] }} GameDetail */

/** @typedef {{ id: string, name: string, mods: number }} Tag */

/**
 * @typedef {object} Statistics
 * @property {'hour' | 'day'} by
 * @property {string} time_zone IANA name of the zone in which days and hours begin.
 * @property {string} from
 * @property {string} to
 * @property {{ type: string, label_en: string, label_ru: string }[]} types
 * @property {{ time: string, type: string, count: number }[]} rows Only what was counted: no zeros.
 */

/**
 * @typedef {object} StatisticsSummary
 * @property {number} mods
 * @property {number} games
 * @property {number} genres
 * @property {number} tags
 * @property {number} dependencies
 * @property {number} days
 * @property {number} sent
 * @property {number} fast_ms 0 when unknown.
 * @property {number} full_ms 0 when unknown.
 */

/** @typedef {{ versions: number, bytes: number }} Holding A part of what is stored. */

/**
 * @typedef {object} Storage
 * @property {number} bytes
 * @property {number} limit 0 = none.
 * @property {number} free On the disk.
 * @property {number} min_free What is to stay free there.
 * @property {{ app: number, name: string, mods: number, versions: number, bytes: number }[]} by_game
 * @property {{ source: string, versions: number, bytes: number }[]} by_source
 * @property {Holding} pinned
 * @property {Holding} irreplaceable Not pinned, and no source could supply it again.
 * @property {Holding} evictable
 * @property {{ day: string, bytes: number, versions: number }[]} days The oldest first, at most 90.
 * @property {{ bytes_per_day: number, full_at?: string, text: string }} forecast
 */

/**
 * @typedef {object} Removal
 * @property {string} name File name, "m706d242_1348957670.zip".
 * @property {number} size
 * @property {number} frees 0 when another version has the same bytes.
 * @property {'quarantined' | 'duplicate' | 'superseded' | 'quota'} rule
 * @property {string} why
 */

/**
 * @typedef {object} Tidied
 * @property {Removal[]} removed
 * @property {Removal[]} kept
 * @property {number} bytes What the disk got back.
 * @property {number} short What is above the quota or missing on the disk all the same.
 */

/**
 * @typedef {object} Peer
 * @property {string} url Empty for callers who may not change mods.
 * @property {'size' | 'quorum' | 'key'} trust
 * @property {'ok' | 'unreachable' | 'resting' | 'refused' | 'unknown'} state
 * @property {string} software
 * @property {boolean} indexed Whether it says what it has.
 * @property {number} versions
 * @property {string} [last_seen]
 * @property {string} [failing_since]
 * @property {string} last_error
 * @property {number} fetched
 * @property {number} fetched_bytes
 * @property {number} refused
 * @property {string} [retry_at]
 */

/**
 * @typedef {object} Peers
 * @property {string} public_key
 * @property {Peer[]} peers
 * @property {{ mod_backup_servers: string[], workshop_peers: string }} [lines] For callers who may change mods.
 */

/**
 * @typedef {object} ServerMod
 * @property {string} id
 * @property {string} hex
 * @property {string} title
 * @property {number} running Unix seconds, 0 when unknown.
 * @property {'' | 'reported' | 'folder' | 'assumed'} basis How that is known.
 * @property {number} current Unix seconds, 0 when unknown.
 * @property {'current' | 'outdated' | 'unknown' | 'gone'} state
 * @property {number} [since] Unix seconds.
 * @property {string} [noticed_at]
 * @property {boolean} [tried] It was restarted since and lacks the version still.
 */

/**
 * @typedef {object} GameServer
 * @property {string} name
 * @property {'config' | 'api'} origin
 * @property {ServerMod[]} mods
 * @property {number} outdated
 * @property {string} [checked_at]
 * @property {string} [restarted_at]
 * @property {boolean} webhook
 * @property {string} webhook_error
 * @property {string} [webhook_delivered_at]
 */

/**
 * @typedef {object} Tree A game folder that players download from.
 * @property {string} name
 * @property {'source' | 'gmod' | 'goldsrc'} profile
 * @property {boolean} ready
 * @property {number} files
 * @property {{ path: string, ok: boolean, files: number }[]} roots Operators only.
 * @property {string} [scanned_at]
 * @property {number} requests Since the start, as are misses and sent_bytes.
 * @property {number} misses
 * @property {number} sent_bytes
 * @property {{ files: number, bytes: number, max_bytes: number }} kept
 * @property {{ compressing: number, decompressing: number }} queue
 * @property {{ code: string, text: string, hint?: string }[]} problems Operators only.
 * @property {number} more_problems
 * @property {{ url: string, lines: string[], text: string, notes: string[] }} server_cfg
 */

/**
 * @typedef {object} Miss
 * @property {string} path
 * @property {number} requests
 * @property {string} reason
 * @property {string} text
 * @property {string} [server]
 * @property {string} [first]
 * @property {string} [last]
 */

/**
 * @typedef {object} Lint
 * @property {string} name
 * @property {number} files
 * @property {boolean} ok
 * @property {{ code: string, severity: 'error' | 'warning' | 'info', path: string, text: string, hint: string }[]} findings
 * @property {number} more
 */

export {};
