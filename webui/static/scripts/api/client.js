/**
 * One request to the daemon's API. Failures become an ApiError that holds what
 * a person needs: the text, a hint, the fields at fault and the request id.
 */

/** @typedef {{ name: string, message: string }} FieldError */

export class ApiError extends Error {
  /**
   * @param {number} status 0 when no answer came at all.
   * @param {string} message
   * @param {{ hint?: string, requestId?: string, retryAfter?: number, fields?: FieldError[] }} [details]
   */
  constructor(status, message, details = {}) {
    super(message);
    this.name = 'ApiError';
    this.status = status;
    this.hint = details.hint ?? '';
    this.requestId = details.requestId ?? '';
    /** Seconds to wait, 0 when unknown. */
    this.retryAfter = details.retryAfter ?? 0;
    this.fields = details.fields ?? [];
  }

  /** No answer came: the daemon is down or the network is. */
  get offline() {
    return this.status === 0;
  }

  /** The caller has to sign in, or may not do this. */
  get refused() {
    return this.status === 401 || this.status === 403;
  }
}

/** @type {() => string} */
let csrfToken = () => '';

/**
 * Says where the token for writes comes from.
 * @param {() => string} source
 */
export function useCsrf(source) {
  csrfToken = source;
}

/**
 * @param {'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'} method
 * @param {string} path Below /api/v1.
 * @param {{ body?: unknown, file?: Blob, signal?: AbortSignal }} [options] file: sent as it is, under its own type, instead of a body.
 * @returns {Promise<any>} The decoded answer, null when it has no body.
 */
export async function call(method, path, options = {}) {
  /** @type {Record<string, string>} */
  const headers = { Accept: 'application/json' };
  if (method !== 'GET') headers['X-CSRF-Token'] = csrfToken();
  if (options.file) headers['Content-Type'] = options.file.type || 'application/octet-stream';
  else if (options.body !== undefined) headers['Content-Type'] = 'application/json';
  let answer;
  try {
    answer = await fetch(`/api/v1${path}`, {
      method,
      headers,
      body: options.file ?? (options.body === undefined ? null : JSON.stringify(options.body)),
      signal: options.signal ?? null,
      credentials: 'same-origin',
    });
  } catch (cause) {
    if (cause instanceof DOMException && cause.name === 'AbortError') throw cause;
    throw new ApiError(0, '');
  }
  const body = await decode(answer);
  if (!answer.ok) throw failure(answer, body);
  return body;
}

/** @param {Response} answer */
async function decode(answer) {
  const text = await answer.text();
  if (text === '') return null;
  try {
    return JSON.parse(text);
  } catch {
    return null; // a proxy's error page: the status says enough
  }
}

/**
 * @param {Response} answer
 * @param {any} body An RFC 9457 problem, or null.
 */
function failure(answer, body) {
  /** @type {any[]} */
  const errors = Array.isArray(body?.errors) ? body.errors : [];
  return new ApiError(answer.status, body?.detail || body?.title || answer.statusText, {
    hint: body?.hint,
    requestId: body?.request_id || answer.headers.get('X-Request-Id') || '',
    retryAfter: Number(answer.headers.get('Retry-After')) || 0,
    fields: errors.map((e) => ({
      name: String(e.name ?? e.location ?? '').replace(/^body\./, ''),
      message: String(e.message ?? ''),
    })),
  });
}

/** @param {unknown} error */
export function aborted(error) {
  return error instanceof DOMException && error.name === 'AbortError';
}
