// Runs before the first paint, so that a saved theme or language never flashes
// the other one. Everything else is an ES module and runs later.
(function () {
  try {
    const root = document.documentElement;
    const theme = localStorage.getItem('theme');
    if (theme === 'light' || theme === 'dark') root.dataset.theme = theme;
    const saved = localStorage.getItem('language');
    const wanted = saved || navigator.language || 'en';
    root.lang = wanted.toLowerCase().startsWith('ru') ? 'ru' : 'en';
  } catch {
    // Storage is blocked: the system's theme and language apply.
  }
})();
