import assert from 'node:assert/strict';
import { test } from 'node:test';
import { niceTop, peak, series, sum } from '../../static/scripts/chart/series.js';
import { initials } from '../../static/scripts/elements/cover.js';
import { cutTo, wanted } from '../../static/scripts/pages/statistics/range.js';

test('days without a row are zero, both ends included', () => {
  const points = series({ by: 'day', from: '2026-02-27', to: '2026-03-02' }, [
    { time: '2026-02-28', count: 3 },
    { time: '2026-03-02', count: 4 },
  ]);
  assert.deepEqual(points, [
    { time: '2026-02-27', count: 0 },
    { time: '2026-02-28', count: 3 },
    { time: '2026-03-01', count: 0 },
    { time: '2026-03-02', count: 4 },
  ]);
  assert.equal(sum(points), 7);
  assert.equal(peak(points).time, '2026-03-02');
});

test('hours are counted from UTC, also where a zone begins them at the half', () => {
  const range = /** @type {const} */ ({
    by: 'hour',
    from: '2026-11-20T22:00:00Z',
    to: '2026-11-21T00:59:00Z',
  });
  assert.deepEqual(
    series(range, [{ time: '2026-11-20T23:00:00Z', count: 2 }]).map((point) => point.count),
    [0, 2, 0],
  );
  const half = series(range, [{ time: '2026-11-20T22:30:00Z', count: 5 }]);
  assert.deepEqual(
    half.find((point) => point.count),
    { time: '2026-11-20T22:30:00.000Z', count: 5 },
  );
});

test('a span that makes no sense gives no columns, an endless one gives the last thousand', () => {
  assert.deepEqual(series({ by: 'day', from: '2026-03-02', to: '2026-03-01' }, []), []);
  assert.deepEqual(series({ by: 'day', from: '', to: '' }, []), []);
  const long = series({ by: 'hour', from: '1970-01-01T00:00:00Z', to: '2026-11-20T08:00:00Z' }, []);
  assert.equal(long.length, 1000);
  assert.equal(long.at(-1)?.time, '2026-11-20T08:00:00.000Z');
});

test('a scale ends at a round number whose half is whole', () => {
  const table = [
    [0, 2],
    [1, 2],
    [2, 2],
    [3, 4],
    [7, 8],
    [9, 10],
    [10, 10],
    [11, 12],
    [13, 16],
    [45, 50],
    [101, 120],
    [11_820, 12_000],
    [99_999, 100_000],
    [1_000_001, 1_200_000],
  ];
  for (const [value, top] of table) assert.equal(niceTop(value), top, String(value));
});

test('the address chooses the span; nonsense in it means the usual one', () => {
  const now = Date.parse('2026-11-20T08:34:11Z');
  /** @param {string} query */
  const span = (query) => wanted(new URLSearchParams(query), now);
  assert.deepEqual(span(''), { by: 'day', from: '2026-10-22', to: '', cut: null });
  assert.deepEqual(span('range=7d'), { by: 'day', from: '2026-11-14', to: '', cut: null });
  assert.deepEqual(span('range=24h'), {
    by: 'hour',
    from: '2026-11-18',
    to: '',
    cut: { from: '2026-11-19T09:00:00.000Z', to: '2026-11-20T08:00:00.000Z' },
  });
  const dates = { by: 'day', from: '2026-01-01', to: '2026-01-31', cut: null };
  assert.deepEqual(span('from=2026-01-01&to=2026-01-31'), dates);
  for (const bad of ['range=5y', 'from=2026-01-01', 'from=2026-02-01&to=2026-01-01', 'from=x&to=y']) {
    assert.deepEqual(span(bad), span(''), bad);
  }
});

test('hours outside the span are cut off', () => {
  const data = {
    by: /** @type {const} */ ('hour'),
    time_zone: 'UTC',
    from: '2026-11-19',
    to: '2026-11-20',
    types: [],
    rows: [
      '2026-11-19T08:59:00Z',
      '2026-11-19T09:00:00Z',
      '2026-11-20T08:30:00Z',
      '2026-11-20T09:00:00Z',
    ].map((time) => ({ time, type: 'files_sent', count: 1 })),
  };
  const span = { from: '2026-11-19T09:00:00.000Z', to: '2026-11-20T08:00:00.000Z' };
  const cut = cutTo(data, span);
  assert.deepEqual(cut.rows, data.rows.slice(1, 3));
  assert.deepEqual([cut.from, cut.to], [span.from, span.to]);
  assert.equal(cutTo(data, null), data);
});

test('initials stand for a picture', () => {
  assert.equal(initials('Shine Administration mod'), 'SA');
  assert.equal(initials('ns2_co_core – x'), 'NC');
  assert.equal(initials('карты'), 'К');
  assert.equal(initials('—'), '–');
});
