/**
 * Reads the HTML in which Steam describes games, for its words and its simple
 * shape. Nothing of it reaches the page as markup, and nothing is loaded.
 */

import { safeAddress, tree } from './tree.js';

/** @typedef {import('./tree.js').Kind} Kind */

const longest = 128 * 1024;

/** @type {Record<string, Kind>} */
const kinds = {
  b: 'bold',
  strong: 'bold',
  i: 'italic',
  em: 'italic',
  u: 'underline',
  s: 'strike',
  h1: 'h1',
  h2: 'h2',
  h3: 'h3',
  ul: 'list',
  ol: 'olist',
  li: 'item',
  a: 'link',
  p: 'paragraph',
  blockquote: 'quote',
  pre: 'code',
};

/** Elements whose content is not for reading. */
const unread = new Set(['script', 'style', 'video', 'iframe', 'svg']);

/** @type {Record<string, string>} */
const entities = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  apos: "'",
  nbsp: '\u00a0',
  reg: '®',
  trade: '™',
  copy: '©',
};

/**
 * @param {string} text
 * @returns {import('./tree.js').Branch}
 */
export function parseHTML(text) {
  const source = text.slice(0, longest);
  const out = tree();
  const tag = /<(\/?)([a-z][a-z0-9]{0,15})\b([^<>]{0,4096})>/gi;
  let at = 0;
  let hidden = '';
  for (let match = tag.exec(source); match; match = tag.exec(source)) {
    const [, slash, spelled, attributes] = match;
    const name = spelled.toLowerCase();
    if (!hidden) out.text(decoded(source.slice(at, match.index)));
    at = tag.lastIndex;
    if (hidden) {
      if (slash && name === hidden) hidden = '';
    } else if (unread.has(name)) {
      if (!slash) hidden = name;
    } else if (name === 'br' || name === 'hr') {
      out.put(name === 'br' ? 'break' : 'rule');
    } else if (name in kinds) {
      if (slash) out.end(kinds[name]);
      else open(out, kinds[name], attributes);
    }
  }
  if (!hidden) out.text(decoded(source.slice(at)));
  return out.root;
}

/**
 * @param {ReturnType<typeof tree>} out
 * @param {Kind} kind
 * @param {string} attributes
 */
function open(out, kind, attributes) {
  if (kind !== 'link') {
    out.begin(kind);
    return;
  }
  const address = /\bhref\s*=\s*(?:"([^"]*)"|'([^']*)')/i.exec(attributes);
  const href = safeAddress(decoded(address?.[1] ?? address?.[2] ?? ''));
  if (href) out.begin('link', href);
}

/** @param {string} text White space counts as HTML counts it. */
function decoded(text) {
  return text
    .replace(/[ \t\r\n]+/g, ' ')
    .replace(/&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|([a-z]{2,8}));/gi, entity);
}

/**
 * @param {string} whole
 * @param {string | undefined} decimal
 * @param {string | undefined} hex
 * @param {string | undefined} word
 */
function entity(whole, decimal, hex, word) {
  if (word) return entities[word.toLowerCase()] ?? whole;
  const point = decimal ? Number(decimal) : parseInt(hex ?? '', 16);
  return point > 0 && point <= 0x10ffff && !(point >= 0xd800 && point < 0xe000)
    ? String.fromCodePoint(point)
    : whole;
}
