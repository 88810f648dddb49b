/**
 * A scene as DOM: HTML cards over SVG lines, only what is on screen, changed by key. Below a certain scale cards are blocks
 * and lines are ribbons, since a column's line could not be told apart. All text is set as text.
 *
 * Not here: what is shown and where (model.js, layout.js, scene.js), events (graph.js). Elements carry what events need:
 * `data-card`, `data-node`, `data-part`, `data-line`.
 */

import { CLOSED_ROWS, MAKINGS, datasetOf, expressionOf, makingOf, grouped, visible } from "./model.js";
import { isInside, middleOf, pathOf } from "./scene.js";

const SVG = "http://www.w3.org/2000/svg";
/** Below this scale text of 13 pixels is under 5 pixels high. */
export const FAR_SCALE = 0.35;
/** Below this scale a card is too narrow for the first word of its name. */
export const TINY_SCALE = 0.16;
/** Wider invisible lines, so that a lit one can be clicked; where more are lit, each would be hit by chance. */
const MOST_CLICKABLE = 400;

/** More signs at changed lines would hide each other. */
const MOST_SIGNS = 150;
/** Where more lines cross the screen, those that neither begin nor end on it are left out: they tell nothing there. */
const MANY_LINES = 400;

/** Width of lines that are not lit: up to one pixel of the screen they are painted in half the time of thicker ones. */
const HAIR = 1;

/** Paths of 16 x 16 for what a column's edges do to it. */
export const MAKING_ICONS = {
  masked: "M4 7V5a4 4 0 0 1 8 0v2h1v7H3V7Zm2 0h4V5a2 2 0 0 0-4 0Z",
  aggregated: "M3 2h10v3h-2V4H6.5l3.5 4-3.5 4H11v-1h2v3H3v-1.4L7.2 8 3 3.4Z",
  computed: "M6 14H4.2L6.6 6H5V4.4h2L7.4 3C7.9 1.6 8.9 1 10.3 1c.7 0 1.2.1 1.7.3l-.4 1.5c-.3-.1-.6-.2-1-.2-.8 0-1.2.3-1.4 1L8.9 4.4H11V6H8.4Zm3-5h1.6l.9 1.5L13 9h1.5l-2.1 2.5L14 14h-1.6l-.9-1.6-1.2 1.6H8.8l2-2.5Z",
  renamed: "M2 5h8V2.5L14.5 6 10 9.5V7H2Zm12 6H6V8.5L1.5 12 6 15.5V13h8Z",
  unchanged: "",
  constant: "M5 2h6v2H9v8h2v2H5v-2h2V4H5Z",
  generated: "M8 1l1.8 5.2L15 8l-5.2 1.8L8 15l-1.8-5.2L1 8l5.2-1.8Z",
  conditional: "M3 2h2v3l6 4v5H9v-4L5 7.4V14H3ZM11 2h2v4l-2 1.5Z",
  unresolved: "M5 5.5C5 3.5 6.3 2 8.2 2S11.5 3.3 11.5 5c0 2.3-2.5 2.5-2.5 4.5H7.2C7.2 7 9.6 6.6 9.6 5c0-.8-.6-1.4-1.5-1.4S6.7 4.4 6.7 5.5ZM7.1 11.5h2V14h-2Z",
  ended: "M3 3l2-1 3 4 3-4 2 1-3.6 5L13 13l-2 1-3-4-3 4-2-1 3.6-5Z",
};

export const SIGNS = { added: "+", removed: "−", changed: "~" };

export function makeElement(tag, className = "", text = "") {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text) made.textContent = visible(text);
  return made;
}

export function makeSvg(tag, attributes = {}) {
  return setAttributes(document.createElementNS(SVG, tag), attributes);
}

function setAttributes(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

/** The full name of a column, for screen readers. */
export function columnInWords(graph, node) {
  const { making, uncertain, inexact, unresolved, sources } = makingOf(graph, node);
  const targets = new Set((graph.outgoing.get(node.id) ?? []).map((number) => graph.edges[number].target)).size;
  const many = (number) => `${number} ${number === 1 ? "column" : "columns"}`;
  return [
    node.name,
    node.dataType,
    sources ? `from ${many(sources)}` : "",
    targets ? `to ${targets}` : "",
    MAKINGS[making] ?? making,
    uncertain ? "uncertain" : "",
    inexact ? "not exact" : "",
    unresolved && making !== "unresolved" ? "some sources not known" : "",
    ...(node.tags ?? []),
    node.change ?? "",
  ].filter(Boolean).join(", ");
}

export class GraphDrawing {
  /** @param {HTMLElement} frame  the element that clips; its content is ours */
  constructor(frame) {
    this.world = makeElement("div", "world");
    const svg = makeSvg("svg", { class: "lines", "aria-hidden": "true" });
    const defs = makeSvg("defs");
    for (const kind of ["direct", "indirect", "masked"]) {
      const marker = makeSvg("marker", { id: `arrow-${kind}`, viewBox: "0 0 8 8", refX: "7", refY: "4", markerWidth: "8", markerHeight: "8", orient: "auto", markerUnits: "userSpaceOnUse", class: kind });
      marker.append(makeSvg("path", { d: "M0 .5L8 4L0 7.5Z" }));
      defs.append(marker);
    }
    this.plainLines = makeSvg("g", { class: "plain" });
    this.veil = makeSvg("rect", { class: "veil" }); // over the lines that are not lit: to make these paler costs twice as much
    this.signs = makeSvg("g");
    this.hoverLines = makeSvg("g", { class: "hover" });
    this.litLines = makeSvg("g", { class: "lit" });
    svg.append(defs, this.plainLines, this.veil, this.hoverLines, this.litLines, this.signs);
    this.cards = makeElement("div", "cards");
    this.world.append(svg, this.cards);
    frame.append(this.world);
    this.shownCards = new Map();
    this.shownLines = new Map();
    this.scale = 0;
  }

  /** Moves the whole, without drawing anything anew. */
  moveTo({ x, y, scale }) {
    this.world.style.transform = `translate(${x}px, ${y}px) scale(${scale})`;
    if (scale === this.scale || scale >= FAR_SCALE) return;
    this.scale = scale;
    this.world.style.setProperty("--counter-scale", String(1 / scale)); // each element inherits it: never while only panning
  }

  /**
   * Draws what lies in a window of the world.
   * @param {{graph: any, scene: import("./scene.js").Scene, window: {left: number, top: number, right: number, bottom: number},
   *   isFar: boolean, lit: any, hover: any, selected: Set<string>, current: {card: string, part: string}|null,
   *   statuses: Map<string, any>, filter: string}} what
   */
  draw(what) {
    const { scene, window, isFar, lit } = what;
    what.litDatasets = new Set(lit ? [...lit.nodes].map(datasetOf) : []);
    this.world.classList.toggle("far", isFar);
    this.world.classList.toggle("tiny", what.isTiny);
    this.world.classList.toggle("has-lit", !!lit);
    const { left: x, top: y } = window;
    if (lit) setAttributes(this.veil, { x, y, width: window.right - x, height: window.bottom - y });
    const visible = [...scene.cards.values()].filter((place) => isInside({ left: place.x, right: place.x + place.width, top: place.y, bottom: place.y + place.height }, window));
    this.#drawCards(visible, what);
    const lines = (isFar ? scene.ribbons : scene.lines).filter((line) => isInside(line, window));
    const isNear = (line) => this.shownCards.has(line.source) || this.shownCards.has(line.target) || isLitLine(line, lit);
    this.#drawLines(!isFar && lines.length > MANY_LINES ? lines.filter(isNear) : lines, what);
  }

  #drawCards(visible, what) {
    const before = this.shownCards;
    this.shownCards = new Map();
    for (const place of visible) {
      const { id } = place.card;
      const shown = before.get(id) ?? newCard(place.card);
      before.delete(id);
      if (!shown.element.isConnected) this.cards.append(shown.element);
      drawCard(shown, place, what);
      this.shownCards.set(id, shown);
    }
    for (const { element } of before.values()) element.remove();
  }

  #drawLines(lines, { lit, hover, isFar }) {
    const before = this.shownLines;
    this.shownLines = new Map();
    for (const line of lines) {
      const stamp = `${isFar} ${pathOf(line)} ${line.width} ${lineClass(line)}`;
      let shown = before.get(line.key);
      before.delete(line.key);
      if (!shown || shown.stamp !== stamp) {
        shown?.element.remove();
        shown = { element: newLine(line, isFar), stamp };
        this.plainLines.append(shown.element);
      }
      this.shownLines.set(line.key, shown);
    }
    for (const { element } of before.values()) element.remove();
    const told = lines.filter((line) => line.change && (!lit || isLitLine(line, lit)));
    this.signs.replaceChildren(...(told.length <= MOST_SIGNS ? told.map(newSign) : []));
    const litLines = lit ? lines.filter((line) => isLitLine(line, lit)) : [];
    const canClick = !isFar && litLines.length <= MOST_CLICKABLE;
    this.litLines.replaceChildren(...litLines.flatMap((line) => [...(canClick ? [newHit(line)] : []), newLine(line, isFar, true)]));
    const hovered = hover ? lines.filter((line) => line.edges.some((number) => hover.edges.has(number))) : [];
    this.hoverLines.replaceChildren(...hovered.map((line) => newLine(line, isFar, true)));
  }
}

function isLitLine(line, lit) {
  return !!lit && line.edges.some((number) => lit.edges.has(number));
}

function lineClass(line) {
  return [
    "line",
    line.masked ? "masked" : line.isIndirect ? "indirect" : "direct",
    line.isIndirect ? "rows" : "",
    line.isRibbon ? "ribbon" : "",
    line.certain ? "" : "uncertain",
    line.change,
  ].filter(Boolean).join(" ");
}

function newLine(line, isFar, isLit = false) {
  const path = makeSvg("path", { d: pathOf(line), class: lineClass(line) });
  const isThin = !isFar && !line.isRibbon;
  const width = isFar ? Math.min(0.6 + line.width / 4, 3) : isThin && !isLit ? HAIR : line.width; // far: in pixels of the screen
  path.style.strokeWidth = String(width + (isLit && (isFar || isThin) ? 0.6 : 0));
  if (isLit && !line.isRibbon) path.setAttribute("marker-end", `url(#arrow-${line.masked ? "masked" : line.isIndirect ? "indirect" : "direct"})`);
  return path;
}

/** What changed is told by more than a colour. */
function newSign(line) {
  const sign = makeSvg("text", { ...middleOf(line), class: `line-sign ${line.change}` });
  sign.textContent = SIGNS[line.change];
  return sign;
}

function newHit(line) {
  const path = makeSvg("path", { d: pathOf(line), class: "hit" });
  path.dataset.line = line.key;
  return path;
}

function newButton(className, part) {
  const button = makeElement("button", className);
  button.type = "button";
  button.tabIndex = -1;
  button.dataset.part = part;
  return button;
}

function newCard(card) {
  const element = makeElement("section", `card ${card.kind}`);
  element.dataset.card = card.id;
  const head = makeElement("div", "head");
  const heading = makeElement("h3");
  const title = newButton("title", "head");
  heading.append(title);
  const subtitle = makeElement("p", "subtitle");
  const status = makeElement("span", "status");
  const sign = makeElement("span", "sign");
  head.append(heading, subtitle, status, sign);
  const rows = makeElement("div", "rows");
  element.append(head, rows);
  return { element, head, title, subtitle, status, sign, rows, stamp: "", rowsByNode: new Map(), filter: null, foot: null, up: null, down: null };
}

function drawCard(shown, place, what) {
  const { card } = place;
  const { isFar, lit, selected, current, statuses, graph } = what;
  const { element } = shown;
  element.style.transform = `translate(${place.x}px, ${place.y}px)`;
  element.style.width = `${place.width}px`;
  element.style.height = `${place.height}px`;
  const status = statuses.get(card.id)?.state ?? card.status;
  const stamp = JSON.stringify([isFar, card.title, card.subtitle, card.tags, card.change, status, card.moreUpstream, card.moreDownstream, place.isOpen, place.hasFoot, place.hidden, card.columnCount, card.isRoot]);
  if (shown.stamp !== stamp) {
    shown.stamp = stamp;
    drawHead(shown, place, isFar, status);
  }
  drawRows(shown, place, what);
  const isLitCard = !lit || what.litDatasets.has(card.id) || card.members.some((id) => what.litDatasets.has(id))
    || (card.kind === "job" && graph.edges.some((edge, number) => edge.job === card.id && lit.edges.has(number)));
  element.classList.toggle("pale", !isLitCard || !matchesFilter(card, what.filter));
  element.classList.toggle("selected", selected.has(card.id));
  if (card.kind !== "fold") shown.title.setAttribute("aria-pressed", String(selected.has(card.id)));
  shown.title.tabIndex = current?.card === card.id && current.part === "head" ? 0 : -1;
  if (shown.foot) shown.foot.tabIndex = current?.card === card.id && current.part === "foot" ? 0 : -1;
}

function matchesFilter(card, filter) {
  const words = filter.trim().toLowerCase();
  return !words || card.title.toLowerCase().includes(words) || card.columns.some((node) => node.name.toLowerCase().includes(words));
}

function drawHead(shown, place, isFar, status) {
  const { card } = place;
  const { element, title, subtitle } = shown;
  element.classList.toggle("root", card.isRoot);
  element.classList.toggle("open", place.isOpen);
  element.classList.toggle("ends", !place.hasFoot); // with a row
  for (const change of ["added", "removed", "changed"]) element.classList.toggle(change, card.change === change);
  title.textContent = visible(card.title);
  title.title = card.kind === "fold" ? card.members.slice(0, 40).join("\n") : card.id;
  if (card.kind === "fold") title.setAttribute("aria-expanded", String(place.isOpen));
  subtitle.textContent = visible(card.subtitle);
  subtitle.title = card.subtitle;
  shown.sign.textContent = SIGNS[card.change] ?? "";
  const state = status.toLowerCase();
  shown.status.className = `status ${state}`;
  shown.status.title = state ? `last run: ${state}` : "";
  const words = [card.title, card.kind === "job" ? "job" : card.kind === "fold" ? "folded" : "dataset", card.subtitle];
  if (card.columnCount) words.push(`${card.columnCount} columns`);
  if (state) words.push(`last run ${state}`);
  words.push(...card.tags, card.change);
  title.setAttribute("aria-label", words.filter(Boolean).join(", "));
  shown.up = chevron(shown, shown.up, card.moreUpstream, "up", isFar);
  shown.down = chevron(shown, shown.down, card.moreDownstream, "down", isFar);
  shown.foot?.remove();
  shown.foot = null;
  if (place.hasFoot && !isFar) {
    shown.foot = newButton("foot", "foot");
    shown.foot.textContent = footWords(card, place.isOpen);
    shown.foot.setAttribute("aria-expanded", String(place.isOpen));
    element.append(shown.foot);
  }
  if (place.isOpen && !isFar && !shown.filter) {
    shown.filter = makeElement("input", "filter");
    shown.filter.type = "search";
    const what = card.kind === "fold" ? "datasets" : "columns";
    shown.filter.placeholder = `filter ${grouped(card.columns.length)} ${what}`;
    shown.filter.setAttribute("aria-label", `Filter the ${what} of ${card.title}`);
    shown.filter.tabIndex = -1;
    shown.filter.dataset.part = "filter";
    shown.filter.value = place.filter;
    shown.rows.before(shown.filter);
  } else if ((!place.isOpen || isFar) && shown.filter) {
    shown.filter.remove();
    shown.filter = null;
  }
}

/** What the line below the rows says: how many columns an opened card shows more of, or how many have no part in the answer. */
function footWords(card, isOpen) {
  if (isOpen) return "show fewer columns";
  const hidden = card.columnCount - Math.min(card.columns.length, CLOSED_ROWS);
  const words = `+${grouped(hidden)} column${hidden === 1 ? "" : "s"}`;
  return card.columns.length > CLOSED_ROWS ? words : `${words} without lineage here`;
}

function chevron(shown, button, count, side, isFar) {
  if (!count || isFar) {
    button?.remove();
    return null;
  }
  const made = button ?? newButton(`more ${side}`, side);
  made.textContent = `+${grouped(count)}`;
  const where = side === "up" ? "upstream" : "downstream";
  made.title = `${grouped(count)} more ${where}: click for one step, Shift and click for all`;
  made.setAttribute("aria-label", `${count} more ${where} of ${shown.title.textContent}`);
  if (!button) shown.element.append(made);
  return made;
}

function drawRows(shown, place, { graph, isFar, lit, selected, current, hover, filter }) {
  const before = shown.rowsByNode;
  shown.rowsByNode = new Map();
  const rows = isFar ? [] : place.rows;
  const words = filter.trim().toLowerCase();
  const kept = new Set(rows.map(({ node }) => node));
  for (const [node, row] of before) if (!kept.has(node)) row.remove();
  rows.forEach(({ node }, number) => {
    const row = before.get(node) ?? newRow(graph, node);
    if (shown.rows.children[number] !== row) shown.rows.insertBefore(row, shown.rows.children[number] ?? null);
    row.classList.toggle("pinned-last", number === place.pinned - 1);
    row.classList.toggle("lit", !!lit?.nodes.has(node.id));
    row.classList.toggle("near", !!hover?.nodes.has(node.id));
    row.classList.toggle("found", !!words && node.name.toLowerCase().includes(words));
    if (node.label !== "member") row.setAttribute("aria-pressed", String(selected.has(node.id)));
    row.tabIndex = current?.card === place.card.id && current.part === node.id ? 0 : -1;
    shown.rowsByNode.set(node, row);
  });
  shown.element.classList.toggle("scrolls", place.isOpen && place.matching > place.room);
}

function newRow(graph, node) {
  if (node.label === "member") return memberRowElement(node);
  const { making, uncertain, inexact, unresolved } = makingOf(graph, node);
  const row = newButton(`row ${node.change ?? ""}`, node.id);
  row.dataset.node = node.id;
  row.append(makeElement("span", "name", node.name));
  const expression = expressionOf(graph, node);
  if (node.change) row.append(makeElement("span", "sign", SIGNS[node.change] ?? ""));
  if (expression && making !== "renamed") row.append(makeElement("span", "expression", expression));
  else if (node.dataType) row.append(makeElement("span", "expression", node.dataType));
  for (const tag of (node.tags ?? []).slice(0, 2)) row.append(makeElement("span", "tag", tag));
  const doubts = [uncertain ? "?" : "", inexact ? "≈" : "", unresolved && making !== "unresolved" ? "…" : ""].join("");
  if (doubts) row.append(makeElement("span", "doubt", doubts));
  if (MAKING_ICONS[making]) {
    const svg = makeSvg("svg", { class: `making ${making}`, viewBox: "0 0 16 16", "aria-hidden": "true" });
    svg.append(makeSvg("path", { d: MAKING_ICONS[making], "fill-rule": "evenodd" }));
    row.append(svg);
  }
  const words = columnInWords(graph, node);
  row.setAttribute("aria-label", words);
  row.title = [words.replace(", ", ": "), expression].filter(Boolean).join("\n");
  return row;
}

/** A row of a fold's list: pressed, the dataset becomes a card. */
function memberRowElement(node) {
  const row = newButton("row", node.id);
  row.dataset.node = node.id;
  row.append(makeElement("span", "name", node.name), makeElement("span", "expression", node.expression));
  row.title = node.id;
  row.setAttribute("aria-label", `${node.name} in ${node.expression}: show as a card`);
  return row;
}
