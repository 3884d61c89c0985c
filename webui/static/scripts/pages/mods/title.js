/** What a mod is called when Steam told us no title. */

import { t, tOr } from '../../texts.js';

/** @param {{ title?: string, id?: string, item?: string }} mod A mod, or a job, whose id is not the item's. */
export function modTitle(mod) {
  return mod.title || t('mods.untitled', { id: mod.item ?? mod.id ?? '' });
}

/**
 * The game that an app id belongs to, as far as we know it.
 * @param {number} app
 */
export function appName(app) {
  return tOr(`app.${app}`, t('app.other', { id: String(app) }));
}
