/**
 * Grows a tree out of the tags of a marked-up text, whatever order they come
 * in: what is never closed ends with its parent, what closes nothing is
 * dropped. The tree is plain data; showing it is somebody else's business.
 */

/**
 * @typedef {'bold' | 'italic' | 'underline' | 'strike' | 'h1' | 'h2' | 'h3' | 'list' | 'olist' | 'item' |
 *   'link' | 'quote' | 'code' | 'rule' | 'break' | 'paragraph' | 'root'} Kind
 */
/** @typedef {{ kind: Kind, href: string, children: Child[] }} Branch */
/** @typedef {Branch | string} Child */

/** Deeper nesting than this is somebody's joke: its tags are dropped, its text is kept. */
const deepest = 24;

export function tree() {
  /** @type {Branch} */
  const root = { kind: 'root', href: '', children: [] };
  /** @type {Branch[]} */
  const open = [root];
  const top = () => open[open.length - 1];

  /** @param {string} words */
  function text(words) {
    if (words) top().children.push(words);
  }

  /**
   * @param {Kind} kind
   * @param {string} [href]
   */
  function begin(kind, href = '') {
    if (kind === 'item') finishItem();
    if (kind === 'link') end('link'); // links do not nest
    if (open.length > deepest) return;
    /** @type {Branch} */
    const branch = { kind, href, children: [] };
    top().children.push(branch);
    open.push(branch);
  }

  /** An item ends where the next one begins, unless a list inside it is still open. */
  function finishItem() {
    const item = open.findLastIndex((branch) => branch.kind === 'item');
    const list = open.findLastIndex((branch) => branch.kind === 'list' || branch.kind === 'olist');
    if (item > list) open.length = item;
  }

  /** @param {Kind} kind */
  function end(kind) {
    const at = open.findLastIndex((branch) => branch.kind === kind);
    if (at > 0) open.length = at;
  }

  /** @param {'rule' | 'break'} kind */
  function put(kind) {
    top().children.push({ kind, href: '', children: [] });
  }
  /** @param {Kind} kind */
  const within = (kind) => open.some((branch) => branch.kind === kind);
  return { root, text, begin, end, put, within };
}

/**
 * The address when it may be followed from this page, else ''.
 * @param {string} text
 */
export function safeAddress(text) {
  const bare = text.trim().replace(/^["']|["']$/g, '');
  const address = /^[a-z][a-z0-9+.-]*:/i.test(bare) ? bare : bare.includes('.') ? `https://${bare}` : '';
  try {
    const url = new URL(address);
    return url.protocol === 'http:' || url.protocol === 'https:' ? url.href : '';
  } catch {
    return ''; // not an address at all
  }
}
