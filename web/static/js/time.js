// Time: a slider over the writes of the dataset in the middle, and the comparison of two times.

import { button, fullTime, h, icon, splitNode } from "./dom.js";

const MOST_WRITES = 200;

/** Controls that set `asOf`, or `from` and `to`, of the address. */
export class TimeControls {
  constructor(app, dataset, ...beside) {
    this.app = app;
    this.dataset = dataset;
    this.writes = [];
    this.place = h("div", { class: "moment" });
    this.element = h("div", { class: "time" }, this.place, beside);
  }

  /** Shows where a state is among the writes. The slider stays focused: keys move it from write to write. */
  async show(state) {
    this.state = state;
    this.#draw(this.writes);
    try {
      const rows = await this.app.api.rows("dataset-versions", { dataset: this.dataset, limit: MOST_WRITES });
      this.writes = rows.filter((row) => row.timestamp !== null).reverse();
      this.#draw(this.writes);
    } catch {
      // the picture says why
    }
  }

  #draw(writes) {
    const { state } = this;
    const chosen = state.from ?? state.asOf;
    const at = writes.findIndex((row) => row.run === chosen || String(row.timestamp) === chosen);
    const place = chosen === undefined ? writes.length : at < 0 ? 0 : at;
    const words = h("output", { for: "time", text: this.#words(writes, place, chosen, at) });
    const slider = h("input", {
      type: "range",
      id: "time",
      min: "0",
      max: String(writes.length),
      value: String(place),
      "aria-label": "The state as of an earlier write",
      "aria-valuetext": words.textContent,
      oninput: (event) => {
        words.textContent = this.#words(writes, Number(event.target.value));
        event.target.setAttribute("aria-valuetext", words.textContent);
      },
      onchange: (event) => this.#choose(writes[Number(event.target.value)]),
    });
    const compare = h(
      "label",
      {},
      h("input", { type: "checkbox", checked: state.from !== undefined, onchange: (event) => this.#compare(event.target.checked) }),
      this.state.to ? "compare with a later run" : "compare with now",
    );
    const isFocused = document.activeElement?.id === "time";
    const usable = writes.length > 1 || chosen !== undefined;
    this.place.replaceChildren(
      icon("time"),
      usable ? slider : "",
      words,
      usable && place < writes.length ? compare : "",
      chosen === undefined ? "" : button({ onclick: () => this.app.address.change({ asOf: undefined, from: undefined, to: undefined }), text: "Back to now" }),
    );
    if (isFocused) slider.focus();
  }

  #words(writes, place, chosen = undefined, at = place) {
    if (chosen !== undefined && at < 0) return `as of ${chosen.startsWith("run:") ? "a run of another dataset" : chosen}`;
    return place >= writes.length ? "now" : `as of ${fullTime(writes[place].timestamp)}`;
  }

  #choose(write) {
    const moment = write ? (write.run ?? String(write.timestamp)) : undefined;
    if (this.state.from !== undefined && moment !== undefined) this.app.address.change({ from: moment });
    else this.app.address.change({ asOf: moment, from: undefined, to: undefined });
  }

  #compare(wanted) {
    const moment = this.state.from ?? this.state.asOf;
    if (wanted) this.app.address.change({ from: moment, asOf: undefined });
    else this.app.address.change({ asOf: moment, from: undefined, to: undefined });
  }
}

/**
 * An answer as of a time, without the columns of its root that no write had made yet: they have neither a type then nor a
 * link. `types` are those of that time, by name in lower case.
 */
export function withoutLaterColumns(answer, types) {
  const { dataset } = splitNode(answer.root);
  const linked = new Set(answer.edges.flatMap(({ source, target }) => [source, target]).concat(answer.root));
  const isThere = ({ id, label, name, dataset: of }) => label !== "column" || of !== dataset || linked.has(id) || name.toLowerCase() in types;
  const nodes = answer.nodes.filter(isThere);
  const later = answer.nodes.length - nodes.length;
  if (!later || !Object.keys(types).length) return answer;
  return { ...answer, nodes, datasets: answer.datasets?.map((node) => (node.id === dataset ? { ...node, columnCount: node.columnCount - later } : node)) };
}

/** What is left out of `edges` for each edge of `others` that `isSame`: pairs, and what of both has no partner. */
function paired(edges, others, isSame) {
  const left = [...edges];
  const [pairs, rest] = [[], []];
  for (const other of others) {
    const at = left.findIndex((edge) => isSame(edge, other));
    if (at < 0) rest.push(other);
    else pairs.push([left.splice(at, 1)[0], other]);
  }
  return { pairs, left, rest };
}

/**
 * The edges of two times. Several jobs can write the same edge, so one is compared with its own earlier self: of the same
 * logic, else of the same job, else the only one there was; what has none was added or removed.
 */
function comparedEdges(before, after) {
  const byEnds = new Map();
  for (const [side, edges] of [["was", before], ["is", after]]) {
    for (const edge of edges) {
      const key = JSON.stringify([edge.source, edge.target, edge.type, edge.subtype]);
      if (!byEnds.has(key)) byEnds.set(key, { was: [], is: [] });
      byEnds.get(key)[side].push(edge);
    }
  }
  const compare = ([old, edge]) => (old.expression === edge.expression ? edge : { ...edge, change: "changed", before: old.expression });
  return [...byEnds.values()].flatMap(({ was, is }) => {
    const isOnly = was.length === 1 && is.length === 1;
    const same = paired(was, is, (one, other) => one.plan === other.plan && one.sourceField === other.sourceField && one.expression === other.expression);
    const own = paired(same.left, same.rest, (one, other) => one.job === other.job || isOnly);
    const as = (change) => (edge) => ({ ...edge, change });
    const isMadeSo = (edges) => (edge) => edges.some((other) => other.expression === edge.expression); // by one more logic: no news
    return [
      ...same.pairs.map(([, edge]) => edge),
      ...own.pairs.map(compare),
      ...own.left.filter((edge) => !isMadeSo(is)(edge)).map(as("removed")),
      ...own.rest.map((edge) => (isMadeSo(was)(edge) ? edge : as("added")(edge))),
    ];
  });
}

/**
 * The union of two answers about one node at two times; each node and edge says its `change`: added, removed, changed
 * (an edge with another expression), or nothing.
 */
export function compared(before, after) {
  const union = (was = [], is = []) => {
    const found = new Map(was.map((node) => [node.id, { ...node, change: "removed" }]));
    for (const node of is) found.set(node.id, found.has(node.id) ? node : { ...node, change: "added" });
    return [...found.values()];
  };
  return {
    ...after,
    nodes: union(before.nodes, after.nodes),
    edges: comparedEdges(before.edges, after.edges),
    datasets: union(before.datasets, after.datasets),
    complete: before.complete && after.complete,
    reason: after.reason ?? before.reason,
  };
}
