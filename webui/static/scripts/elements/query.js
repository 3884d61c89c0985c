/** Filters that live in the address of the page. */

import { h, uniqueId } from '../dom.js';
import { here, navigate } from '../router.js';

/**
 * Changes a part of the query and leaves the others.
 * @param {Record<string, string | string[]>} changes Empty values take the key out, lists repeat it.
 */
export function setQuery(changes) {
  const { path, query } = here();
  for (const [key, value] of Object.entries(changes)) {
    query.delete(key);
    for (const one of Array.isArray(value) ? value : [value]) if (one) query.append(key, one);
  }
  navigate(query.size ? `${path}?${query}` : path, { replace: true });
}

/**
 * A select that writes its value into the query. A value that is not among the
 * options, from an address of somebody else, is added as it is.
 * @param {string} label
 * @param {string} key
 * @param {{ value: string, label: string }[]} options
 * @param {(value: string) => void} [change] Instead of writing the key alone.
 */
export function querySelect(label, key, options, change = (value) => setQuery({ [key]: value })) {
  const id = uniqueId('filter');
  const field = h('select', { id, class: 'select', onchange: () => change(field.value) });

  /** @param {string} value */
  function set(value) {
    if (value && ![...field.options].some((option) => option.value === value)) {
      field.append(h('option', { value }, value));
    }
    field.value = value;
    if (field.selectedIndex < 0) field.selectedIndex = 0;
  }

  /** @param {{ value: string, label: string }[]} next */
  function offer(next) {
    const { value } = field;
    field.replaceChildren(...next.map((option) => h('option', { value: option.value }, option.label)));
    set(value);
  }
  offer(options);
  return { element: h('p', { class: 'filter' }, h('label', { for: id }, label), field), set, offer };
}

const typingMs = 350;

/**
 * A field that writes what is typed into the query after a pause.
 * @param {string} label
 * @param {string} key
 * @param {'search' | 'date'} type
 * @param {string} [placeholder]
 */
export function queryField(label, key, type, placeholder) {
  const id = uniqueId('filter');
  const input = h('input', {
    id,
    type,
    class: 'input',
    placeholder,
    autocomplete: 'off',
    spellcheck: 'false',
  });
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  const write = () => {
    clearTimeout(timer);
    const wanted = input.value.trim();
    if (wanted !== (here().query.get(key) ?? '')) setQuery({ [key]: wanted });
  };
  input.addEventListener('input', () => {
    clearTimeout(timer);
    timer = setTimeout(write, typingMs);
  });
  input.addEventListener('change', write);
  return {
    element: h('p', { class: 'filter' }, h('label', { for: id }, label), input),
    /** Shows the value of the address, unless somebody is typing. @param {string} value */
    set: (value) => {
      if (document.activeElement !== input) input.value = value;
    },
    close: () => clearTimeout(timer),
  };
}
