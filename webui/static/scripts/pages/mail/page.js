/** The mails that wait or were given up, and a test mail; for administrators. */

import { listMails, retryMail, sendTestMail } from '../../api/mail.js';
import { h, name, uniqueId } from '../../dom.js';
import { actionButton } from '../../elements/action.js';
import { badge } from '../../elements/badge.js';
import { card, empty, pageHead } from '../../elements/blocks.js';
import { listing } from '../../elements/listing.js';
import { pager } from '../../elements/pager.js';
import { setQuery } from '../../elements/query.js';
import { table } from '../../elements/table.js';
import { ago } from '../../elements/time.js';
import { icon } from '../../icons.js';
import { onLive } from '../../live.js';
import { toast } from '../../shell/toasts.js';
import { spoken, t } from '../../texts.js';
import { field } from '../account/form.js';
import { submitForm } from '../account/submit.js';

/** @typedef {import('../../api/mail.js').Mail} Mail */

const pageSize = 50;
/** What the API gives at most in one answer. */
const mostPerPage = 200;
const everyMs = 20_000;

/**
 * @param {import('../../router.js').Place} place
 * @returns {import('../../router.js').Page}
 */
export function mailPage(place) {
  const total = h('p', { class: 'soft', 'aria-live': 'polite' });
  const off = h('p', { class: 'notice warn', hidden: true }, icon('warning'), h('span', null, t('mail.off')));
  const failed = failedOnly();
  const rows = table(
    t('nav.mail'),
    [
      { label: t('mail.to') },
      { label: t('mail.state') },
      { label: t('mail.attempts'), figures: true },
      { label: t('mail.created') },
      { label: t('servers_column.actions'), hidden: true },
    ],
    'mails',
  );
  const list = listing({
    pages: pager({
      fetch: async (query, signal) => {
        const { mails, next, total: all, ready } = await listMails(query, signal);
        off.hidden = ready;
        return { rows: mails, next, total: all };
      },
      size: pageSize,
      most: mostPerPage,
    }),
    frame: rows.element,
    body: rows.body,
    row: (mail) => rows.row(...cells(mail, () => list.refresh())),
    nothing: (filtered) =>
      empty('inbox', filtered ? t('mail.none_failed') : t('mail.none'), h('p', null, t('mail.none_hint'))),
    added: (count) => t('mail.added', { count }),
    counted: (count) => (total.textContent = t('mail.count', { count })),
  });

  /** @param {URLSearchParams} query */
  function follow(query) {
    const only = query.get('failed') === 'true';
    failed.set(only);
    list.show({ failed: only ? 'true' : '' }, only);
  }
  follow(place.query);
  const timer = setInterval(() => !document.hidden && list.refresh(), everyMs);
  const stop = onLive('resync', () => list.refresh());
  return {
    title: t('nav.mail'),
    element: h(
      'div',
      { class: 'page' },
      pageHead(t('nav.mail'), total),
      off,
      h(
        'div',
        { class: 'card flush' },
        h('div', { class: 'filters', role: 'group', 'aria-label': t('filter.label') }, failed.element),
        list.element,
      ),
      testCard(),
    ),
    query: (at) => follow(at.query),
    close() {
      clearInterval(timer);
      stop();
      list.close();
    },
  };
}

function failedOnly() {
  const id = uniqueId('filter');
  const input = h('input', {
    id,
    type: 'checkbox',
    class: 'checkbox',
    onchange: () => setQuery({ failed: input.checked ? 'true' : '' }),
  });
  return {
    element: h('p', { class: 'filter check' }, input, h('label', { for: id }, t('mail.only_failed'))),
    /** @param {boolean} is */
    set: (is) => (input.checked = is),
  };
}

/**
 * @param {Mail} mail
 * @param {() => void} changed
 * @returns {import('../../dom.js').Children[]}
 */
function cells(mail, changed) {
  return [
    [h('strong', null, name(mail.to)), h('span', { class: 'soft small' }, mail.subject)],
    [
      mail.failed_at ? badge(t('mail.failed'), 'bad', true) : badge(t('mail.waits'), 'busy', true),
      mail.reason && h('span', { class: 'small soft', lang: 'en' }, mail.reason),
      mail.next_try && h('span', { class: 'small soft' }, t('mail.next'), ' ', ago(mail.next_try)),
    ],
    String(mail.attempts),
    ago(mail.created_at),
    !mail.failed_at &&
      actionButton({
        label: t('mail.retry'),
        icon: 'retry',
        tone: 'small',
        focus: `retry-${mail.id}`,
        run: async () => {
          await retryMail(mail.id);
          toast(t('mail.retried'));
          changed();
        },
      }),
  ];
}

function testCard() {
  const to = field(t('mail.test_to'), { type: 'email', autocomplete: 'email', maxlength: 320 });
  return card(
    t('mail.test_title'),
    {},
    submitForm({
      fields: [h('p', { class: 'soft' }, t('mail.test_text')), to.element],
      button: t('mail.test'),
      check: () => (to.input.value.trim() ? null : { input: to.input, text: t('email.need_address') }),
      run: async () => {
        const { where } = await sendTestMail(to.input.value.trim(), spoken());
        toast(t('mail.tested', { where }));
      },
    }).element,
  );
}
