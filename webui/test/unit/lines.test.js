/** The scale of charts of lines. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { scaleOf } from '../../static/scripts/chart/lines.js';

/** @param {number[]} values */
const moments = (values) => values.map((value, at) => ({ at, values: [value] }));

test('counts begin at zero', () => {
  assert.deepEqual(scaleOf(moments([3, 40, 7]), true), { low: 0, high: 40 });
  assert.deepEqual(scaleOf(moments([0, 0]), true), { low: 0, high: 2 });
  assert.deepEqual(scaleOf([], true), { low: 0, high: 2 });
});

test('ratings fill the height and stay within it', () => {
  for (const values of [[800], [800, 800], [778.7, 842], [100, 1612.5, 990], [1e6, 1e6 + 1], [-12, 7]]) {
    const { low, high } = scaleOf(moments(values), false);
    assert.ok(low <= Math.min(...values) && high >= Math.max(...values), `${values}: ${low} to ${high}`);
    assert.ok(high > low, 'the scale has a height');
    assert.equal((high - low) % 2, 0, 'its middle is a whole number');
  }
  assert.deepEqual(scaleOf([], false), { low: 0, high: 2 });
});
