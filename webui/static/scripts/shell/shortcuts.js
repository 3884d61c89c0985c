/** Keys that work everywhere on the page. */

/**
 * Ctrl-K (Cmd-K) and "/" focus the search.
 * @param {() => void} focusSearch
 */
export function listenToKeys(focusSearch) {
  document.addEventListener('keydown', (event) => {
    if (document.querySelector('dialog[open]')) return;
    const combined = (event.ctrlKey || event.metaKey) && event.code === 'KeyK';
    const slash =
      event.key === '/' && !event.ctrlKey && !event.metaKey && !event.altKey && !typing(event.target);
    if (!combined && !slash) return;
    event.preventDefault();
    focusSearch();
  });
}

/** @param {EventTarget | null} target */
function typing(target) {
  return (
    target instanceof HTMLElement && (target.isContentEditable || target.matches('input, textarea, select'))
  );
}
