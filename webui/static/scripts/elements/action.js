/** A button that does something at the daemon and says when it failed. */

import { h } from '../dom.js';
import { icon } from '../icons.js';
import { toast } from '../shell/toasts.js';
import { failureText } from './failure.js';

/**
 * A second press waits for the first. The button is never disabled, because
 * that would take the focus away.
 * @param {object} parts
 * @param {string} parts.label
 * @param {import('../icons.js').IconName} parts.icon
 * @param {() => Promise<void>} parts.run
 * @param {string} [parts.tone] primary, danger, small.
 * @param {string} [parts.focus]
 */
export function actionButton(parts) {
  const button = h(
    'button',
    { type: 'button', class: `button ${parts.tone ?? ''}`.trim(), 'data-focus': parts.focus },
    icon(parts.icon),
    parts.label,
  );
  button.addEventListener('click', async () => {
    if (button.hasAttribute('aria-busy')) return;
    button.setAttribute('aria-busy', 'true');
    try {
      await parts.run();
    } catch (error) {
      toast(failureText(error), 'error');
    } finally {
      button.removeAttribute('aria-busy');
    }
  });
  return button;
}
