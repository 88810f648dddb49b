/**
 * <hw-graph>: a lineage answer as cards and lines, in a shadow root.
 *
 * In: `answer` (JSON of /api/v1/lineage; see model.js for what else it may say), `view` (NO_VIEW in model.js lists its keys;
 * assign an object with those that change, and `also`, what is selected beside `selection`), `runs` ({id of a dataset or job: {state, at}}: marks that change without moving
 * anything). Methods: `merge(answer, anchor)` after an expand, `fit()`, `tidy()`, `find(text)`, `exported(format)`.
 *
 * Out, as CustomEvents that bubble: `select` {node, nodes, edge}, `expand` {node, direction, all}, `open` {node, open,
 * missing}, `only` {node}, `outline` {}; `missing` counts the columns that the answer lacks. What was selected or opened is
 * already in `view` then.
 *
 * Keys: arrows walk rows and lines, Home, End, Enter selects, + and - expand to the right and left, f fits, t tidies,
 * PageUp and PageDown zoom, Esc clears, o asks for the outline.
 */

import { FAR_SCALE, GraphDrawing, TINY_SCALE, makeElement, makeSvg } from "./draw.js";
import { csvOf, mermaidOf, pngOf, svgOf } from "./export.js";
import { isTyping, LEAST_SCALE, listenToGestures, MOST_SCALE } from "./gestures.js";
import { layOut } from "./layout.js";
import { GRAPH_STYLE } from "./looks.js";
import { CARD_WIDTH, NO_VIEW, OPEN_ROWS, datasetOf, graphOf, mergedAnswers, shownGraph } from "./model.js";
import { GraphMinimap } from "./minimap.js";
import { ACROSS, DOWN, layoutInput, sceneOf } from "./scene.js";
import { besideNode, litInWords, litLineage } from "./walk.js";

/** Around the graph when all of it is shown, in pixels of the screen. */
const FIT_MARGIN = 36;
/** Below this scale the first view shows the root and its neighbours in a readable size instead of everything. */
const READABLE_SCALE = 0.5;
/** What is drawn beyond the screen, as a share of it: panning this far draws nothing anew. */
const OVERDRAW = 0.25;
const MOVE_MS = 220;
/** The colours of looks.js that an exported picture needs. */
const COLOURS = ["ground", "card", "head", "ink", "soft", "edge", "accent-pale", "direct", "indirect", "masked", "root", "root-pale", "added", "removed", "changed"];

const TOOLS = [
  ["zoom in", "PageUp", "M8 3v10M3 8h10", (graph) => graph.zoomBy(1.3)],
  ["zoom out", "PageDown", "M3 8h10", (graph) => graph.zoomBy(1 / 1.3)],
  ["show all", "f", "M2 6V2h4M10 2h4v4M14 10v4h-4M6 14H2v-4", (graph) => graph.fit()],
  ["tidy: lay out anew", "t", "M2 4h4M2 8h4M2 12h4M10 6h4M10 10h4M6 4l4 2M6 8l4 2M6 12l4-2", (graph) => graph.tidy()],
];

export class HwGraph extends HTMLElement {
  static tag = "hw-graph";
  #answer = null;
  #graph = graphOf({ root: "", nodes: [], edges: [] });
  #view = { ...NO_VIEW };
  #extra = []; // selected beside view.selection
  #pulled = new Set(); // datasets taken out of a hub's fold
  #openFolds = new Set();
  #windows = new Map();
  #statuses = new Map();
  #shown = { cards: new Map(), links: [] };
  #layout = null;
  #resting = null; // the layout before cards were opened, so that closing them gives it back
  #scene = null;
  #lit = null;
  #hover = null;
  #current = null;
  #camera = { x: 0, y: 0, scale: 1 };
  #drawn = null;
  #frameAsked = 0;
  #isFresh = true;
  #trail = null;

  constructor() {
    super();
    const root = this.attachShadow({ mode: "open" });
    const style = new CSSStyleSheet();
    style.replaceSync(GRAPH_STYLE);
    root.adoptedStyleSheets = [style];
    this.frame = makeElement("div", "frame");
    this.drawing = new GraphDrawing(this.frame);
    this.status = makeElement("p", "unseen");
    this.status.setAttribute("role", "status");
    this.notice = makeElement("p", "notice");
    this.minimap = new GraphMinimap((x, y) => this.#centreOn(x, y));
    root.append(this.frame, this.minimap.canvas, this.notice, this.#tools(), this.status);
    const gestures = listenToGestures(this.frame, {
      panBy: (x, y) => this.panBy(x, y),
      zoomAt: (factor, x, y) => this.zoomBy(factor, x, y),
      scrollCard: (target, delta) => this.#scrollCard(target, delta),
    });
    this.frame.addEventListener("click", (event) => gestures.wasDrag() || this.#clicked(event));
    this.frame.addEventListener("dblclick", (event) => gestures.wasDrag() || this.#doubleClicked(event));
    this.frame.addEventListener("pointerover", (event) => this.#hovered(event));
    this.frame.addEventListener("pointerleave", () => this.#hovered(null));
    this.frame.addEventListener("input", (event) => this.#filtered(event));
    this.frame.addEventListener("focusin", (event) => this.#focused(event));
    root.addEventListener("keydown", (event) => this.#pressed(event));
    this.resizes = new ResizeObserver(() => this.#resized());
  }

  connectedCallback() {
    if (!this.hasAttribute("role")) this.setAttribute("role", "region");
    if (!this.hasAttribute("aria-label")) this.setAttribute("aria-label", "Lineage graph");
    this.resizes.observe(this);
  }

  disconnectedCallback() {
    this.resizes.disconnect();
  }

  focus() {
    (this.frame.querySelector('[tabindex="0"]') ?? this.frame).focus({ preventScroll: true });
  }

  get answer() {
    return this.#answer;
  }

  /** A new question: laid out afresh and fitted. Where it has the same root as before, as at another time, places are kept. */
  set answer(answer) {
    const isSame = this.#answer?.root === answer.root && this.#layout !== null;
    this.#take(answer);
    if (!isSame) {
      this.#layout = null;
      this.#isFresh = true;
      this.#pulled.clear();
      this.#openFolds.clear();
      this.#windows.clear();
      this.#extra = [];
      this.#current = { card: datasetOf(answer.root), part: answer.root === datasetOf(answer.root) ? "head" : answer.root };
    }
    this.#arrange({ keep: isSame });
  }

  get view() {
    return { ...this.#view };
  }

  /** The keys that are given change; the others stay. */
  set view({ also, ...view }) {
    const before = this.#view;
    this.#view = { ...NO_VIEW, ...before, ...view };
    if (also || this.#view.selection !== before.selection) this.#extra = also ?? [];
    if (!this.#answer) return;
    const isOther = (key) => JSON.stringify(before[key]) !== JSON.stringify(this.#view[key]);
    if (isOther("level")) {
      this.#layout = null;
      this.#isFresh = true;
    }
    const onlyNow = this.#view.only && (isOther("selection") || isOther("type"));
    if (isOther("level") || isOther("type") || isOther("only") || onlyNow) this.#arrange({ keep: true });
    else if (isOther("open")) this.#rearrangeOpen();
    else this.#relight();
  }

  /** The last run of datasets and jobs, by id: only marks change. */
  set runs(runs) {
    this.#statuses = new Map(Object.entries(runs ?? {}));
    this.#redraw();
  }

  /** Adds an answer to what is shown. Old cards keep their places, `anchor` (a node) in any case. */
  merge(answer, anchor = answer.root) {
    this.#take(this.#answer ? mergedAnswers(this.#answer, answer) : answer);
    this.#arrange({ keep: true, anchor: datasetOf(anchor) });
  }

  /** Lays all out anew, with the transition of any move. */
  tidy() {
    this.#arrange({ keep: false });
    this.fit();
  }

  /** Shows all of the graph. */
  fit() {
    const { width, height, bounds } = this.#measures();
    if (!width || !this.#scene) return;
    const scale = this.#scaleToFit();
    const x = (width - (bounds.left + bounds.right) * scale) / 2;
    const y = (height - (bounds.top + bounds.bottom) * scale) / 2;
    this.#moveCamera({ x, y, scale });
  }

  /** Goes to the next card or column whose name has the text; null where there is none. @returns {string|null} */
  find(text) {
    const words = text.trim().toLowerCase();
    this.view = { filter: text };
    if (!words) return null;
    const found = [];
    for (const { card } of this.#inReadingOrder()) {
      if (card.title.toLowerCase().includes(words)) found.push({ card: card.id, part: "head" });
      for (const node of card.columns) if (node.name.toLowerCase().includes(words)) found.push({ card: card.id, part: node.id });
    }
    if (!found.length) return null;
    const at = found.findIndex(({ card, part }) => card === this.#current?.card && part === this.#current?.part);
    const next = found[(at + 1) % found.length];
    this.#goTo(next, false);
    return next.part === "head" ? next.card : next.part;
  }

  /** @param {number} x @param {number} y  in pixels of the screen */
  panBy(x, y) {
    this.#moveCamera({ ...this.#camera, x: this.#camera.x + x, y: this.#camera.y + y });
  }

  /** Zooms about a point of the frame, or its middle. */
  zoomBy(factor, x = this.frame.clientWidth / 2, y = this.frame.clientHeight / 2) {
    const scale = Math.max(LEAST_SCALE, Math.min(MOST_SCALE, this.#camera.scale * factor));
    const by = scale / this.#camera.scale;
    this.#moveCamera({ x: x - (x - this.#camera.x) * by, y: y - (y - this.#camera.y) * by, scale });
  }

  /** Where the view stands: for a link to exactly this. */
  get camera() {
    return { ...this.#camera };
  }

  set camera(camera) {
    this.#isFresh = false;
    this.#moveCamera({ ...this.#camera, ...camera });
  }

  /**
   * What is shown as a file. @param {"svg"|"png"|"mermaid"|"csv"|"json"} format @returns {Promise<Blob>}
   */
  async exported(format) {
    const made = {
      svg: () => ["image/svg+xml", this.#asSvg()],
      mermaid: () => ["text/plain", mermaidOf(this.#graph, this.#shown)],
      csv: () => ["text/csv", csvOf(this.#graph, this.#view.type)],
      json: () => ["application/json", JSON.stringify(this.#answer, null, 2)],
    };
    if (format === "png") return pngOf(this.#asSvg());
    if (!made[format]) throw new Error(`cannot export as ${format}`);
    const [type, text] = made[format]();
    return new Blob([text], { type });
  }

  #asSvg() {
    const probe = makeElement("span", "unseen");
    this.shadowRoot.append(probe);
    const colours = {};
    for (const name of COLOURS) {
      probe.style.color = `var(--g-${name})`; // light-dark() has no value of its own until a property takes it
      colours[name] = getComputedStyle(probe).color;
    }
    probe.remove();
    const context = document.createElement("canvas").getContext("2d");
    const widthOf = (text, font) => {
      if (context.font !== font) context.font = font;
      return context.measureText(text).width;
    };
    return svgOf(this.#graph, this.#scene, this.#lit, colours, widthOf);
  }

  #tools() {
    const tools = makeElement("div", "tools");
    for (const [name, key, path, act] of TOOLS) {
      const button = makeElement("button");
      button.type = "button";
      button.tabIndex = -1; // the keys do the same: one tab stop for the whole graph
      button.title = `${name} (${key})`;
      button.setAttribute("aria-label", name);
      button.setAttribute("aria-keyshortcuts", key);
      const icon = makeSvg("svg", { viewBox: "0 0 16 16", "aria-hidden": "true" });
      icon.append(makeSvg("path", { d: path }));
      button.append(icon);
      button.addEventListener("click", () => act(this));
      tools.append(button);
    }
    return tools;
  }

  #take(answer) {
    this.#answer = answer;
    this.#graph = graphOf(answer);
    this.notice.textContent = answer.complete === false && answer.reason !== "depth" ? `Not all is shown: ${answer.reason ?? "incomplete"}` : "";
  }

  #selected() {
    return [this.#view.selection, ...this.#extra].filter((id) => id && (this.#graph.nodes.has(id) || this.#graph.datasets.has(id)));
  }

  #isOpen = (card) => this.#view.open.includes(card) || this.#openFolds.has(card);

  /** Cards and links anew, and their places: kept as far as possible, or all fresh. */
  #arrange({ keep, anchor }) {
    this.#walk();
    this.#shown = shownGraph(this.#graph, this.#view, this.#lit, this.#pulled);
    const previous = keep && this.#layout ? this.#layout : undefined;
    this.#place(previous, anchor);
    this.#resting = this.#layout;
    this.#stage(!!previous || !keep);
  }

  #rearrangeOpen() {
    this.#place(this.#resting ?? undefined);
    this.#stage(true);
  }

  #place(previous, anchor) {
    const { cards, links } = layoutInput(this.#shown, this.#isOpen, this.#windows, null);
    const laid = layOut(cards, links, { width: CARD_WIDTH, across: ACROSS, down: DOWN, previous, anchor });
    if (previous) for (const [id, place] of previous.places) if (!laid.places.has(id)) laid.places.set(id, place); // hidden now, back later
    this.#layout = laid;
  }

  #stage(moves) {
    this.#makeScene();
    if (moves && this.#drawn) {
      this.drawing.world.classList.add("moving");
      clearTimeout(this.#moveTimer);
      this.#moveTimer = setTimeout(() => this.drawing.world.classList.remove("moving"), MOVE_MS);
    }
    if (this.#isFresh) this.#firstView();
    this.#redraw();
  }

  #moveTimer = 0;

  #makeScene() {
    this.#scene = sceneOf(this.#shown, this.#layout, this.#isOpen, this.#windows, this.#lit?.nodes ?? null);
  }

  #walk() {
    const selected = this.#selected();
    this.#lit = selected.length ? litLineage(this.#graph, selected, this.#view.type) : null;
  }

  /** A selection changes what is lit, and which rows of a long card are pinned, but no place. */
  #relight() {
    this.#walk();
    if ([...this.#scene.cards.values()].some((place) => place.hidden > 0)) this.#makeScene();
    this.#redraw();
    this.status.textContent = this.#lit ? litInWords(this.#lit) : "";
  }

  #measures() {
    const bounds = this.#scene?.bounds ?? { left: 0, top: 0, right: 0, bottom: 0 };
    return { width: this.frame.clientWidth, height: this.frame.clientHeight, bounds };
  }

  #scaleToFit() {
    const { width, height, bounds } = this.#measures();
    const across = bounds.right - bounds.left + 1;
    const down = bounds.bottom - bounds.top + 1;
    const scale = Math.min((width - 2 * FIT_MARGIN) / across, (height - 2 * FIT_MARGIN) / down, 1);
    return Math.max(LEAST_SCALE, scale);
  }

  #firstView() {
    const { width, height } = this.#measures();
    if (!width || !height) return;
    this.#isFresh = false;
    const root = this.#scene.cards.get(datasetOf(this.#graph.root));
    if (this.#scaleToFit() >= READABLE_SCALE || !root) {
      this.fit();
      return;
    }
    const { bounds } = this.#measures();
    const scale = Math.min(0.85, Math.max(READABLE_SCALE, (width - 24) / (CARD_WIDTH + 60)));
    const middle = (size, low, high, at) => {
      const [first, last] = [FIT_MARGIN - low * scale, size - FIT_MARGIN - high * scale];
      return last > first ? (first + last) / 2 : Math.min(first, Math.max(last, size / 2 - at * scale));
    };
    const x = middle(width, bounds.left, bounds.right, root.x + root.width / 2);
    const y = middle(height, bounds.top, bounds.bottom, root.y + Math.min(root.height / 2, height / scale / 2 - 60));
    this.#moveCamera({ x, y, scale });
  }

  #resized() {
    if (this.#scene && this.#isFresh) this.#firstView();
    this.#redraw();
  }

  #moveCamera(camera) {
    this.#camera = camera;
    this.drawing.moveTo(camera);
    const seen = this.#worldWindow(0);
    const drawn = this.#drawn;
    const isCovered = drawn && drawn.isFar === this.#isFar() && drawn.scale / camera.scale < 2 && seen.left >= drawn.left && seen.right <= drawn.right && seen.top >= drawn.top && seen.bottom <= drawn.bottom;
    if (!isCovered) this.#redraw();
    this.#mapLater();
  }

  #centreOn(x, y) {
    const { scale } = this.#camera;
    this.#moveCamera({ x: this.frame.clientWidth / 2 - x * scale, y: this.frame.clientHeight / 2 - y * scale, scale });
  }

  /** The small map follows in the next frame. */
  #mapLater() {
    if (!this.#mapAsked) this.#mapAsked = requestAnimationFrame(() => {
      this.#mapAsked = 0;
      if (this.#scene) this.minimap.draw(this.#scene, this.#worldWindow(0), this.#lit);
    });
  }

  #mapAsked = 0;

  #isFar() {
    return this.#camera.scale < FAR_SCALE;
  }

  #worldWindow(over) {
    const { x, y, scale } = this.#camera;
    const { clientWidth: width, clientHeight: height } = this.frame;
    return {
      left: (-x - over * width) / scale,
      right: (width - x + over * width) / scale,
      top: (-y - over * height) / scale,
      bottom: (height - y + over * height) / scale,
    };
  }

  #redraw() {
    if (!this.#frameAsked) this.#frameAsked = requestAnimationFrame(() => this.drawNow());
  }

  /** Draws at once what the next frame would. */
  drawNow() {
    cancelAnimationFrame(this.#frameAsked);
    this.#frameAsked = 0;
    if (!this.#scene || !this.isConnected) return;
    const window = this.#worldWindow(OVERDRAW);
    this.#drawn = { ...window, isFar: this.#isFar(), scale: this.#camera.scale };
    const focused = this.shadowRoot.activeElement;
    this.drawing.draw({
      graph: this.#graph,
      scene: this.#scene,
      window,
      isFar: this.#isFar(),
      isTiny: this.#camera.scale < TINY_SCALE,
      lit: this.#lit,
      hover: this.#hover,
      selected: new Set(this.#selected()),
      current: this.#current,
      statuses: this.#statuses,
      filter: this.#view.filter,
    });
    this.#mapLater();
    this.#keepTabStop();
    if (focused && this.shadowRoot.activeElement !== focused) { // moved within its card, or no longer drawn
      if (focused.isConnected && focused !== this.frame) focused.focus({ preventScroll: true });
      else this.focus();
    }
  }

  /** Where the current row is off screen and so not in the DOM, the frame itself takes the focus for it. */
  #keepTabStop() {
    const isThere = this.frame.querySelector('[tabindex="0"]') !== null;
    if (isThere) this.frame.removeAttribute("tabindex");
    else this.frame.tabIndex = 0;
    if (!isThere) this.frame.setAttribute("aria-label", "Lineage graph: arrow keys go to the current card");
  }

  #say(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true, composed: true }));
  }

  #partOf(event) {
    const path = event.composedPath();
    const part = path.find((element) => element instanceof Element && element.dataset?.part);
    const card = path.find((element) => element instanceof Element && element.dataset?.card);
    const line = path.find((element) => element instanceof Element && element.dataset?.line);
    return { part: part?.dataset.part ?? null, card: card?.dataset.card ?? null, line: line?.dataset.line ?? null };
  }

  #clicked(event) {
    const { part, card, line } = this.#partOf(event);
    if (line) this.#selectLine(line);
    else if (!card) this.#clickedGround(event);
    else if (part === "up" || part === "down") this.#expand(card, part === "up" ? "upstream" : "downstream", event.shiftKey);
    else if (part === "foot") this.#toggleOpen(card);
    else if (part !== "filter") this.#select(part === null || part === "head" ? card : part, event.ctrlKey || event.metaKey);
  }

  #clickedGround(event) {
    if (event.detail < 2 && this.#selected().length && !this.#view.only) this.#clear();
  }

  #doubleClicked(event) {
    const { part, card } = this.#partOf(event);
    if (!card || part === "filter" || part === "foot" || part === "up" || part === "down") return;
    const node = part === null || part === "head" ? card : part;
    if (this.#shown.cards.get(card)?.kind === "fold") return;
    this.#select(node, false, true);
    this.view = { only: !this.#view.only };
    this.#say("only", { node: this.#view.only ? node : null });
  }

  /** Lights a node's lineage; the same again clears it. */
  #select(node, adds, keeps = false) {
    const kind = this.#shown.cards.get(node)?.kind;
    if (kind === "fold") {
      this.#toggleFold(node);
      return;
    }
    if (!kind && this.#graph.datasets.has(node)) {
      this.#pull(node);
      return;
    }
    const selected = this.#selected();
    if (adds && selected.length) {
      this.#extra = this.#extra.includes(node) ? this.#extra.filter((other) => other !== node) : [...this.#extra, node];
      this.#relight();
    } else if (selected.length === 1 && selected[0] === node && !keeps) {
      this.#clear();
      return;
    } else {
      this.view = { selection: node };
    }
    this.#say("select", { node: this.#view.selection, nodes: kind === "job" ? [node] : this.#selected(), edge: null });
  }

  #clear() {
    this.#extra = [];
    this.view = { selection: null, only: false };
    this.#say("select", { node: null, nodes: [], edge: null });
  }

  #selectLine(key) {
    const line = this.#scene.lines.find((other) => other.key === key);
    if (line) this.#say("select", { node: this.#view.selection, nodes: this.#selected(), edge: this.#answer.edges[line.edges[0]], edges: line.edges.map((number) => this.#answer.edges[number]) });
  }

  #expand(card, direction, all) {
    this.#say("expand", { node: card, direction, all });
  }

  /** `missing` asks the page for the columns that the answer lacks; where a link opened the card, they may still be. */
  #toggleOpen(card) {
    const { columns, columnCount } = this.#shown.cards.get(card);
    const missing = columnCount - columns.length;
    const isOpen = this.#isOpen(card) && (this.#scene.cards.get(card).isOpen || !missing);
    const others = this.#view.open.filter((other) => other !== card);
    this.#windows.delete(card);
    this.view = { open: isOpen ? others : [...others, card] };
    this.#say("open", { node: card, open: !isOpen, missing });
  }

  /** Lists the datasets of a fold, or no more. */
  #toggleFold(id) {
    if (!this.#openFolds.delete(id)) this.#openFolds.add(id);
    this.#windows.delete(id);
    this.#rearrangeOpen();
  }

  /** Takes a dataset out of its fold: it is a card from now on. */
  #pull(dataset) {
    const hub = [...this.#shown.cards.values()].find((card) => card.members.includes(dataset)).id;
    this.#pulled.add(dataset);
    this.#arrange({ keep: true, anchor: hub });
    this.#goTo({ card: dataset, part: "head" }, true);
  }

  #hovered(event) {
    const { part, card } = event ? this.#partOf(event) : { part: null, card: null };
    const node = part && part !== "head" && this.#graph.nodes.has(part) ? part : part === "head" ? card : null;
    if (node === (this.#hover?.node ?? null)) return;
    this.#hover = node ? { node, ...besideNode(this.#graph, node, this.#view.type) } : null;
    this.#redraw();
  }

  #scrollCard(target, delta) {
    const id = target instanceof Element ? target.closest?.(".card.open")?.dataset.card : undefined;
    const place = id && target.closest(".rows") ? this.#scene.cards.get(id) : null;
    if (!place || place.matching <= place.room) return false;
    const before = this.#windows.get(id) ?? { from: 0, filter: "" };
    const from = Math.max(0, Math.min(place.matching - OPEN_ROWS, before.from + Math.sign(delta) * Math.max(1, Math.round(Math.abs(delta) / 40))));
    if (from === before.from) return true;
    this.#windows.set(id, { ...before, from });
    this.#makeScene();
    this.#redraw();
    return true;
  }

  #filtered(event) {
    const { part, card } = this.#partOf(event);
    if (part !== "filter") return;
    this.#windows.set(card, { from: 0, filter: event.composedPath()[0].value });
    this.#makeScene();
    this.#redraw();
  }

  #focused(event) {
    const { part, card } = this.#partOf(event);
    if (!card || !part || part === "up" || part === "down" || part === "filter") return;
    if (this.#current?.card === card && this.#current.part === part) return;
    this.#current = { card, part };
    this.#redraw();
  }

  #inReadingOrder() {
    return [...this.#scene.cards.values()].sort((one, other) => one.x - other.x || one.y - other.y);
  }

  #partsOf(place) {
    return ["head", ...place.rows.map(({ node }) => node.id), ...(place.hasFoot ? ["foot"] : [])];
  }

  #pressed(event) {
    if (!this.#scene || event.altKey || isTyping(event.composedPath()[0])) {
      if (event.key === "Escape" && isTyping(event.composedPath()[0])) this.#goTo(this.#current, true);
      return;
    }
    if ((event.ctrlKey || event.metaKey) && event.key !== "Enter") return;
    const acts = {
      ArrowDown: () => this.#step(1),
      ArrowUp: () => this.#step(-1),
      ArrowRight: () => this.#follow("downstream", event.shiftKey),
      ArrowLeft: () => this.#follow("upstream", event.shiftKey),
      Home: () => this.#stepTo(0),
      End: () => this.#stepTo(Infinity),
      "+": () => this.#current && this.#expand(this.#current.card, "downstream", false),
      "-": () => this.#current && this.#expand(this.#current.card, "upstream", false),
      f: () => this.fit(),
      t: () => this.tidy(),
      o: () => this.#say("outline", {}),
      PageUp: () => this.zoomBy(1.3),
      PageDown: () => this.zoomBy(1 / 1.3),
      Escape: () => this.#clear(),
    };
    const act = acts[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  }

  #step(by) {
    const place = this.#scene.cards.get(this.#current?.card);
    if (!place) return this.#goTo(this.#nearest(), true);
    const parts = this.#partsOf(place);
    const next = parts.indexOf(this.#current.part) + by;
    if (next >= 0 && next < parts.length && !this.#isFar()) return this.#goTo({ card: place.card.id, part: parts[next] }, true);
    const layer = this.#inReadingOrder().filter((other) => other.x === place.x);
    const neighbour = layer[layer.indexOf(place) + by];
    if (!neighbour) return undefined;
    const partsThere = this.#partsOf(neighbour);
    return this.#goTo({ card: neighbour.card.id, part: by > 0 || this.#isFar() ? "head" : partsThere[partsThere.length - 1] }, true);
  }

  #stepTo(number) {
    const place = this.#scene.cards.get(this.#current?.card);
    if (!place) return;
    const parts = this.#partsOf(place);
    this.#goTo({ card: place.card.id, part: parts[Math.min(number, parts.length - 1)] }, true);
  }

  /** Along the first line of the current row or card; with Shift, after a step, to the next line of where it began. */
  #follow(direction, isNext) {
    const trail = isNext && this.#trail?.direction === direction ? this.#trail : null;
    const from = trail ? trail.from : this.#current;
    const place = this.#scene.cards.get(from?.card);
    if (!place) return this.#goTo(this.#nearest(), true);
    const isOut = direction === "downstream";
    const ends = this.#shown.links
      .filter((link) => (isOut ? link.source : link.target) === from.card && (from.part === "head" || from.part === "foot" || (isOut ? link.sourceRow : link.targetRow) === from.part))
      .map((link) => (isOut ? { card: link.target, part: link.targetRow ?? "head" } : { card: link.source, part: link.sourceRow ?? "head" }));
    const unique = [...new Map(ends.map((end) => [`${end.card} ${end.part}`, end])).values()];
    unique.sort((one, other) => this.#rowPlace(one) - this.#rowPlace(other));
    if (!unique.length) {
      this.status.textContent = `nothing further ${direction}`;
      return undefined;
    }
    const index = trail ? (trail.index + 1) % unique.length : 0;
    this.#trail = { from, direction, index };
    return this.#goTo(unique[index], true);
  }

  #rowPlace({ card, part }) {
    const place = this.#scene.cards.get(card);
    const row = place.rows.find(({ node }) => node.id === part);
    return place.y + (row ? row.y : 0);
  }

  #nearest() {
    const { left, right, top, bottom } = this.#worldWindow(0);
    const [x, y] = [(left + right) / 2, (top + bottom) / 2];
    const away = (place) => Math.hypot(place.x + place.width / 2 - x, place.y + place.height / 2 - y);
    const [first] = [...this.#scene.cards.values()].sort((one, other) => away(one) - away(other));
    return first ? { card: first.card.id, part: "head" } : null;
  }

  /** Makes a card's part the current one, moves it into the screen, and focuses it. */
  #goTo(current, focuses) {
    const place = this.#scene.cards.get(current?.card);
    if (!place) return;
    let { part } = current;
    let row = place.rows.find(({ node }) => node.id === part);
    if (!row && part !== "head" && part !== "foot") {
      const at = place.card.columns.findIndex((node) => node.id === part);
      if (place.isOpen && at >= 0) {
        this.#windows.set(current.card, { from: Math.max(0, at - 4), filter: "" });
        this.#makeScene();
        row = this.#scene.cards.get(current.card).rows.find(({ node }) => node.id === part);
      } else if (at < 0 || !row) part = place.hasFoot ? "foot" : "head";
    }
    this.#current = { card: current.card, part };
    const top = place.y + (row ? row.y : part === "foot" ? place.height - 26 : 0);
    this.#panIntoView({ left: place.x, right: place.x + place.width, top, bottom: top + (part === "head" ? 48 : 26) });
    this.drawNow();
    if (focuses) this.focus();
  }

  #panIntoView({ left, right, top, bottom }) {
    const { x, y, scale } = this.#camera;
    const { width, height } = this.#measures();
    const margin = Math.min(60, width / 8, height / 8);
    const shift = (low, high, size) => (low < margin ? margin - low : high > size - margin ? Math.max(size - margin - high, margin - low) : 0);
    const [byX, byY] = [shift(left * scale + x, right * scale + x, width), shift(top * scale + y, bottom * scale + y, height)];
    if (byX || byY) this.panBy(byX, byY);
  }
}

if (!customElements.get(HwGraph.tag)) customElements.define(HwGraph.tag, HwGraph); // a notebook may load this twice
