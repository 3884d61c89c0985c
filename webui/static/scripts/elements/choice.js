/** A choice between a few things, all of them visible. */

import { h, uniqueId } from '../dom.js';
import { languages } from '../preferences.js';
import { changeLanguage, spoken } from '../texts.js';
import { failureText } from './failure.js';
import { toast } from '../shell/toasts.js';

/**
 * @param {string} legend
 * @param {{ value: string, label: string, lang?: string }[]} options
 * @param {string} chosen
 * @param {(value: string) => void} change
 */
export function choice(legend, options, chosen, change) {
  const group = uniqueId('choice');
  return h(
    'fieldset',
    { class: 'menu-part choice' },
    h('legend', null, legend),
    h(
      'div',
      { class: 'segments' },
      options.map(({ value, label, lang }) => {
        const input = h('input', {
          type: 'radio',
          name: group,
          value,
          class: 'visually-hidden',
          checked: value === chosen,
          onchange: () => change(value),
        });
        return h('label', { class: 'segment', lang }, input, h('span', null, label));
      }),
    ),
  );
}

/**
 * The language of the page, each named in itself.
 * @param {string} legend
 */
export function languageChoice(legend) {
  return choice(
    legend,
    Object.entries(languages).map(([value, label]) => ({ value, label, lang: value })),
    spoken(),
    (value) => {
      changeLanguage(/** @type {import('../preferences.js').Language} */ (value)).catch((error) =>
        toast(failureText(error), 'error'),
      );
    },
  );
}
