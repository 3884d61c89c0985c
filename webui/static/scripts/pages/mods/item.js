/** Reads the spellings in which people write a Workshop item. */

const largest = (1n << 64n) - 1n;

/**
 * Understands a Workshop address, the name of a version (m706d242_1348957670.zip),
 * hexadecimal with m, 0x or a letter among its digits, and decimal. Digits alone
 * are decimal, as Steam writes them.
 * @param {string} text
 * @returns {{ id: string, hex: string } | null} Decimal and lower-case hexadecimal.
 */
export function recogniseItem(text) {
  const value = number(text.trim());
  if (value === null || value <= 0n || value > largest) return null;
  return { id: value.toString(10), hex: value.toString(16) };
}

/** @param {string} text */
function number(text) {
  const address = /^(?:https?:\/\/|steam:\/\/url\/CommunityFilePage\/|(?:www\.)?steamcommunity\.com\/)/i.test(
    text,
  );
  if (address) {
    const id = /[?&]id=(\d{1,20})(?:[&#]|$)/.exec(text) ?? /CommunityFilePage\/(\d{1,20})\/?$/i.exec(text);
    return id ? BigInt(id[1]) : null;
  }
  const named = /^\/*m([0-9a-f]{1,16})(?:_\d{1,12}(?:\.zip)?)?$/i.exec(text);
  if (named) return BigInt(`0x${named[1]}`);
  if (/^0x[0-9a-f]{1,16}$/i.test(text)) return BigInt(text.toLowerCase());
  if (/^\d{1,20}$/.test(text)) return BigInt(text);
  if (/^[0-9a-f]{1,16}$/i.test(text)) return BigInt(`0x${text}`);
  return null;
}
