/**
 * Everything that is drawn, with its places: cards with their rows, lines between rows, ribbons between cards. Pure: the
 * page (draw.js) shows the part of it that is on screen, an export (export.js) all of it.
 */

import { CARD_WIDTH, FILTER_HEIGHT, HEAD_HEIGHT, ROW_HEIGHT, bothChanges, cardHeight, closedRows, hasFoot, shownRows } from "./model.js";

/**
 * @typedef {{card: import("./model.js").Card, x: number, y: number, width: number, height: number, isOpen: boolean,
 *   rows: {node: import("./model.js").AnswerNode, y: number}[], rowsTop: number, pinned: number, hidden: number,
 *   matching: number, from: number, filter: string, hasFoot: boolean}} SceneCard
 * @typedef {{key: string, path?: string, left: number, right: number, top: number, bottom: number, source: string,
 *   target: string, isIndirect: boolean, masked: boolean, certain: boolean, exact: boolean, change: string,
 *   weight: number, width: number, edges: number[], isRibbon: boolean}} SceneLine
 * @typedef {{cards: Map<string, SceneCard>, lines: SceneLine[], ribbons: SceneLine[],
 *   bounds: {left: number, top: number, right: number, bottom: number}}} Scene
 *   `pathOf` makes a line's path when it is first drawn. `lines` are for where rows can be read; `ribbons`, one a pair of cards, for where they cannot.
 */

/** Across: room between layers, wide enough for the curves of ten lines to be told apart. */
export const ACROSS = 120;
export const DOWN = 26;
/** How far a line that goes back, or down within a layer, swings out. */
const SWING = 56;
/** Lines of one pair that pass a layer lie in a band of this height. */
const BAND = 8;

/** What layout.js needs: cards with their heights, links with the y of their ends. */
export function layoutInput(shown, isOpen, windows, lit) {
  const cards = [...shown.cards.values()].map((card) => ({ id: card.id, height: cardHeight(card, isOpen(card.id)) }));
  const rowsOf = rowFinder(shown, isOpen, windows, lit);
  const links = shown.links.map((link) => ({
    source: link.source,
    target: link.target,
    sourceY: rowsOf(link.source, link.sourceRow),
    targetY: rowsOf(link.target, link.targetRow),
    weight: Math.min(link.weight, 50),
  }));
  return { cards, links };
}

/** A function from a card and a row to the y where lines meet it: the middle of the row, the foot for hidden ones, or the head. */
function rowFinder(shown, isOpen, windows, lit) {
  const found = new Map();
  return (id, row) => {
    if (!found.has(id)) {
      const card = shown.cards.get(id);
      const open = isOpen(id);
      const { rows, rowsTop } = rowPlaces(card, open, windows.get(id), lit);
      found.set(id, { rows: new Map(rows.map(({ node, y }) => [node.id, y + ROW_HEIGHT / 2])), foot: footMiddle(card, open), rowsTop });
    }
    const places = found.get(id);
    return row === null || places.rows.size === 0 ? HEAD_HEIGHT / 2 : places.rows.get(row) ?? places.foot;
  };
}

function footMiddle(card, open) {
  return cardHeight(card, open) - (hasFoot(card) ? 13 : 6);
}

function rowPlaces(card, open, window, lit) {
  const from = window?.from ?? 0;
  const filter = window?.filter ?? "";
  const chosen = shownRows(card, { open, from, filter, lit });
  const rowsTop = HEAD_HEIGHT + (open && card.columns.length > closedRows(card) ? FILTER_HEIGHT : 0) + 2;
  return { ...chosen, rowsTop, from, filter, rows: chosen.rows.map((node, number) => ({ node, y: rowsTop + number * ROW_HEIGHT })) };
}

/**
 * @param {{cards: Map<string, import("./model.js").Card>, links: import("./model.js").Link[]}} shown
 * @param {import("./layout.js").Layout} layout @param {(card: string) => boolean} isOpen
 * @param {Map<string, {from: number, filter: string}>} windows  of open cards @param {Set<string>|null} lit
 * @returns {Scene}
 */
export function sceneOf(shown, layout, isOpen, windows, lit) {
  const cards = new Map();
  for (const card of shown.cards.values()) {
    const { x, y } = layout.places.get(card.id);
    const open = isOpen(card.id);
    const places = rowPlaces(card, open, windows.get(card.id), lit);
    const isOpened = open && card.columns.length > closedRows(card);
    cards.set(card.id, { card, x, y, width: CARD_WIDTH, height: cardHeight(card, open), isOpen: isOpened, hasFoot: hasFoot(card), ...places });
  }
  const bounds = { left: Infinity, top: Infinity, right: -Infinity, bottom: -Infinity };
  for (const { x, y, width, height } of cards.values()) {
    bounds.left = Math.min(bounds.left, x);
    bounds.top = Math.min(bounds.top, y);
    bounds.right = Math.max(bounds.right, x + width);
    bounds.bottom = Math.max(bounds.bottom, y + height);
  }
  let [lines, ribbons] = [null, null];
  return {
    cards,
    bounds: cards.size ? bounds : { left: 0, top: 0, right: 0, bottom: 0 },
    get lines() {
      return (lines ??= sceneLines(shown.links, cards, layout, false));
    },
    get ribbons() {
      return (ribbons ??= sceneLines(shown.links, cards, layout, true));
    },
  };
}

/** Lines between rows, or where `byCard` or a row is hidden, one ribbon for all of a pair of cards. */
function sceneLines(links, cards, layout, byCard) {
  const rowY = new Map();
  for (const [id, { rows }] of cards) rowY.set(id, new Map(rows.map(({ node, y }) => [node.id, y + ROW_HEIGHT / 2])));
  const footOf = ({ height, hasFoot: has }) => height - (has ? 13 : 6);
  const pairs = new Map(); // a pair's links -> its lines, by what tells them apart
  for (const link of links) {
    if (byCard && link.source === link.target) continue;
    const sourceY = link.sourceRow === null ? HEAD_HEIGHT / 2 : rowY.get(link.source).get(link.sourceRow);
    const targetY = link.targetRow === null ? HEAD_HEIGHT / 2 : rowY.get(link.target).get(link.targetRow);
    const isRibbon = byCard || (link.sourceRow === null && link.targetRow === null) || sourceY === undefined || targetY === undefined;
    const key = byCard ? "" : `${sourceY ?? "foot"} ${targetY ?? "foot"} ${link.isIndirect}`;
    let pair = pairs.get(link.pair);
    if (!pair) pairs.set(link.pair, (pair = new Map()));
    const known = pair.get(key);
    if (!known) {
      const from = cards.get(link.source);
      const to = cards.get(link.target);
      const startY = from.y + (byCard ? from.height / 2 : sourceY ?? footOf(from));
      const endY = to.y + (byCard ? to.height / 2 : targetY ?? footOf(to));
      pair.set(key, { ...link, key: isRibbon ? `${link.pair}\n${key}` : link.key, isRibbon, edges: [...link.edges], ends: { from, to, startY, endY } });
      continue;
    }
    known.isIndirect &&= link.isIndirect;
    known.masked &&= link.masked;
    known.certain &&= link.certain;
    known.exact &&= link.exact;
    known.change = bothChanges(known.change, link.change);
    known.weight += link.weight;
    known.edges.push(...link.edges);
  }
  const lines = [];
  for (const [key, pair] of pairs) {
    const route = layout.routes.get(key) ?? [];
    let lane = 0;
    for (const line of pair.values()) {
      const shift = pair.size > 1 ? BAND * (lane / (pair.size - 1) - 0.5) : 0;
      lane += 1;
      const width = line.isRibbon ? Math.min(1.5 + Math.sqrt(line.weight), 14) : line.isIndirect ? 1.1 : 1.6;
      lines.push({ ...line, ...lineBox(line.ends, route, shift), width, route, shift });
    }
  }
  return lines;
}

/** The box of a line, a little too large rather than too small. */
function lineBox({ from, to, startY, endY }, route, shift) {
  let top = Math.min(startY, endY);
  let bottom = Math.max(startY, endY);
  for (const point of route) {
    top = Math.min(top, point.y + shift);
    bottom = Math.max(bottom, point.y + shift);
  }
  const start = from.x + from.width;
  const swing = to.x <= from.x ? SWING : 0;
  return { left: Math.min(start, to.x) - swing, right: Math.max(start, to.x) + swing, top, bottom };
}

/** The path of a line: from the right side of a row to the left side of another, straight where it passes a layer. */
export function pathOf(line) {
  return (line.path ??= linePath(line.ends, line.route, line.shift));
}

/** Where a line can say something: the middle of its last bend. */
export function middleOf({ ends: { from, to, startY, endY }, route, shift }) {
  if (from.x === to.x) return { x: from.x + from.width + SWING * 0.75, y: (startY + endY) / 2 };
  const last = route[route.length - 1];
  const startX = last ? (to.x < from.x ? last.x : last.x + from.width) : from.x + from.width;
  return { x: (startX + to.x) / 2, y: ((last ? last.y + shift : startY) + endY) / 2 };
}

function linePath({ from, to, startY, endY }, route, shift) {
  const start = from.x + from.width;
  if (from.x === to.x) return loopPath(start, startY, endY);
  const isBack = to.x < from.x;
  const parts = [`M${tenths(start)} ${tenths(startY)}`];
  let [x, y] = [start, startY];
  const curve = (toX, toY) => {
    const bend = isBack ? SWING : Math.max(24, Math.abs(toX - x) / 2);
    parts.push(`C${tenths(x + bend)} ${tenths(y)} ${tenths(toX - bend)} ${tenths(toY)} ${tenths(toX)} ${tenths(toY)}`);
    [x, y] = [toX, toY];
  };
  for (const point of route) {
    const [near, far] = isBack ? [point.x + from.width, point.x] : [point.x, point.x + from.width];
    curve(near, point.y + shift);
    parts.push(`H${tenths(far)}`);
    x = far;
  }
  curve(to.x, endY);
  return parts.join("");
}

function loopPath(x, y, toY) {
  const out = x + SWING;
  return `M${tenths(x)} ${tenths(y)}C${tenths(out)} ${tenths(y)} ${tenths(out)} ${tenths(toY)} ${tenths(x)} ${tenths(toY)}`;
}

function tenths(value) {
  return Math.round(value * 10) / 10;
}

/** Whether a box is in a window. */
export function isInside({ left, right, top, bottom }, window) {
  return right >= window.left && left <= window.right && bottom >= window.top && top <= window.bottom;
}
