/**
 * Builds elements. Text always becomes a text node, so a name can never be
 * parsed as markup, and no style attribute is ever written (the content
 * security policy forbids both).
 */

/** @typedef {Node | string | number | null | undefined | false} Child */
/** @typedef {Child | Child[]} Children */
/**
 * Attributes by name; `class`, `data-…` and `aria-…` included. A function
 * under `on…` listens, `false`, `null` and `undefined` leave the attribute out,
 * `true` writes it empty.
 * @typedef {Record<string, any>} Attributes
 */

/**
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Attributes | null} [attributes]
 * @param {...Children} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function h(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) setAttribute(element, name, value);
  append(element, children);
  return element;
}

/**
 * @param {Element} element
 * @param {string} name
 * @param {any} value
 */
function setAttribute(element, name, value) {
  if (value === undefined || value === null || value === false) return;
  if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
  else element.setAttribute(name, value === true ? '' : String(value));
}

/**
 * @param {Element | DocumentFragment} parent
 * @param {Children[]} children
 */
export function append(parent, children) {
  for (const child of children.flat()) {
    if (child === undefined || child === null || child === false) continue;
    parent.append(child instanceof Node ? child : String(child));
  }
}

/**
 * Replaces everything inside parent.
 * @param {Element} parent
 * @param {...Children} children
 */
export function fill(parent, ...children) {
  const fragment = document.createDocumentFragment();
  append(fragment, children);
  parent.replaceChildren(fragment);
}

/**
 * A name that came from outside: isolated, so that its writing direction and
 * its control characters do not touch the text around it.
 * @param {string} text
 */
export function name(text) {
  return h('bdi', null, text);
}

let serial = 0;

/**
 * An id that no other element of this page has.
 * @param {string} prefix
 */
export function uniqueId(prefix) {
  serial += 1;
  return `${prefix}-${serial}`;
}

/**
 * Shows items as children of container, one element per key. An element whose
 * item did not change is kept as it is, so focus, open menus and selections
 * survive a refresh; where a changed element held the focus, the part with the
 * same data-focus value in its successor gets it back.
 * @template Item
 * @param {Element} container
 * @param {Item[]} items
 * @param {(item: Item) => string} key
 * @param {(item: Item) => HTMLElement} create
 */
export function keyed(container, items, key, create) {
  const old = new Map(
    [...container.children].map((child) => [/** @type {HTMLElement} */ (child).dataset.key, child]),
  );
  const focused = /** @type {HTMLElement | null} */ (document.activeElement?.closest('[data-focus]') ?? null);
  const mark = focused && container.contains(focused) ? focused.dataset.focus : undefined;
  const next = items.map((item) => {
    const id = key(item);
    const print = JSON.stringify(item);
    const kept = /** @type {HTMLElement | undefined} */ (old.get(id));
    if (kept && kept.dataset.print === print) return kept;
    const made = create(item);
    made.dataset.key = id;
    made.dataset.print = print;
    return made;
  });
  const same =
    next.length === container.children.length && next.every((child, i) => child === container.children[i]);
  if (same) return;
  container.replaceChildren(...next);
  if (mark && document.activeElement !== focused) {
    /** @type {HTMLElement | null} */ (
      container.querySelector(`[data-focus="${CSS.escape(mark)}"]`)
    )?.focus();
  }
}
