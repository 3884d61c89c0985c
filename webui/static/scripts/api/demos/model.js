/** The shapes of the API of recordings. Ids and SteamIDs are decimal strings: they do not fit a JavaScript number. */

/** @typedef {'live' | 'idle' | 'closed' | 'empty' | 'analysed' | 'pruned'} DemoState */
/** @typedef {'none' | 'benign' | 'inconclusive' | 'confirmed' | 'error'} Verdict */

/**
 * @typedef {object} Demo
 * @property {string} id
 * @property {string} name As the sender calls it.
 * @property {string} map
 * @property {string} server
 * @property {string} player
 * @property {string} start_at
 * @property {string} [end_at]
 * @property {number} size Bytes, 0 when nothing is stored.
 * @property {number} seconds
 * @property {number} ticks
 * @property {DemoState} state
 * @property {string} source
 * @property {boolean} verified Steam knows the game server.
 * @property {number} [score]
 * @property {string} suspicion Why it is unlike a demo; empty when it is not.
 * @property {number} detections
 * @property {number} reports
 * @property {boolean} mine
 * @property {string} [anonymous_id] The same for all recordings of one sender.
 * @property {string} [uploader] SteamID, for administrators.
 * @property {number} received Bytes that are safe.
 */

/** @typedef {Demo & { rate: number }} LiveDemo rate: bytes per second. */

/**
 * @typedef {object} Detection
 * @property {number} tick
 * @property {string} algorithm
 * @property {string} target SteamID.
 * @property {unknown} data What the algorithm says of it.
 */

/**
 * @typedef {object} Report
 * @property {string} session
 * @property {string} target SteamID.
 * @property {string} reason bot or cheater.
 * @property {boolean} checked Steam knows the target.
 * @property {string} created_at
 * @property {string} [handled_at]
 * @property {string} [handled_by]
 */

/** @typedef {Report & { demo?: string, map?: string }} InboxReport demo: the name of the recording. */

/**
 * @typedef {object} Review
 * @property {string} target SteamID.
 * @property {Verdict} verdict
 * @property {string} note
 * @property {string} reviewer
 * @property {boolean} mine
 * @property {string} created_at
 */

/** @typedef {{ holder: string, mine: boolean, until: string }} Lease */
/** @typedef {{ target: string, algorithm: string, detections: number, created_at: string }} AnalysisCount */

/**
 * @typedef {object} DemoParts
 * @property {{ format: string, game: string } | null} header
 * @property {Report[]} reports
 * @property {Detection[]} detections
 * @property {AnalysisCount[]} analysis
 * @property {Review[]} reviews
 * @property {Demo[]} witnesses Of the same match: same server, overlapping time.
 * @property {Lease | null} lease
 */

/** @typedef {Omit<Demo, 'detections' | 'reports'> & DemoParts} DemoDetail */

/** @typedef {{ id: string, tick: number, note: string, created_at: string, expires_at?: string }} Evidence */

/**
 * @typedef {object} SharedEvidence What who has the address sees.
 * @property {Pick<Demo, 'name' | 'map' | 'server' | 'player' | 'start_at' | 'size' | 'seconds' | 'ticks'>} demo
 * @property {number} tick
 * @property {string} note
 * @property {string} [expires_at]
 * @property {string} [download_url]
 */

/** @typedef {{ day: string, sessions: number, hours: number, bytes: number }} RecordedDay */
/** @typedef {{ bytes: number, limit: number, demos: number, pruned: number, kept: number, spool: number }} DemoStorage */
/** @typedef {{ message: string, importance: string, created_at: string }} Broadcast */

export {};
