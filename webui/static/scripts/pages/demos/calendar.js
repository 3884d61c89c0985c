/** A calendar of recorded hours: a column for each week, and the same days in a table behind it. */

import { getCalendar } from '../../api/demos/library.js';
import { fill, h } from '../../dom.js';
import { card, skeleton } from '../../elements/blocks.js';
import { region } from '../../elements/region.js';
import { bytes } from '../../format.js';
import { locale, t } from '../../texts.js';

/** @typedef {import('../../api/demos/model.js').RecordedDay} RecordedDay */

const svg = 'http://www.w3.org/2000/svg';
const DAY = 86_400_000;
const weeks = 26;
const cell = 14;
const gap = 2;
const shades = 4;

/** The sum of a calendar, the days of the daemon being those of UTC. */
export function recordedHours() {
  const from = new Date(monday(Date.now()) - (weeks - 1) * 7 * DAY).toISOString().slice(0, 10);
  const part = region({
    load: (signal) => getCalendar(from, new Date().toISOString().slice(0, 10), signal),
    skeleton: () => skeleton(4),
    render: ({ days }, root) => fill(root, ...drawn(days, from)),
  });
  part.reload();
  return {
    element: card(t('demos.calendar'), { className: 'calendar' }, part.element),
    refresh: part.reload,
    close: part.close,
  };
}

/** @param {number} moment */
function monday(moment) {
  const day = Math.floor(moment / DAY) * DAY;
  return day - ((new Date(day).getUTCDay() + 6) % 7) * DAY;
}

/** @param {number} hours */
function inHours(hours) {
  return new Intl.NumberFormat(locale(), {
    style: 'unit',
    unit: 'hour',
    maximumFractionDigits: hours < 10 ? 1 : 0,
  }).format(hours);
}

/**
 * @param {RecordedDay[]} days
 * @param {string} from
 */
function drawn(days, from) {
  const say = new Intl.DateTimeFormat(locale(), { dateStyle: 'medium', timeZone: 'UTC' });
  const brief = new Intl.DateTimeFormat(locale(), { month: 'short', timeZone: 'UTC' });
  const most = Math.max(...days.map((day) => day.hours), 0);
  const total = days.reduce((sum, day) => sum + day.hours, 0);
  const plot = document.createElementNS(svg, 'svg');
  plot.setAttribute('class', 'calendar-plot');
  plot.setAttribute('viewBox', `0 0 ${weeks * cell} ${7 * cell}`);
  plot.setAttribute('role', 'img');
  plot.setAttribute(
    'aria-label',
    t('demos.calendar_summary', { hours: inHours(total), from: say.format(new Date(from)) }),
  );
  const known = new Map(days.map((day) => [day.day, day]));
  const first = Date.parse(from);
  const months = h('div', { class: 'calendar-months', 'aria-hidden': 'true' });
  for (let week = 0; week < weeks; week += 1) {
    const begins = new Date(first + week * 7 * DAY);
    if (week % 4 === 0) months.append(h('span', null, brief.format(begins)));
    for (let at = 0; at < 7 && begins.getTime() + at * DAY <= Date.now(); at += 1) {
      const day = known.get(new Date(begins.getTime() + at * DAY).toISOString().slice(0, 10));
      plot.append(square(week, at, most ? Math.ceil(((day?.hours ?? 0) / most) * shades) : 0));
    }
  }
  return [
    h('p', { class: 'soft small' }, t('demos.calendar_total', { hours: inHours(total) })),
    h('div', { class: 'calendar-area' }, plot, months),
    days.some((day) => day.sessions > 0) && behind(days, (day) => say.format(new Date(day))),
  ];
}

/**
 * @param {number} week
 * @param {number} day
 * @param {number} shade 0 = nothing was recorded.
 */
function square(week, day, shade) {
  const rect = document.createElementNS(svg, 'rect');
  const box = {
    x: week * cell + gap / 2,
    y: day * cell + gap / 2,
    width: cell - gap,
    height: cell - gap,
    rx: 2,
  };
  for (const [name, value] of Object.entries(box)) rect.setAttribute(name, String(value));
  rect.setAttribute('class', `shade-${shade}`);
  return rect;
}

/**
 * @param {RecordedDay[]} days
 * @param {(day: string) => string} say
 */
function behind(days, say) {
  const body = [...days]
    .filter((day) => day.sessions > 0)
    .reverse()
    .map(({ day, sessions, hours, bytes: size }) =>
      h(
        'tr',
        null,
        h('th', { scope: 'row' }, h('a', { href: `/app/demos?from=${day}&to=${day}` }, say(day))),
        h('td', { class: 'figures-column' }, String(sessions)),
        h('td', { class: 'figures-column' }, inHours(hours)),
        h('td', { class: 'figures-column' }, bytes(size)),
      ),
    );
  const heads = [t('statistics.day'), t('demos.sessions'), t('demos.hours'), t('demos.size')];
  return h(
    'details',
    { class: 'chart-table' },
    h('summary', null, t('chart.table')),
    h(
      'div',
      {
        class: 'chart-scroll',
        tabindex: 0,
        role: 'region',
        'aria-label': t('chart.table_of', { label: t('demos.calendar') }),
      },
      h(
        'table',
        { class: 'table figures-table' },
        h(
          'thead',
          null,
          h(
            'tr',
            null,
            heads.map((head, i) => h('th', { scope: 'col', class: i ? 'figures-column' : null }, head)),
          ),
        ),
        h('tbody', null, body),
      ),
    ),
  );
}
