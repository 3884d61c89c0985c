import js from '@eslint/js';
import globals from 'globals';

const rules = {
  eqeqeq: ['error', 'always', { null: 'ignore' }],
  'max-lines': ['error', { max: 300, skipBlankLines: true, skipComments: true }],
  'max-lines-per-function': ['error', { max: 70, skipBlankLines: true, skipComments: true }],
  'no-var': 'error',
  'prefer-const': 'error',
  'no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
};

// What would defeat escaping or the content security policy. Text reaches the
// page through text nodes only.
const unsafe = ['innerHTML', 'outerHTML', 'insertAdjacentHTML', 'write', 'writeln'].map((property) => ({
  property,
  message: 'Build nodes with h() from dom.js: text must never be parsed as markup.',
}));

export default [
  js.configs.recommended,
  {
    files: ['static/scripts/**/*.js'],
    languageOptions: { globals: globals.browser },
    rules: { ...rules, 'no-restricted-properties': ['error', ...unsafe], 'no-console': 'error' },
  },
  {
    files: ['static/scripts/early.js'],
    languageOptions: { sourceType: 'script' },
  },
  {
    files: ['test/**/*.js', 'eslint.config.js'],
    languageOptions: { globals: { ...globals.node, ...globals.browser } },
    rules: { ...rules, 'max-lines-per-function': 'off' },
  },
];
