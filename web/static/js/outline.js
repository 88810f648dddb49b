/**
 * <hw-outline>: the lineage answer of a graph as a tree of text, the whole of what the picture says: the root, below it what
 * it comes from and what comes of it, and so on. A branch is made when it is opened, so a graph with many paths costs no
 * more than one with few.
 *
 * In: `answer` and `view` as <hw-graph> has them (`type`, `selection`). Out: `select` {node, nodes}. Keys are those of a tree:
 * up, down, right opens or goes in, left closes or goes out, Home, End, Enter selects, letters find, Esc asks (`leave`) for
 * the picture.
 */

import { makeElement } from "./draw.js";
import { MAKINGS, datasetOf, graphOf, isShownType, titleOf, titleOfJob, grouped } from "./model.js";

/** Children that are shown at once; one more line tells how many follow. */
const FAN = 12;
const ROLES = {
  IDENTITY: "unchanged", TRANSFORMATION: "computed", AGGREGATION: "aggregated", FILTER: "filters the rows", JOIN: "joins the rows",
  GROUP_BY: "groups the rows", SORT: "sorts the rows", WINDOW: "orders a window", CONDITIONAL: "decides a condition",
};

const OUTLINE_STYLE = `
:host { display: block; overflow: auto; padding: 8px 12px; color: var(--hw-ink); font: 14px/1.45 var(--hw-font); }
:host([hidden]) { display: none; }
ul { list-style: none; margin: 0; padding: 0 0 0 20px; }
ul[role="tree"] { padding: 0; }
.line { display: flex; flex-wrap: wrap; gap: 0 10px; align-items: baseline; padding: 2px 6px 2px 26px; border-radius: 5px; cursor: pointer; }
.line:hover { background: color-mix(in srgb, currentColor 7%, transparent); }
.line::before { content: ""; flex: 0 0 10px; margin-left: -20px; }
[aria-expanded="false"] > .line::before { content: "▸"; }
[aria-expanded="true"] > .line::before { content: "▾"; }
[aria-selected="true"] > .line { background: var(--hw-accent-pale); }
li:focus { outline: none; }
li:focus-visible > .line { outline: 2px solid var(--hw-accent); }
.name { font-weight: 600; }
.place, .notes { color: var(--hw-soft); font-size: 12.5px; overflow-wrap: anywhere; }
code { font: 12px var(--hw-mono); }
`;

export class HwOutline extends HTMLElement {
  #graph = null;
  #type = "all";
  #selection = null;
  #current = null;

  constructor() {
    super();
    const root = this.attachShadow({ mode: "open" });
    const style = new CSSStyleSheet();
    style.replaceSync(OUTLINE_STYLE);
    root.adoptedStyleSheets = [style];
    root.addEventListener("click", (event) => this.#clicked(event));
    root.addEventListener("keydown", (event) => this.#pressed(event));
  }

  set answer(answer) {
    this.#graph = graphOf(answer);
    this.#build();
  }

  set view(view) {
    const type = view.type ?? this.#type;
    const changes = type !== this.#type;
    this.#type = type;
    if (view.selection !== undefined) this.#selection = view.selection;
    if (changes && this.#graph) this.#build();
    else this.#mark();
  }

  focus() {
    this.#current?.focus();
  }

  #build() {
    const tree = makeElement("ul");
    tree.setAttribute("role", "tree");
    tree.setAttribute("aria-label", `Lineage of ${this.#graph.root}`);
    const root = this.#item({ node: this.#graph.root, edges: [] }, 1, []);
    tree.append(root);
    const group = this.#open(root);
    for (const side of ["upstream", "downstream"]) {
      const links = this.#links(this.#graph.root, side);
      const name = links.length ? (side === "upstream" ? "comes from" : "goes to") : side === "upstream" ? "comes from nothing that is known" : "goes nowhere that is known";
      const item = newItem(2, name, "", []);
      item.links = links;
      item.side = side;
      item.path = [this.#graph.root];
      group.append(item);
      if (links.length) this.#open(item);
    }
    this.shadowRoot.replaceChildren(tree);
    root.tabIndex = 0;
    this.#current = root;
    this.#mark();
  }

  /** What is next to a node, one link for each node; into a whole dataset lead the filters and join keys of its columns. */
  #links(node, side) {
    const graph = this.#graph;
    const isUp = side === "upstream";
    const dataset = datasetOf(node);
    const columns = graph.datasets.get(node)?.columns ?? [];
    const starts = node === dataset ? [node, ...columns.map((column) => column.id)] : isUp ? [node, dataset] : [node];
    const found = new Map();
    for (const start of starts) {
      for (const number of (isUp ? graph.incoming : graph.outgoing).get(start) ?? []) {
        const edge = graph.edges[number];
        if (!isShownType(edge, this.#type)) continue;
        const next = isUp ? edge.source : edge.target;
        if (!found.has(next)) found.set(next, { node: next, edges: [] });
        found.get(next).edges.push(edge);
      }
    }
    return [...found.values()].sort((one, other) => Number(one.edges[0].type === "INDIRECT") - Number(other.edges[0].type === "INDIRECT"));
  }

  #item(link, level, path, side = null) {
    const { title, place } = titleOf(datasetOf(link.node));
    const column = link.node === datasetOf(link.node) ? null : this.#graph.nodes.get(link.node)?.name ?? link.node.slice(link.node.indexOf("#") + 1);
    const isAbove = path.includes(link.node);
    const item = newItem(level, column ?? title, column === null ? place : `in ${title}`, isAbove ? ["shown above"] : linkNotes(this.#graph, link));
    item.node = link.node;
    item.side = side;
    item.path = [...path, link.node];
    item.links = side && !isAbove ? this.#links(link.node, side) : [];
    if (item.links.length) item.setAttribute("aria-expanded", "false");
    return item;
  }

  /** Opens an item and returns the group of its children. */
  #open(item, all = false) {
    let group = item.querySelector(":scope > ul");
    if (!group || all) {
      group?.remove();
      group = makeElement("ul");
      group.setAttribute("role", "group");
      item.append(group);
      const level = Number(item.getAttribute("aria-level")) + 1;
      const shown = all ? item.links ?? [] : (item.links ?? []).slice(0, FAN);
      for (const link of shown) group.append(this.#item(link, level, item.path, item.side));
      const rest = (item.links?.length ?? 0) - shown.length;
      if (rest) {
        const more = newItem(level, `+${grouped(rest)} more`, "", []);
        more.isMore = true;
        group.append(more);
      }
    }
    group.hidden = false;
    item.setAttribute("aria-expanded", "true");
    this.#mark();
    return group;
  }

  #close(item) {
    item.querySelector(":scope > ul").hidden = true;
    item.setAttribute("aria-expanded", "false");
  }

  #mark() {
    for (const item of this.shadowRoot.querySelectorAll("[role=treeitem]")) {
      item.setAttribute("aria-selected", String(!!item.node && item.node === this.#selection));
    }
  }

  #clicked(event) {
    const item = event.composedPath().find((element) => element instanceof HTMLElement && element.getAttribute("role") === "treeitem");
    if (!item) return;
    this.#focus(item);
    const isArrow = event.composedPath()[0] instanceof HTMLElement && event.offsetX < 18;
    if (isArrow && item.hasAttribute("aria-expanded")) this.#toggle(item);
    else this.#choose(item);
  }

  #toggle(item) {
    if (item.getAttribute("aria-expanded") === "true") this.#close(item);
    else this.#open(item);
  }

  #choose(item) {
    if (item.isMore) {
      const parent = item.parentElement.closest("[role=treeitem]");
      const index = [...item.parentElement.children].indexOf(item);
      this.#focus(this.#open(parent, true).children[index]);
    } else if (item.node) {
      this.#selection = item.node;
      this.#mark();
      this.dispatchEvent(new CustomEvent("select", { detail: { node: item.node, nodes: [item.node], edge: null }, bubbles: true, composed: true }));
    } else if (item.hasAttribute("aria-expanded")) this.#toggle(item);
  }

  #focus(item) {
    if (this.#current) this.#current.tabIndex = -1;
    this.#current = item;
    item.tabIndex = 0;
    item.focus();
  }

  #pressed(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || !this.#current) return;
    const seen = [...this.shadowRoot.querySelectorAll("[role=treeitem]")].filter((item) => !item.parentElement.closest("ul[hidden]"));
    const at = seen.indexOf(this.#current);
    const item = this.#current;
    const parent = item.parentElement.closest("[role=treeitem]");
    const state = item.getAttribute("aria-expanded");
    const go = (other) => other && this.#focus(other);
    const acts = {
      ArrowDown: () => go(seen[at + 1]),
      ArrowUp: () => go(seen[at - 1]),
      Home: () => go(seen[0]),
      End: () => go(seen[seen.length - 1]),
      ArrowRight: () => (state === "false" ? this.#open(item) : state === "true" && go(seen[at + 1])),
      ArrowLeft: () => (state === "true" ? this.#close(item) : go(parent)),
      Enter: () => this.#choose(item),
      Escape: () => this.dispatchEvent(new CustomEvent("leave", { bubbles: true })),
      " ": () => this.#choose(item),
    };
    const letter = event.key.length === 1 && event.key !== " " ? event.key.toLowerCase() : "";
    const found = letter && [...seen.slice(at + 1), ...seen.slice(0, at)].find((other) => other.label.toLowerCase().startsWith(letter));
    if (!acts[event.key] && !found) return;
    event.preventDefault();
    event.stopPropagation();
    if (acts[event.key]) acts[event.key]();
    else go(found);
  }
}

function newItem(level, name, place, notes) {
  const item = makeElement("li");
  item.setAttribute("role", "treeitem");
  item.setAttribute("aria-level", String(level));
  item.tabIndex = -1;
  item.label = name;
  const line = makeElement("div", "line");
  line.append(makeElement("span", "name", name));
  if (place) line.append(makeElement("span", "place", place));
  if (notes.length) {
    const [first, ...others] = notes;
    const words = makeElement("span", "notes");
    if (first.startsWith("=")) words.append(makeElement("code", "", first.slice(1).trim()), others.length ? `, ${others.join(", ")}` : "");
    else words.textContent = notes.join(", ");
    line.append(words);
  }
  item.append(line);
  return item;
}

/** An expression first, marked by "="; then how the data is used, the job, and what is not sure. */
function linkNotes(graph, { node, edges }) {
  const known = graph.nodes.get(node);
  const [edge] = edges;
  const origin = known?.origin ? [MAKINGS[known.origin] ?? known.origin] : [];
  const unresolved = known?.resolved === false ? ["some sources not known"] : [];
  if (!edge) return [...origin, ...unresolved, ...(known?.tags ?? [])];
  const roles = [...new Set(edges.map((each) => ROLES[each.subtype] ?? (each.type === "INDIRECT" ? "decides on rows" : "")))];
  const jobs = new Set(edges.map((each) => each.job).filter(Boolean));
  const has = (test, words) => (edges.some(test) ? [words] : []);
  return [
    ...(edge.expression && edge.type !== "INDIRECT" ? [`= ${edge.expression}`] : []),
    ...roles.filter(Boolean),
    ...(edge.columns ? [`${edge.columns} ${edge.columns === 1 ? "column" : "columns"}`] : []),
    ...(jobs.size === 1 ? [`by ${titleOfJob([...jobs][0])}`] : jobs.size ? [`by ${jobs.size} jobs`] : []),
    ...has((each) => each.masking, "masked"),
    ...has((each) => each.exact === false, "not exact"),
    ...has((each) => each.certain === false, "uncertain"),
    ...has((each) => each.change, edge.change ?? ""),
    ...origin,
    ...unresolved,
    ...(known?.tags ?? []),
  ];
}

if (!customElements.get("hw-outline")) customElements.define("hw-outline", HwOutline); // a notebook may load this twice
