/** The tags that narrow the catalogue: the most used ones to press, the others to choose. */

import { listTags } from '../../api/catalog.js';
import { chipBar } from '../../elements/chips.js';
import { setQuery } from '../../elements/query.js';
import { here } from '../../router.js';
import { t } from '../../texts.js';

/** Tags that are offered as buttons; more of them would push the list off the screen. */
const likely = 10;
/** Tags that are offered at all: nobody reads a select with thousands. */
const most = 300;

export function tagBar() {
  const bar = chipBar(t('catalog.tags'), t('catalog.other_tags'), toggle);
  let game = '';
  /** @type {import('../../api/model.js').Tag[]} */
  let known = [];
  let controller = new AbortController();

  async function load() {
    controller.abort();
    controller = new AbortController();
    const { signal } = controller;
    try {
      const { tags } = await listTags(game, signal);
      if (signal.aborted) return;
      known = [...tags].sort((a, b) => b.mods - a.mods || a.name.localeCompare(b.name)).slice(0, most);
      show();
    } catch {
      // The list itself says what is wrong.
    }
  }

  function show() {
    const chosen = here().query.getAll('tag');
    const strange = chosen.filter((id) => !known.some((tag) => tag.id === id));
    bar.update([
      ...strange.map((id) => ({ id, label: id, on: true, likely: true })),
      ...known.map(({ id, name, mods }, i) => ({
        id,
        label: name,
        count: mods,
        on: chosen.includes(id),
        likely: i < likely,
      })),
    ]);
  }

  /** @param {URLSearchParams} query */
  function follow(query) {
    show();
    const wanted = query.get('game') ?? '';
    if (wanted === game && known.length) return;
    game = wanted;
    load();
  }
  return { element: bar.element, follow, refresh: load, close: () => controller.abort() };
}

/** @param {string} tag */
function toggle(tag) {
  const now = here().query.getAll('tag');
  setQuery({ tag: now.includes(tag) ? now.filter((one) => one !== tag) : [...now, tag] });
}
