import assert from 'node:assert/strict';
import { test } from 'node:test';
import { recogniseItem } from '../../static/scripts/pages/mods/item.js';

const shine = { id: '117887554', hex: '706d242' };

/** What Steam, the game and people write for one item. */
const accepted = [
  '117887554',
  '706d242',
  '706D242',
  'm706d242',
  '0x706d242',
  '0X706D242',
  ' 706d242 ',
  'm706d242_1348957670',
  'm706d242_1348957670.zip',
  '/m706d242_1348957670.zip',
  '//m706d242_1348957670.zip',
  'https://steamcommunity.com/sharedfiles/filedetails/?id=117887554',
  'http://steamcommunity.com/sharedfiles/filedetails/?l=russian&id=117887554&searchtext=',
  'https://steamcommunity.com/workshop/filedetails/?id=117887554#comments',
  'steamcommunity.com/sharedfiles/filedetails/?id=117887554',
  'steam://url/CommunityFilePage/117887554',
];

for (const text of accepted) {
  test(`reads ${JSON.stringify(text)}`, () => assert.deepEqual(recogniseItem(text), shine));
}

const refused = [
  '',
  ' ',
  '0',
  '0x0',
  '-5',
  '1.5',
  'shine',
  'mzz',
  'm706d242.zip',
  'm706d242_x.zip',
  '18446744073709551616',
  '0x10000000000000000',
  'https://steamcommunity.com/sharedfiles/filedetails/',
  'https://steamcommunity.com/sharedfiles/filedetails/?id=abc',
  'https://steamcommunity.com/sharedfiles/filedetails/?idx=117887554',
  'javascript:alert(1)',
];

for (const text of refused) {
  test(`refuses ${JSON.stringify(text)}`, () => assert.equal(recogniseItem(text), null));
}

test('keeps all 64 bits', () => {
  assert.deepEqual(recogniseItem('18446744073709551615'), {
    id: '18446744073709551615',
    hex: 'ffffffffffffffff',
  });
  assert.deepEqual(recogniseItem('5f3f7c0'), { id: '99874752', hex: '5f3f7c0' });
});
