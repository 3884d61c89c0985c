/** How hard a password is to guess, in words. The daemon's own rules decide. */

/** Fewest characters that the daemon accepts. */
export const shortest = 8;
/** Most bytes that the daemon accepts. */
export const longestBytes = 256;

/** @typedef {'short' | 'long' | 'weak' | 'fair' | 'good' | 'strong'} Strength */

/** Guesses needed, as a power of two, from which a word holds. */
const fair = 36;
const good = 48;
const strong = 70;

/**
 * @param {string} password
 * @param {string} name The account's name, which makes a poor password.
 * @returns {Strength}
 */
export function strength(password, name) {
  const characters = [...password.normalize('NFC')];
  if (characters.length < shortest) return 'short';
  if (new TextEncoder().encode(password).length > longestBytes) return 'long';
  const folded = password.toLowerCase();
  const key = name.trim().toLowerCase();
  if (key && folded.replace(/[0-9!?.,_\-*#@$ ]/g, '') === key) return 'weak';
  const bits = distinctness(characters) * characters.length * bitsPerCharacter(password);
  if (bits < fair) return 'weak';
  if (bits < good) return 'fair';
  return bits < strong ? 'good' : 'strong';
}

/**
 * How much of a password is new: repeats and runs such as "aaaa" and "1234"
 * tell a guesser nothing.
 * @param {string[]} characters
 */
function distinctness(characters) {
  let fresh = 1;
  for (let i = 1; i < characters.length; i += 1) {
    const step = (characters[i].codePointAt(0) ?? 0) - (characters[i - 1].codePointAt(0) ?? 0);
    if (Math.abs(step) > 1) fresh += 1;
  }
  const different = new Set(characters).size;
  return Math.min(fresh, different * 2) / characters.length;
}

/**
 * What one character costs a guesser, in bits. People's passwords are made of
 * words, so a large alphabet says less than it seems to.
 * @param {string} password
 */
function bitsPerCharacter(password) {
  const mixed = /[a-z]/.test(password) && /[A-Z]/.test(password) && /[0-9]/.test(password);
  if (/^[0-9]+$/.test(password)) return Math.log2(10);
  return mixed ? 5.2 : 4.2;
}
