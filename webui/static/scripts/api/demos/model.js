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
 * @property {string} [suspicion] Why it is unlike a demo; absent when it is not.
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
 * @property {string} target SteamID.
 * @property {string} reason bot or cheater.
 * @property {boolean} checked Steam knows the target.
 * @property {string} created_at
 * @property {string} [handled_at]
 * @property {string} [handled_by]
 */

/**
 * @typedef {Report & { demo: string, name: string, map: string, start_at: string, times: number }} InboxReport
 * demo is the recording's id; times: in how many recordings the target was reported.
 */

/**
 * @typedef {object} Review
 * @property {string} target SteamID.
 * @property {Verdict} verdict
 * @property {string} note
 * @property {string} reviewer
 * @property {boolean} mine
 * @property {string} created_at
 */

/** @typedef {{ by?: string, mine: boolean, until: string }} Lease by: the display name. */
/** @typedef {{ target: string, algorithm: string, detections: number, created_at: string }} AnalysisCount */

/**
 * @typedef {object} DemoParts
 * @property {{ format: string, game_dir: string }} header What the file says; format is empty when it is no demo that is known.
 * @property {Report[]} reports
 * @property {Detection[]} detections
 * @property {AnalysisCount[]} analysis
 * @property {Review[]} reviews
 * @property {Demo[]} witnesses Of the same match: same server, overlapping time.
 * @property {Lease} [lease] Who works on it.
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
/**
 * @typedef {object} DemoStorage
 * @property {number} bytes Of all that is stored.
 * @property {number} free Of the disk.
 * @property {number} floor Bytes that stay free of new recordings.
 * @property {number} deletable Bytes that the rules allow to be deleted.
 * @property {number} pruned Recordings that were deleted to make room.
 * @property {number} live Recordings that still grow.
 * @property {{ source: string, recordings: number, bytes: number }[]} sources
 * @property {Retention} rules
 */

/**
 * @typedef {object} Retention
 * @property {number} max_bytes Of all recordings together; 0: no limit.
 * @property {number} max_age Seconds; 0: no limit.
 * @property {boolean} keep_flagged
 * @property {number} max_prune_ratio
 * @property {boolean} [configured] They are those of the configuration.
 */

/** @typedef {{ id: string, size: number, why: string }} PrunedFile */

/**
 * @typedef {object} Pruned
 * @property {PrunedFile[]} removed Recordings.
 * @property {PrunedFile[]} orphans Stored files of no recording.
 * @property {number} bytes Of both.
 * @property {number} over Bytes beyond the limits for which nothing more may go.
 * @property {number} unknown Stored files that no recording explains.
 * @property {boolean} held These are too many, and were left alone.
 */
/** @typedef {{ message: string, importance: string, created_at: string }} Broadcast */

export {};
