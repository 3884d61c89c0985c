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

/** @typedef {{ mod_backup_servers: string[], mod_backup_before_steam: boolean }} BackupServers */

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

/** @typedef {{ id: string, name: string, roles: string[], steam_id: string }} Account steam_id: '' when none is linked. */

/** @typedef {{ account: Account | null, scopes: string[], needs_setup: boolean, steam_sign_in: boolean, csrf: string }} Session */

/**
 * @typedef {object} ApiKey
 * @property {number} id
 * @property {string} kind 'api' or 'demos'
 * @property {string} prefix
 * @property {string} [expires_at]
 * @property {string} [last_used]
 * @property {string} [revoked_at]
 */

export {};
