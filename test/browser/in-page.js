// Runs inside the page that is looked at: plain text for the browser, no module. `keyturn` is all that it leaves there.
globalThis.keyturn = {
  /** Opens all that is closed, and lays out all that is out of sight. */
  unfold() {
    for (const each of document.querySelectorAll('details')) {
      each.open = true;
      each.style.contentVisibility = 'visible';
    }
  },

  /** Every colour of a text that is too close to what is behind it, once each, as one line. */
  faintTexts() {
    /** @type {Set<string>} */
    const found = new Set();
    let texts = 0;
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      const element = node.parentElement;
      if (node.textContent.trim() === '' || !element.checkVisibility()) continue;
      texts += 1;
      const style = getComputedStyle(element);
      const colour = element instanceof SVGElement ? style.fill : style.color;
      const size = Number.parseFloat(style.fontSize);
      const isLarge = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
      const behind = backgroundOf(element);
      const ratio = contrastOf(colour, behind);
      if (ratio >= (isLarge ? 3 : 4.5)) continue;
      found.add(`${element.className || element.localName}: ${colour} on ${behind} is ${ratio.toFixed(2)}`);
    }
    return { texts, found: [...found] };
  },

  /** The same of the shapes in the pictures, which need 3. */
  faintShapes() {
    /** @type {Set<string>} */
    const found = new Set();
    const shapes = ['current', 'soak', 'soaked', 'undone', 'compromised', 'now'];
    for (const shape of shapes) {
      const path = document.querySelector(`.legend path.${shape}`);
      const colour = getComputedStyle(path).stroke;
      const period = getComputedStyle(document.querySelector('rect.period')).fill;
      for (const behind of [backgroundOf(path), period]) {
        const ratio = contrastOf(colour, behind);
        if (ratio < 3) found.add(`${shape}: ${colour} on ${behind} is ${ratio.toFixed(2)}`);
      }
    }
    return [...found];
  },

  /** What is wrong with the page's tables, headings, names and links; empty: nothing. */
  flaws() {
    return [...tableFlaws(), ...headingFlaws(), ...nameFlaws()];
  },

  /** How much further than its width the page can be moved sideways. */
  overhang() {
    const root = document.documentElement;
    scrollTo(10_000, scrollY);
    const moved = scrollX;
    scrollTo(0, scrollY);
    return Math.max(moved, root.scrollWidth - root.clientWidth);
  },

  /** Where the keyboard is, and whether one can see that. */
  focused() {
    const element = document.activeElement;
    const style = getComputedStyle(element);
    const box = element.getBoundingClientRect();
    const isRinged = style.outlineStyle !== 'none' && Number.parseFloat(style.outlineWidth) >= 2;
    const isInView = box.width > 0 && box.right > 0 && box.bottom > 0 && box.top < innerHeight;
    return {
      what:
        element.id ||
        element.getAttribute('aria-labelledby') ||
        element.getAttribute('href') ||
        element.localName,
      isSeen: isRinged && isInView && contrastOf(style.outlineColor, backgroundOf(element)) >= 3,
    };
  },

  /** What the keyboard has to reach to scroll: the regions that are not inside something closed. */
  regions() {
    return [...document.querySelectorAll('.scroll')]
      .filter((region) => region.closest('details:not([open])') === null)
      .map((region) => region.getAttribute('aria-labelledby'));
  },
};

function tableFlaws() {
  return [...document.querySelectorAll('table')].flatMap((table) => {
    const name = table.caption?.textContent.trim() ?? '';
    const heads = [...table.tHead.rows[0].cells];
    const firsts = [...table.tBodies[0].rows].map((row) => row.cells[0]);
    const widths = new Set([...table.rows].map((row) => row.cells.length));
    return [
      name === '' ? 'a table has no caption' : null,
      heads.every((cell) => cell.localName === 'th' && cell.scope === 'col') ? null : `${name}: columns`,
      firsts.every((cell) => cell.localName === 'th' && cell.scope === 'row') ? null : `${name}: rows`,
      widths.size === 1 ? null : `${name}: rows of different lengths`,
      table.parentElement.tabIndex === 0 ? null : `${name}: the keyboard cannot scroll it`,
    ].filter((flaw) => flaw !== null);
  });
}

function headingFlaws() {
  const levels = [...document.querySelectorAll('h1,h2,h3,h4,h5,h6')].map((each) => Number(each.localName[1]));
  const leaps = levels.filter((level, at) => level > (levels[at - 1] ?? 0) + 1);
  const needed = ['header', 'nav', 'main', 'footer'].filter((name) => document.querySelector(name) === null);
  return [
    levels.filter((level) => level === 1).length === 1 ? null : 'not one first heading',
    leaps.length === 0 ? null : `headings leap to ${leaps.join(', ')}`,
    needed.length === 0 ? null : `no ${needed.join(', ')}`,
    document.documentElement.lang === 'en' ? null : 'no language',
  ].filter((flaw) => flaw !== null);
}

function nameFlaws() {
  const ids = [...document.querySelectorAll('[id]')].map(({ id }) => id);
  const known = new Set(ids);
  const targets = [
    ...[...document.querySelectorAll('a')].map((link) => link.getAttribute('href')?.slice(1)),
    ...[...document.querySelectorAll('use')].map((use) => use.getAttribute('href')?.slice(1)),
    ...[...document.querySelectorAll('[aria-labelledby]')].map((each) =>
      each.getAttribute('aria-labelledby'),
    ),
  ];
  const unnamed = [...document.querySelectorAll('svg:not([role=img][aria-label])')].filter(
    (picture) => picture.closest('[aria-hidden=true]') === null,
  ).length;
  return [
    known.size === ids.length ? null : 'an id stands twice',
    ...targets.filter((target) => !known.has(target)).map((target) => `nothing is called ${target}`),
    unnamed === 0 ? null : `${unnamed} pictures without a text`,
    document.title === '' ? 'no title' : null,
  ].filter((flaw) => flaw !== null);
}

/** @param {Element} element */
function backgroundOf(element) {
  for (let each = element; each !== null; each = each.parentElement) {
    const { backgroundColor } = getComputedStyle(each);
    if (!/, 0\)$|^transparent$/.test(backgroundColor)) return backgroundColor;
  }
  return 'rgb(255, 255, 255)';
}

/**
 * @param {string} one
 * @param {string} other
 */
function contrastOf(one, other) {
  const [light, dark] = [luminanceOf(one), luminanceOf(other)].sort((a, b) => b - a);
  return (light + 0.05) / (dark + 0.05);
}

/** @param {string} colour as `getComputedStyle` writes it */
function luminanceOf(colour) {
  const [red = 0, green = 0, blue = 0] = (colour.match(/[\d.]+/g) ?? []).map((part) => {
    const share = Number(part) / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
