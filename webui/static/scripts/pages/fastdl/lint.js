/** What keeps players from downloading, read from the folders on demand. */

import { lintTree } from '../../api/fastdl.js';
import { aborted } from '../../api/client.js';
import { fill, h, name } from '../../dom.js';
import { actionButton } from '../../elements/action.js';
import { badge } from '../../elements/badge.js';
import { skeleton } from '../../elements/blocks.js';
import { failureView } from '../../elements/failure.js';
import { sentence } from '../../format.js';
import { icon } from '../../icons.js';
import { announce } from '../../shell/toasts.js';
import { t, tOr } from '../../texts.js';

/** @typedef {import('../../api/model.js').Lint} Lint */

/** @type {Record<string, { tone: string, icon: import('../../icons.js').IconName }>} */
const looks = {
  error: { tone: 'bad', icon: 'error' },
  warning: { tone: 'warn', icon: 'warning' },
  info: { tone: 'note', icon: 'info' },
};

/** @param {string} tree */
export function lintReport(tree) {
  const body = h('div', null);
  const element = h(
    'section',
    { class: 'report', hidden: true, 'aria-label': t('lint.of', { name: tree }) },
    h('h3', null, t('lint.title')),
    body,
  );
  let controller = new AbortController();

  async function run() {
    controller.abort();
    controller = new AbortController();
    element.hidden = false;
    fill(body, skeleton(3));
    try {
      const report = await lintTree(tree, controller.signal);
      const said = headline(report);
      fill(body, h('div', { class: 'stack' }, h('p', { class: 'soft' }, said), findings(report)));
      announce(said);
    } catch (error) {
      if (aborted(error)) return;
      fill(body, failureView(error, run));
    }
  }
  const button = actionButton({ label: t('lint.action'), icon: 'search', run });
  return { element, button, close: () => controller.abort() };
}

/** @param {Lint} report */
function headline({ findings: found, files, ok }) {
  if (found.length === 0) return t('lint.clean', { count: files });
  return ok ? t('lint.well', { count: files }) : t('lint.found', { count: found.length });
}

/** @param {Lint} report */
function findings({ findings: found, more }) {
  return [
    found.length > 0 &&
      h(
        'ul',
        { class: 'findings' },
        found.map((one) => {
          const look = looks[one.severity] ?? looks.info;
          return h(
            'li',
            { class: `attention-item ${look.tone}` },
            icon(look.icon),
            h(
              'div',
              null,
              h(
                'p',
                { class: 'badges' },
                badge(tOr(`lint_severity.${one.severity}`, one.severity), look.tone),
                one.path && h('code', { class: 'path' }, name(one.path)),
              ),
              h('p', { lang: 'en' }, sentence(one.text)),
              one.hint && h('p', { class: 'soft small', lang: 'en' }, sentence(one.hint)),
            ),
          );
        }),
      ),
    more > 0 && h('p', { class: 'soft small' }, t('lint.more', { count: more })),
  ];
}
