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
 */

/** @typedef {{ id: string, name: string, roles: string[] }} Account */

/** @typedef {{ account: Account | null, scopes: string[], needs_setup: boolean, csrf: string }} Session */

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

export {};
