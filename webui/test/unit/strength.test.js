import assert from 'node:assert/strict';
import { test } from 'node:test';
import { strength } from '../../static/scripts/pages/account/strength.js';

/** @type {[string, string, string][]} password, name, word */
const table = [
  ['', '', 'short'],
  ['1234567', '', 'short'],
  ['пароль1', '', 'short'],
  ['12345678', '', 'weak'],
  ['aaaaaaaaaaaaaaaa', '', 'weak'],
  ['abcdefghijkl', '', 'weak'],
  ['Quartermaster1!', 'quartermaster', 'weak'],
  ['kitchen-42', 'Ada', 'fair'],
  ['correct horse', 'Ada', 'fair'],
  ['purple-tractor-9', 'Ada', 'good'],
  ['correct horse battery staple', 'Ada', 'strong'],
  ['верный конь батарея скоба', 'Ада', 'strong'],
  ['x'.repeat(257), '', 'long'],
  ['я'.repeat(129), '', 'long'],
];

for (const [password, name, word] of table) {
  test(`${JSON.stringify(password.slice(0, 30))} for ${JSON.stringify(name)} is ${word}`, () => {
    assert.equal(strength(password, name), word);
  });
}
