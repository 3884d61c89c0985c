/** Things to switch on and off: the likely ones as buttons, the others in a select beside them. */

import { fill, h, keyed, name, uniqueId } from '../dom.js';
import { number } from '../format.js';

/**
 * @typedef {object} Chip
 * @property {string} id
 * @property {string} label
 * @property {number} [count]
 * @property {boolean} on
 * @property {boolean} likely Offered as a button even while it is off.
 */

/**
 * @param {string} label
 * @param {string} others What the select of the other ones is called.
 * @param {(id: string) => void} toggle
 */
export function chipBar(label, others, toggle) {
  const id = uniqueId('chips');
  const buttons = h('div', { class: 'chips', role: 'group', 'aria-labelledby': id });
  const rest = h('select', { class: 'select', 'aria-label': others });
  rest.addEventListener('change', () => rest.value && toggle(rest.value));
  const element = h(
    'div',
    { class: 'chip-bar', hidden: true },
    h('span', { id, class: 'soft small' }, label),
    buttons,
    rest,
  );

  /** @param {Chip} one */
  const button = (one) =>
    h(
      'button',
      {
        type: 'button',
        class: 'chip',
        'aria-pressed': String(one.on),
        'data-focus': `chip-${one.id}`,
        onclick: () => toggle(one.id),
      },
      name(one.label),
      Boolean(one.count) && h('span', { class: 'chip-count' }, number(one.count ?? 0)),
    );

  /** @param {Chip[]} all */
  function update(all) {
    const shown = all.filter((one) => one.on || one.likely);
    const hidden = all.filter((one) => !one.on && !one.likely);
    keyed(buttons, shown, (one) => one.id, button);
    fill(
      rest,
      h('option', { value: '' }, others),
      hidden.map((one) =>
        h('option', { value: one.id }, one.count ? `${one.label} (${number(one.count)})` : one.label),
      ),
    );
    rest.hidden = hidden.length === 0;
    element.hidden = all.length === 0;
  }
  return { element, update };
}
