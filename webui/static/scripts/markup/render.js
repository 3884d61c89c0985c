/** Shows a tree of marked-up text as elements of the page. */

import { h } from '../dom.js';

/** @typedef {import('./tree.js').Branch} Branch */
/** @typedef {import('./tree.js').Child} Child */

/** Headings in a text stand below the page's own h1 and the card's h2. */
const above = 2;
const lowest = 6;

/** @type {Partial<Record<import('./tree.js').Kind, keyof HTMLElementTagNameMap>>} */
const elements = {
  bold: 'strong',
  italic: 'em',
  underline: 'u',
  strike: 's',
  quote: 'blockquote',
  paragraph: 'p',
  rule: 'hr',
  break: 'br',
};

/**
 * @param {Branch} root
 * @returns {HTMLElement}
 */
export function renderMarkup(root) {
  let level = above;

  /** @param {Child} child @returns {Node} */
  function node(child) {
    if (typeof child === 'string') return document.createTextNode(child);
    const { kind } = child;
    if (kind === 'h1' || kind === 'h2' || kind === 'h3') return heading(child);
    if (kind === 'list' || kind === 'olist') return list(child);
    if (kind === 'item') return h('div', null, inner(child)); // outside a list
    if (kind === 'link') return link(child, inner(child));
    if (kind === 'code') return code(child);
    return h(elements[kind] ?? 'span', null, inner(child));
  }

  /** @param {Branch} branch */
  const inner = (branch) => snug(branch.children).map(node);

  /**
   * The outline has no gaps, whatever sizes the author chose.
   * @param {Branch} branch
   */
  function heading(branch) {
    const size = above + Number(branch.kind.slice(1));
    level = Math.min(size, level + 1, lowest);
    const tag = /** @type {'h3'} */ (`h${level}`);
    return h(tag, { class: `markup-${branch.kind}` }, inner(branch));
  }

  /** @param {Branch} branch */
  function list(branch) {
    const items = branch.children.filter((child) => typeof child !== 'string' || child.trim());
    return h(
      branch.kind === 'list' ? 'ul' : 'ol',
      null,
      items.map((child) =>
        h('li', null, typeof child !== 'string' && child.kind === 'item' ? inner(child) : node(child)),
      ),
    );
  }
  return h('div', { class: 'markup', dir: 'auto' }, inner(root));
}

const blocks = new Set(['h1', 'h2', 'h3', 'list', 'olist', 'item', 'quote', 'code', 'rule', 'paragraph']);

/**
 * Authors end the lines around headings, lists and the like, which stand on
 * lines of their own anyway: those line ends would show as empty lines.
 * @param {Child[]} children
 */
function snug(children) {
  /** @param {Child | undefined} child */
  const block = (child) => typeof child === 'object' && blocks.has(child.kind);
  return children.map((child, i) => {
    if (typeof child !== 'string') return child;
    const led = i === 0 || block(children[i - 1]) ? child.replace(/^ *\n/, '') : child;
    return i === children.length - 1 || block(children[i + 1]) ? led.replace(/\n *$/, '') : led;
  });
}

/**
 * Words can lie about where a link leads: the title tells it.
 * @param {Branch} branch
 * @param {Node[]} inside
 */
function link(branch, inside) {
  const attributes = {
    href: branch.href,
    title: branch.href,
    target: '_blank',
    rel: 'noreferrer nofollow ugc',
  };
  return h('a', attributes, inside.length ? inside : branch.href);
}

/** @param {Branch} branch */
function code(branch) {
  const text = branch.children.filter((child) => typeof child === 'string').join('');
  return h('pre', null, h('code', { translate: 'no' }, text));
}
