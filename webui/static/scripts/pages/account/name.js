/** One's display name. */

import { changeName } from '../../api/me.js';
import { card } from '../../elements/blocks.js';
import { h } from '../../dom.js';
import { toast } from '../../shell/toasts.js';
import { t } from '../../texts.js';
import { field } from './form.js';
import { submitForm } from './submit.js';

/** @param {(me: import('../../api/me.js').Me) => void} changed */
export function nameCard(changed) {
  const input = field(t('name.label'), { name: 'nickname', autocomplete: 'nickname', maxlength: 64 });
  let known = '';
  const form = submitForm({
    fields: [h('p', { class: 'soft' }, t('name.text')), input.element],
    button: t('name.change'),
    tone: '',
    check: () => (input.input.value.trim() ? null : { input: input.input, text: t('setup.need_name') }),
    run: async () => {
      changed(await changeName(input.input.value.trim()));
      toast(t('name.changed'));
    },
  });
  return {
    element: card(t('name.title'), {}, form.element),
    /** @param {import('../../api/me.js').Me} me */
    update({ name }) {
      if (input.input.value === known) input.input.value = name; // unless somebody is typing
      known = name;
    },
  };
}
