/** What a mod is called when Steam told us no title. */

import { t, tOr } from '../../texts.js';

/** @param {{ title?: string, id?: string, item?: string }} mod */
export function modTitle(mod) {
  return mod.title || t('mods.untitled', { id: mod.id ?? mod.item ?? '' });
}

/**
 * The game that an app id belongs to, as far as we know it.
 * @param {number} app
 */
export function appName(app) {
  return tOr(`app.${app}`, t('app.other', { id: String(app) }));
}
