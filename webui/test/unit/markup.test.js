import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseBBCode } from '../../static/scripts/markup/bbcode.js';
import { parseHTML } from '../../static/scripts/markup/html.js';
import { safeAddress } from '../../static/scripts/markup/tree.js';

/** @typedef {import('../../static/scripts/markup/tree.js').Child} Child */

/**
 * A tree as one line: kind(children), links with their address.
 * @param {Child} child
 * @returns {string}
 */
function line(child) {
  if (typeof child === 'string') return child;
  return `${child.kind}${child.href ? `<${child.href}>` : ''}(${child.children.map(line).join('|')})`;
}

/** @param {string} text */
const bb = (text) => parseBBCode(text).children.map(line).join('|');
/** @param {string} text */
const html = (text) => parseHTML(text).children.map(line).join('|');

/** @type {[string, string, string][]} */
const bbcodes = [
  ['plain text', 'a < b & "c"', 'a < b & "c"'],
  ['styles', '[b]a[/b][i]b[/i][U]c[/u]', 'bold(a)|italic(b)|underline(c)'],
  ['headings', '[h1]a[/h1][h2]b[/h2][h3]c[/h3]', 'h1(a)|h2(b)|h3(c)'],
  ['never closed', '[b]a', 'bold(a)'],
  ['closes nothing', 'a[/b]b', 'a|b'],
  ['crossed', '[b]a[i]b[/b]c', 'bold(a|italic(b))|c'],
  ['unknown', '[size=7]a[/size] [foo]b', 'a| [foo]b'],
  ['brackets', 'a[1] [] [/] [b', 'a[1] [] [/] [b'],
  ['list', '[list][*]a[*][b]b[/b][/list]', 'list(item(a)|item(bold(b)))'],
  ['list in a list', '[list][*]a[olist][*]b[/olist][*]c[/list]', 'list(item(a|olist(item(b)))|item(c))'],
  ['link', '[url=https://a.example/x]y[/url]', 'link<https://a.example/x>(y)'],
  ['link in quotes', '[url="https://a.example"]y[/url]', 'link<https://a.example/>(y)'],
  ['link to itself', '[url]https://a.example/x[/url]', 'link<https://a.example/x>(https://a.example/x)'],
  ['link without a scheme', '[url=a.example/x]y[/url]', 'link<https://a.example/x>(y)'],
  ['link that runs', '[url=javascript:alert(1)]y[/url]', '[url=javascript:alert(1)]|y'],
  ['link with data', '[url=data:text/html,x]y[/url]', '[url=data:text/html,x]|y'],
  [
    'link in a link',
    '[url=a.example]x[url=b.example]y[/url]',
    'link<https://a.example/>(x)|link<https://b.example/>(y)',
  ],
  ['bare address', 'see https://a.example/x.', 'see |link<https://a.example/x>(https://a.example/x)|.'],
  [
    'bare address in a link',
    '[url=a.example][b]https://b.example[/b][/url]',
    'link<https://a.example/>(bold(https://b.example))',
  ],
  ['picture', '[img]https://a.example/x.png[/img]', 'link<https://a.example/x.png>(https://a.example/x.png)'],
  ['code', '[code]\n[b]a[/b]\n[/code]b', 'code([b]a[/b])|b'],
  ['code never closed', '[code][b]a', 'code([b]a)'],
  ['noparse', '[noparse][b]a[/b][/noparse]', '[b]a[/b]'],
  ['quote with an author', '[quote=Ada]a[/quote]', 'quote(a)'],
  ['rule', 'a[hr][/hr]b', 'a|rule()|b'],
  ['table', '[table][tr][td]a[/td][td]b[/td][/tr][/table]', 'a|b'],
  ['video', 'a[previewyoutube=x;full]y[/previewyoutube]b', 'a|b'],
  ['Windows lines', 'a\r\nb', 'a\nb'],
];
for (const [title, text, want] of bbcodes) {
  test(`BBCode: ${title}`, () => assert.equal(bb(text), want));
}

/** @type {[string, string, string][]} */
const htmls = [
  ['text and entities', 'a &amp; b &lt;i&gt; &#8217;&#x27;&nbsp;&unknown;', "a & b <i> ’'\u00a0&unknown;"],
  ['no character', '&#0;&#xd800;&#x110000;', '&#0;&#xd800;&#x110000;'],
  ['shape', '<h2 class="x">a</h2><p>b<br/>c</p>', 'h2(a)|paragraph(b|break()|c)'],
  ['list', '<ul><li>a<li>b</ul>', 'list(item(a)|item(b))'],
  ['link', '<a href="https://a.example/?x=1&amp;y=2">b</a>', 'link<https://a.example/?x=1&y=2>(b)'],
  ['link that runs', '<a href="javascript:alert(1)">b</a>', 'b'],
  ['pictures and handlers', '<img src=x onerror=alert(1)>a', 'a'],
  ['scripts', 'a<script>alert("<b>")</script><style>b{}</style>c', 'a|c'],
  ['white space', 'a\n   b', 'a b'],
  ['half a tag', 'a <b', 'a <b'],
];
for (const [title, text, want] of htmls) {
  test(`HTML: ${title}`, () => assert.equal(html(text), want));
}

test('only addresses of the web are followed', () => {
  for (const bad of [
    '',
    'x',
    'javascript:alert(1)',
    ' JAVASCRIPT:a.b',
    'data:text/html,a.b',
    'file:///etc/passwd',
    'https://',
    'vbscript:x.y',
    '\u0001javascript:x.y',
  ]) {
    const safe = safeAddress(bad);
    assert.ok(safe === '' || safe.startsWith('https://'), `${bad} became ${safe}`);
  }
  assert.equal(safeAddress(' http://a.example '), 'http://a.example/');
  assert.equal(safeAddress('//a.example/x'), 'https://a.example/x');
});

test('hostile texts end soon and nest no deeper than the page can bear', () => {
  /** @param {Child} child @returns {number} */
  const depth = (child) =>
    typeof child === 'string' ? 0 : 1 + child.children.reduce((most, one) => Math.max(most, depth(one)), 0);
  const hostile = [
    '[url]',
    '[b]',
    '[list][*]',
    '[code]',
    '[img]x[/img]',
    '[',
    '[url=',
    'https://',
    '[*]',
    '[/b]',
  ];
  const started = performance.now();
  for (const part of hostile) {
    assert.ok(depth(parseBBCode(part.repeat(70_000 / part.length))) < 30, part);
  }
  for (const part of ['<', '<b>', '<a href="', '&amp', '<li>', '<script>', '&#1;']) {
    assert.ok(depth(parseHTML(part.repeat(140_000 / part.length))) < 30, part);
  }
  assert.ok(performance.now() - started < 5_000, 'in bounded time');
});
