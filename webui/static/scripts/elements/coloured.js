/**
 * Names with the colour codes of Savage: ^ and three digits (red, green, blue
 * from 0 to 9) or one of rgbwkycm. The letters have that colour as far as it
 * can be read on the page; a stripe below them has it exactly.
 */

import { h } from '../dom.js';

/** @typedef {[number, number, number]} Colour Red, green and blue from 0 to 1. */
/** @typedef {{ text: string, colour: Colour | null }} Run */

/** @type {Record<string, Colour>} */
const letters = {
  r: [1, 0, 0],
  g: [0, 1, 0],
  b: [0, 0, 1],
  w: [1, 1, 1],
  k: [0, 0, 0],
  y: [1, 1, 0],
  c: [0, 1, 1],
  m: [1, 0, 1],
};

/** Luminance of the darkest light and the lightest dark thing that text stands on, and what WCAG AA asks for. */
const light = 0.82;
const dark = 0.022;
const contrast = 4.6;
const step = 0.04;

/**
 * @param {string} text
 * @returns {Run[]} Without the codes; without colour before the first of them.
 */
export function colourRuns(text) {
  /** @type {Run[]} */
  const runs = [];
  /** @type {Colour | null} */
  let colour = null;
  for (const part of text.split(/(\^(?:\d{3}|[rgbwkycm]))/)) {
    const code = /^\^(?:(\d)(\d)(\d)|([rgbwkycm]))$/.exec(part);
    if (code)
      colour = code[4] ? letters[code[4]] : [Number(code[1]) / 9, Number(code[2]) / 9, Number(code[3]) / 9];
    else if (part) runs.push({ text: part, colour });
  }
  return runs;
}

/** The text as it is seen, without its codes. @param {string} text */
export function withoutColours(text) {
  return colourRuns(text)
    .map((run) => run.text)
    .join('');
}

/**
 * @param {string} text
 * @param {string} [className]
 */
export function coloured(text, className = '') {
  return h(
    'bdi',
    { class: `coloured ${className}`.trim(), translate: 'no' },
    colourRuns(text).map((run) => {
      if (!run.colour) return run.text;
      const { colour } = run;
      const part = h('span', null, run.text);
      part.style.color = `light-dark(${css(darkened(colour))}, ${css(lightened(colour))})`;
      part.style.textDecorationColor = css(colour);
      return part;
    }),
  );
}

/** @param {Colour} colour */
export function darkened(colour) {
  let mixed = colour;
  for (let share = 0; share < 1 && (light + 0.05) / (luminance(mixed) + 0.05) < contrast; share += step)
    mixed = mix(colour, 0, share);
  return mixed;
}

/** @param {Colour} colour */
export function lightened(colour) {
  let mixed = colour;
  for (let share = 0; share < 1 && (luminance(mixed) + 0.05) / (dark + 0.05) < contrast; share += step)
    mixed = mix(colour, 1, share);
  return mixed;
}

/**
 * @param {Colour} colour
 * @param {number} towards 0 = black, 1 = white.
 * @param {number} share
 * @returns {Colour}
 */
function mix(colour, towards, share) {
  return /** @type {Colour} */ (colour.map((part) => part + (towards - part) * share));
}

/** WCAG's relative luminance. @param {Colour} colour */
export function luminance(colour) {
  const [r, g, b] = colour.map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

/** @param {Colour} colour */
function css(colour) {
  return `rgb(${colour.map((part) => Math.round(part * 255)).join(' ')})`;
}
