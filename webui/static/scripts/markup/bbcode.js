/**
 * Reads the BBCode of Workshop descriptions. Pictures become links to them,
 * because the page loads nothing from another host; what is not a known tag is
 * text. The work grows with the length of the text alone.
 */

import { safeAddress, tree } from './tree.js';

/** @typedef {import('./tree.js').Kind} Kind */

/** What is read of a text; Steam stops at 8,000 characters. */
const longest = 64 * 1024;
const longestAddress = 2048;

/** @type {Record<string, Kind>} */
const kinds = {
  b: 'bold',
  i: 'italic',
  u: 'underline',
  s: 'strike',
  strike: 'strike',
  h1: 'h1',
  h2: 'h2',
  h3: 'h3',
  list: 'list',
  olist: 'olist',
  '*': 'item',
  url: 'link',
  quote: 'quote',
  p: 'paragraph',
};

/** Tags that only arrange what is in them: their content is kept. */
const transparent = new Set([
  'table',
  'tr',
  'th',
  'td',
  'spoiler',
  'center',
  'left',
  'right',
  'size',
  'color',
]);

/**
 * @param {string} text
 * @returns {import('./tree.js').Branch}
 */
export function parseBBCode(text) {
  const source = text.slice(0, longest).replaceAll('\r\n', '\n');
  const out = tree();
  const tag = /\[(\/?)(\*|[a-z][a-z0-9]{0,15})(?:=([^\]\n]{0,2048}))?\]/gi;
  let at = 0;
  for (let match = tag.exec(source); match; match = tag.exec(source)) {
    const [whole, slash, spelled, argument = ''] = match;
    const name = spelled.toLowerCase();
    if (!known(name)) continue;
    words(out, source.slice(at, match.index));
    at = tag.lastIndex;
    if (!slash && verbatim.has(name)) {
      at = tag.lastIndex = literal(out, source, name, at);
    } else if (name === 'hr') {
      if (!slash) out.put('rule');
    } else if (name === 'url' && !slash) {
      openLink(out, argument || upTo(source.slice(at, at + longestAddress), '[/url]'), whole);
    } else if (name in kinds) {
      if (slash) out.end(kinds[name]);
      else out.begin(kinds[name]);
    }
  }
  words(out, source.slice(at));
  return out.root;
}

/** Tags in which no other tag counts. */
const verbatim = new Set(['code', 'noparse', 'img', 'previewyoutube']);

/** @param {string} name */
function known(name) {
  return name in kinds || name === 'hr' || verbatim.has(name) || transparent.has(name);
}

/**
 * Takes what stands between a tag and its end as it is, and returns where to go on.
 * @param {ReturnType<typeof tree>} out
 * @param {string} source
 * @param {string} name
 * @param {number} from
 */
function literal(out, source, name, from) {
  const content = upTo(source.slice(from), `[/${name}]`);
  if (name === 'code') {
    out.begin('code');
    out.text(content.replace(/^\n|\n$/g, ''));
    out.end('code');
  } else if (name === 'noparse') {
    out.text(content);
  } else if (name === 'img') {
    openLink(out, content, '');
    out.text(content.trim());
    out.end('link');
  } // a video of another host: left out
  return Math.min(source.length, from + content.length + name.length + 3);
}

/**
 * The text before the first occurrence of an end tag, or all of it.
 * @param {string} rest
 * @param {string} end In small letters.
 */
function upTo(rest, end) {
  const at = rest.toLowerCase().indexOf(end);
  return at < 0 ? rest : rest.slice(0, at);
}

/**
 * A link whose address may not be followed is written out as it stood.
 * @param {ReturnType<typeof tree>} out
 * @param {string} address
 * @param {string} written
 */
function openLink(out, address, written) {
  const href = safeAddress(address);
  if (href) out.begin('link', href);
  else out.text(written);
}

/**
 * Text, with the addresses in it made links unless it is in a link already.
 * @param {ReturnType<typeof tree>} out
 * @param {string} text
 */
function words(out, text) {
  if (out.within('link')) {
    out.text(text);
    return;
  }
  let at = 0;
  for (const match of text.matchAll(/https?:\/\/[^\s[\]<>"']{1,2048}/gi)) {
    const spelled = match[0].replace(/[.,;:!?)]+$/, '');
    const href = safeAddress(spelled);
    if (!href) continue;
    out.text(text.slice(at, match.index));
    out.begin('link', href);
    out.text(spelled);
    out.end('link');
    at = match.index + spelled.length;
  }
  out.text(text.slice(at));
}
