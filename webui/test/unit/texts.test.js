import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { expand } from '../../static/scripts/texts.js';

/** @typedef {import('../../static/scripts/texts.js').Entry} Entry */

const root = new URL('../../static/', import.meta.url);

/** @param {string} language @returns {Record<string, Entry>} */
function catalogue(language) {
  return JSON.parse(readFileSync(new URL(`texts/${language}.json`, root), 'utf8'));
}

const en = catalogue('en');
const ru = catalogue('ru');

/** Every module's text. */
const sources = readdirSync(new URL('scripts/', root), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.js'))
  .map((name) => readFileSync(new URL(`scripts/${name}`, root), 'utf8'))
  .join('\n');

test('both languages have the same keys in the same order', () => {
  assert.deepEqual(Object.keys(ru), Object.keys(en));
});

test('every text has all plural forms of its language', () => {
  for (const [key, entry] of Object.entries(en)) {
    const russian = ru[key];
    assert.equal(typeof russian, typeof entry, key);
    if (typeof entry === 'string' || typeof russian === 'string') continue;
    assert.deepEqual(Object.keys(entry).sort(), ['one', 'other'], key);
    assert.deepEqual(Object.keys(russian).sort(), ['few', 'many', 'one', 'other'], key);
  }
});

test('a translation takes the same parameters', () => {
  /** @param {Entry} entry */
  const parameters = (entry) => {
    const texts = typeof entry === 'string' ? [entry] : Object.values(entry);
    return [
      ...new Set(texts.flatMap((text) => [...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1]))),
    ].sort();
  };
  for (const key of Object.keys(en)) assert.deepEqual(parameters(ru[key]), parameters(en[key]), key);
});

test('no text is empty, and Russian texts are not left in English', () => {
  const same = /^(app|nav|mod\.page|source|version\.sha256|use\.server_config|sort\.id)/;
  for (const [key, entry] of Object.entries(ru)) {
    const texts = typeof entry === 'string' ? [entry] : Object.values(entry);
    for (const text of texts) assert.notEqual(text.trim(), '', key);
    if (!same.test(key)) assert.notDeepEqual(entry, en[key], `${key} is not translated`);
  }
});

test('every key that the page uses exists, and every key is used', () => {
  const used = new Set([...sources.matchAll(/'([a-z_]+\.[\w.-]+)'/g)].map((match) => match[1]));
  const prefixes = [...sources.matchAll(/\bt(?:Or)?\(\s*`([a-z_]+\.)\$\{/g)].map((match) => match[1]);
  const called = [...sources.matchAll(/\bt\(\s*'([^']+)'/g)].map((match) => match[1]);
  assert.ok(called.length > 100, 'the calls of t() are found');
  for (const key of called) assert.ok(key in en, `${key} has no text`);
  for (const prefix of prefixes) {
    assert.ok(
      Object.keys(en).some((key) => key.startsWith(prefix)),
      `no text begins with ${prefix}`,
    );
  }
  for (const key of Object.keys(en)) {
    assert.ok(used.has(key) || prefixes.some((prefix) => key.startsWith(prefix)), `${key} is not used`);
  }
});

test('Russian counts mods by the rules of the language', () => {
  const rules = new Intl.PluralRules('ru');
  /** @param {number} count */
  const say = (count) => expand(ru['mods.count'], { count }, rules, 'ru');
  assert.equal(say(1), '1 мод');
  assert.equal(say(2), '2 мода');
  assert.equal(say(5), '5 модов');
  assert.equal(say(11), '11 модов');
  assert.equal(say(21), '21 мод');
  assert.equal(say(0), '0 модов');
  assert.equal(say(1002), '1\u00a0002 мода');
});

test('English counts mods', () => {
  const rules = new Intl.PluralRules('en');
  assert.equal(expand(en['mods.count'], { count: 1 }, rules, 'en'), '1 mod');
  assert.equal(expand(en['mods.count'], { count: 1234 }, rules, 'en'), '1,234 mods');
});

test('a parameter is put in as it is, braces and all', () => {
  const rules = new Intl.PluralRules('en');
  assert.equal(expand('Hello {name}', { name: '{count} <b>' }, rules, 'en'), 'Hello {count} <b>');
  assert.equal(expand('Hello {nobody}', { name: 'x' }, rules, 'en'), 'Hello {nobody}');
});
