/** Recordings as rows of a table, in the library and beside another recording. */

import { h, name } from '../../dom.js';
import { table } from '../../elements/table.js';
import { onDate } from '../../elements/time.js';
import { t } from '../../texts.js';
import { demoBadge, demoTitle, length, marks, place, sourceName, weight } from './words.js';

/** @typedef {import('../../api/demos/model.js').Demo} Demo */

/** @param {string} caption */
export function demoTable(caption) {
  const list = table(
    caption,
    [
      { label: t('demos.recording') },
      { label: t('demos.player') },
      { label: t('demos.begun') },
      { label: t('demos.length'), figures: true },
      { label: t('demos.size'), figures: true },
      { label: t('demos.state') },
    ],
    'demos',
  );

  /** @param {Demo} demo */
  function row(demo) {
    return list.row(
      [
        h(
          'a',
          { class: 'row-title stretched', href: `/app/demos/${demo.id}`, 'data-focus': `demo-${demo.id}` },
          name(demoTitle(demo)),
        ),
        place(demo),
      ],
      [
        demo.player ? name(demo.player) : h('span', { class: 'soft' }, '–'),
        demo.mine && h('span', { class: 'soft small' }, t('demos.mine')),
      ],
      [onDate(demo.start_at, true), h('span', { class: 'soft small' }, sourceName(demo.source))],
      length(demo),
      weight(demo),
      h('span', { class: 'badges' }, demoBadge(demo.state), marks(demo)),
    );
  }
  return { element: list.element, body: list.body, row };
}
