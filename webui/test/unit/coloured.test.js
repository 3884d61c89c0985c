/** The colours of names: what is a code, and that every colour can be read. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  colourRuns,
  darkened,
  lightened,
  luminance,
  withoutColours,
} from '../../static/scripts/elements/coloured.js';

test('codes are three digits or one of eight letters', () => {
  /** @type {[string, string][]} */
  const cases = [
    ['^900Zz^wzz', 'Zzzz'],
    ['plain', 'plain'],
    ['^rA^gB^bC^wD^kE^yF^cG^mH', 'ABCDEFGH'],
    ['^12x', '^12x'],
    ['^xA', '^xA'],
    ['^', '^'],
    ['^^900a', '^a'],
    ['^9001', '1'],
    ['^Ra', '^Ra'],
    ['^900', ''],
    ['^rДа ^g\u05d0', 'Да \u05d0'],
    ['', ''],
  ];
  for (const [text, seen] of cases) assert.equal(withoutColours(text), seen, text);
});

test('a code colours what follows it', () => {
  assert.deepEqual(colourRuns('a^900b^wc'), [
    { text: 'a', colour: null },
    { text: 'b', colour: [1, 0, 0] },
    { text: 'c', colour: [1, 1, 1] },
  ]);
});

test('every colour can be read on light and on dark, and keeps what it is where it can', () => {
  const light = { canvas: 0.82, dark: 0.022 };
  for (let code = 0; code < 1000; code += 1) {
    const text = `^${String(code).padStart(3, '0')}x`;
    const { colour } = colourRuns(text)[0];
    assert.ok(colour);
    assert.ok((light.canvas + 0.05) / (luminance(darkened(colour)) + 0.05) >= 4.5, text);
    assert.ok((luminance(lightened(colour)) + 0.05) / (light.dark + 0.05) >= 4.5, text);
  }
  assert.deepEqual(darkened([0, 0, 0]), [0, 0, 0]);
  assert.deepEqual(lightened([1, 1, 1]), [1, 1, 1]);
});
