/**
 * The icon set: 24-unit outlines drawn for this page, in the colour of the text
 * around them. Icons are decoration; what they mean is said in words beside
 * them or in the label of their button.
 */

const svg = 'http://www.w3.org/2000/svg';

/** Path data by name; every path is stroked, none is filled. */
const drawings = {
  overview: 'M4 13h6V4H4zM14 20h6v-9h-6zM4 20h6v-3H4zM14 7h6V4h-6z',
  mods: 'M4 8l8-4 8 4v8l-8 4-8-4zM4 8l8 4 8-4M12 12v8M8 6l8 4v3',
  layers: 'M12 4l9 4.5-9 4.5-9-4.5zM3 12.5L12 17l9-4.5M3 16.5L12 21l9-4.5',
  search: 'M11 18a7 7 0 1 1 0-14 7 7 0 0 1 0 14zM16 16l4.5 4.5',
  plus: 'M12 5v14M5 12h14',
  copy: 'M9 9h11v11H9zM15 9V4H4v11h5',
  check: 'M5 12.5l4.5 4.5L19 7.5',
  cross: 'M6 6l12 12M18 6L6 18',
  retry: 'M20 12a8 8 0 1 1-2.6-5.9M20 3.5V8h-4.5',
  warning: 'M12 4l9.2 16H2.8zM12 10v4.5M12 17.2v.1',
  info: 'M12 21a9 9 0 1 1 0-18 9 9 0 0 1 0 18zM12 11v5.5M12 7.6v.1',
  error: 'M8.3 3h7.4L21 8.3v7.4L15.7 21H8.3L3 15.7V8.3zM12 7.5v5.5M12 16.2v.1',
  person: 'M12 12a4 4 0 1 1 0-8 4 4 0 0 1 0 8zM4.5 20.5c.8-4 3.7-6 7.5-6s6.7 2 7.5 6',
  sliders: 'M4 7h9M17 7h3M4 17h3M11 17h9M15 4.800v4.400M9 14.800v4.4',
  signin: 'M13 4h6v16h-6M4 12h11M11 8l4 4-4 4',
  signout: 'M11 4H5v16h6M9.5 12H20M16 8l4 4-4 4',
  pin: 'M9 4h6l-.7 6 3.2 3.500H6.500L9.7 10zM12 13.500V20.5',
  trash: 'M5 7h14M9.5 7V4.500h5V7M7 7l.8 13h8.400L17 7M10.5 11v5M13.5 11v5',
  shield: 'M12 3.500l7.5 2.700v5.300c0 4.5-3 7.6-7.5 9-4.5-1.4-7.5-4.5-7.5-9V6.200zM8.7 12l2.4 2.4 4.4-4.6',
  external: 'M14 4h6v6M20 4l-9 9M18 14v6H4V6h6',
  next: 'M5 12h14M13 6l6 6-6 6',
  back: 'M19 12H5M11 6l-6 6 6 6',
  link: 'M10 14l4-4M8.5 11L6 13.500a3.5 3.5 0 0 0 5 5l2.5-2.500M15.5 13L18 10.500a3.5 3.5 0 0 0-5-5L10.5 8',
  steam: 'M4 17.500h16M6.5 17.500l2-9h7l2 9M9.5 5.500c0-1.5 2-1 2-2.500M13 5.500c0-1.5 2-1 2-2.5',
  folder: 'M3.5 19V5.500h6l2 2.500h9v11z',
  disk: 'M12 9c4.4 0 8-1.3 8-3s-3.6-3-8-3-8 1.3-8 3 3.6 3 8 3zM4 6v12c0 1.7 3.6 3 8 3s8-1.3 8-3V6M4 12c0 1.7 3.6 3 8 3s8-1.3 8-3',
  download: 'M12 4v11M7.5 11l4.5 4.5 4.5-4.500M4.5 20h15',
  clock: 'M12 21a9 9 0 1 1 0-18 9 9 0 0 1 0 18zM12 7v5.500l3.5 2',
  book: 'M12 6.500C10 5 7.5 4.5 4 4.500v14c3.5 0 6 .5 8 2 2-1.5 4.5-2 8-2v-14c-3.5 0-6 .5-8 2zM12 6.500v14',
  up: 'M12 19V5.500M6.5 11L12 5.5 17.5 11',
  catalog: 'M4 4h7v7H4zM13 4h7v7h-7zM4 13h7v7H4zM13 13h7v7h-7z',
  game: 'M8 7h8a5 5 0 0 1 5 5.500v2a3 3 0 0 1-5.500 1.700L14.300 14.500H9.700L8.500 16.200A3 3 0 0 1 3 14.500v-2A5 5 0 0 1 8 7zM8.500 9.500v3M7 11h3M15.500 9.700v.1M17 12v.1',
  chart: 'M4 20h16M6.500 20v-7M12 20V5M17.500 20v-10',
  radar: 'M12 21a9 9 0 1 1 0-18 9 9 0 0 1 0 18zM12 16.500V8M8.500 11.500L12 8l3.500 3.5',
  broom: 'M14 4l-4 8M6 12h9l2.500 8H4zM9 16v4M13 16v4',
  terminal: 'M3.500 5h17v14h-17zM7 9.500l3 2.500-3 2.500M12.500 15H17',
  more: 'M4 7h16M4 12h16M4 17h16',
  film: 'M3.500 5h17v14h-17zM8 5v14M16 5v14M3.500 9.700H8M3.500 14.300H8M16 9.700h4.500M16 14.300h4.5',
  inbox: 'M4 13l2.500-8h11L20 13v6H4zM4 13h5l1 2.500h4l1-2.500h5',
  flag: 'M6 21V4M6 4.500h11l-2.500 4 2.500 4H6',
  trophy:
    'M8 4h8v5a4 4 0 0 1-8 0zM8 5.500H4.500v1.500A3.500 3.500 0 0 0 8 10.500M16 5.500h3.500v1.500a3.500 3.500 0 0 1-3.500 3.500M12 13v4M8.500 20h7M10 20l.500-3h3l.500 3',
  banner: 'M6 3v18M6 4.500h12l-3 4 3 4H6',
  swords: 'M5 4l10 10M4.500 19.500l4-4M7 13.500l3.500 3.500M19 4L9 14M19.500 19.500l-4-4M17 13.500L13.500 17',
  hanger:
    'M12 8.500V7.500a2 2 0 1 0-2-2M12 8.500l8.500 6.500a1.500 1.500 0 0 1-1 2.500h-15a1.500 1.500 0 0 1-1-2.500z',
  star: 'M12 3.500l2.600 5.600 6 .700-4.500 4.200 1.200 6L12 17l-5.300 3 1.200-6-4.500-4.200 6-.700z',
  down: 'M12 5v13.500M6.5 13l5.5 5.5 5.5-5.5',
};

/** @typedef {keyof typeof drawings} IconName */

/**
 * @param {IconName} name
 * @param {string} [className]
 * @returns {SVGSVGElement}
 */
export function icon(name, className = '') {
  const root = document.createElementNS(svg, 'svg');
  root.setAttribute('class', `icon ${className}`.trim());
  root.setAttribute('viewBox', '0 0 24 24');
  root.setAttribute('aria-hidden', 'true');
  const path = document.createElementNS(svg, 'path');
  path.setAttribute('d', drawings[name]);
  root.append(path);
  return root;
}
