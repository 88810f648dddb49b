// The lineage view: asks for the answer, keeps what was expanded, gives it to <hw-graph>, and shows the panel beside it.

import { button, counted, h, icon, isNarrow, jobName, nameOf, shortName, splitNode } from "./dom.js";
import { HwGraph } from "./graph.js";
import { impactPanel, saveFile } from "./impact.js";
import { HwOutline } from "./outline.js";
import { linePanel, nodePanel } from "./panel.js";
import { hrefOf, samePicture } from "./state.js";
import { compared, TimeControls, withoutLaterColumns } from "./time.js";

const MOST_NODES = 2_000;
/** A page that is not looked at is not painted. */
const MOST_PAINT_MS = 200;
const LEVEL_WORDS = { column: "Columns", dataset: "Datasets", job: "Jobs" };
const TYPE_WORDS = { direct: "Values", all: "Values and rows", indirect: "Rows only" };
const PICTURE_FILES = { svg: "SVG", png: "PNG", mermaid: "Mermaid", csv: "CSV", json: "JSON" };

function edgeKey(edge) {
  return JSON.stringify([edge.source, edge.target, edge.type, edge.subtype, edge.plan, edge.sourceField, edge.expression]);
}

/** Between how many pairs there are edges: several logics can make one from the other. */
function pairsOf(edges) {
  return new Set(edges.map(({ source, target }) => `${source}\n${target}`)).size;
}

/** When what was drawn is on the screen: it is painted behind the next frame, and shown at the one after. */
function painted() {
  return new Promise((done) => {
    requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done)));
    setTimeout(done, MOST_PAINT_MS);
  });
}

/** Several answers as one; the counts of what lies behind a card are those without what is linked already. */
export class Picture {
  constructor() {
    this.nodes = new Map();
    this.edges = new Map();
    this.behind = new Map(); // dataset -> {upstream, downstream}: all datasets on that side
    this.first = null; // the answer about the node that is shown; the others are about cards
    this.complete = true;
    this.reason = null;
  }

  /** Add an answer; what is new or has another count, as an answer. */
  merge(answer) {
    this.first ??= answer;
    const linked = links(answer.edges);
    for (const node of answer.nodes) if (!this.nodes.has(node.id)) this.nodes.set(node.id, node);
    for (const node of answer.datasets ?? []) {
      const around = linked.get(node.id) ?? { upstream: new Set(), downstream: new Set() };
      this.behind.set(node.id, {
        upstream: (node.moreUpstream ?? 0) + around.upstream.size,
        downstream: (node.moreDownstream ?? 0) + around.downstream.size,
      });
      this.nodes.set(node.id, { ...this.nodes.get(node.id), ...node });
    }
    for (const edge of answer.edges) this.edges.set(edgeKey(edge), edge);
    this.complete &&= answer.complete || answer.reason === "depth";
    if (!answer.complete && answer.reason !== "depth") this.reason = answer.reason;
    return this.#answer();
  }

  /** All of it as one answer. */
  #answer() {
    const linked = links(this.edges.values());
    const nodes = [...this.nodes.values()].map((node) => {
      const all = this.behind.get(node.id);
      if (!all) return node;
      const around = linked.get(node.id) ?? { upstream: new Set(), downstream: new Set() };
      return {
        ...node,
        moreUpstream: Math.max(0, all.upstream - around.upstream.size),
        moreDownstream: Math.max(0, all.downstream - around.downstream.size),
      };
    });
    return { ...this.first, nodes, edges: [...this.edges.values()], complete: this.complete, reason: this.reason };
  }
}

/** By dataset the other datasets to which there is an edge, on each side. */
function links(edges) {
  const found = new Map();
  const of = (dataset) => {
    if (!found.has(dataset)) found.set(dataset, { upstream: new Set(), downstream: new Set() });
    return found.get(dataset);
  };
  for (const edge of edges) {
    const source = splitNode(edge.source).dataset;
    const target = splitNode(edge.target).dataset;
    if (source === target) continue;
    of(target).upstream.add(source);
    of(source).downstream.add(target);
  }
  return found;
}

/** One lineage picture with its toolbar and panel, for as long as the address is about it. */
export class LineageView {
  constructor(app, into) {
    this.app = app;
    this.into = into;
    this.state = null;
    this.line = []; // the edges of the line that was clicked
  }

  /** Show a state; what is known already is not asked again. */
  async show(state) {
    const before = this.state;
    this.state = state;
    this.line = [];
    if (!before || !samePicture(before, state)) return this.#begin(state, before);
    const known = new Set(before.expanded);
    for (const step of state.expanded.filter((each) => !known.has(each))) await this.#expand(step);
    if (before.expanded.some((each) => !state.expanded.includes(each))) return this.#begin(state, before);
    this.#update();
    return undefined;
  }

  /** The graph of the same node at another time or of another kind of lines is the same element: its cards keep their places. */
  async #begin(state, before = null) {
    const { app } = this;
    const picture = new Picture();
    this.picture = picture;
    // Before all other questions: the picture is what the reader waits for.
    const asking = Promise.all([this.#asked(state), ...state.expanded.map((step) => this.#askedStep(step))]);
    const focused = this.#focusedTool();
    const isSame = before?.node === state.node && before.level === state.level;
    if (!isSame || !this.aside?.isConnected) this.#frame(state);
    this.isAsking = true;
    this.#update(focused);
    const loading = setTimeout(() => (this.said.textContent = "Loading"), 150);
    const isOld = () => this.picture !== picture || app.lineage !== this; // another question, or another page
    try {
      const answers = await asking;
      if (isOld()) return;
      const [{ root }] = answers; // as the graph spells it: the panel and links ask for exactly this
      const isColumn = (node) => splitNode(node).column !== null;
      if (root !== state.node && this.spelled !== state.node && (state.level === "column" || isColumn(root) === isColumn(state.node))) {
        this.spelled = root;
        app.address.change({ node: root }, { replace: true });
        return;
      }
      for (const each of answers) this.answer = picture.merge(each);
      this.graph.answer = this.answer;
      if (state.place) this.#goTo(state.place);
      this.graph.drawNow();
      await painted(); // what follows would hold it up
      if (isOld()) return;
      this.isAsking = false;
      this.#update();
      this.time?.show(state);
      if (state.level === "job") this.refreshRuns().catch(() => {});
    } catch (error) {
      if (!isOld()) this.#failed(error);
    } finally {
      clearTimeout(loading);
    }
  }

  /** The elements of the view, which stay for as long as it is about the same node: so does the focus of one of them. */
  #frame(state) {
    const { app } = this;
    this.#newGraph();
    this.said = h("p", { class: "said" });
    this.outline = new HwOutline();
    this.outline.hidden = true;
    this.outline.addEventListener("select", (event) => this.#selected(event.detail));
    this.outline.addEventListener("leave", () => app.address.change({ outline: false }));
    this.toolbar = h("div", { class: "toolbar" });
    this.aside = h("aside", { class: "panel", "aria-label": "Details", hidden: app.embedded });
    this.time = app.embedded ? null : new TimeControls(app, splitNode(state.node).dataset, this.#finder(), this.#exports());
    const titles = [h("h1", { class: "unseen", text: `Lineage of ${nameOf(state.node)}` }), h("h2", { class: "unseen", text: "Cards" })];
    this.into.replaceChildren(
      h("div", { class: state.tab === "impact" ? "lineage beside" : "lineage" }, h("section", { class: "picture", "aria-label": "Lineage" }, titles[0], this.toolbar, this.time?.element, titles[1], this.graph, this.outline, this.said), this.aside),
    );
  }

  #newGraph() {
    const { app } = this;
    this.graph = new HwGraph();
    this.graph.addEventListener("select", (event) => this.#selected(event.detail));
    this.graph.addEventListener("expand", (event) => this.#wanted(event.detail));
    this.graph.addEventListener("open", (event) => {
      app.address.change({ open: this.graph.view.open });
      if (event.detail.open && event.detail.missing) this.#withAllColumns(event.detail.node);
    });
    this.graph.addEventListener("only", (event) => app.address.change({ only: event.detail.node !== null, selected: event.detail.node ? [event.detail.node] : this.state.selected }));
    this.graph.addEventListener("outline", () => app.address.change({ outline: !this.state.outline }));
  }

  #failed(error) {
    const { app } = this;
    const again = button({ onclick: () => this.show(app.address.state), text: "Try again" });
    const hints = error.run
      ? h("p", { class: "actions" }, app.link({ run: error.run }, icon("run"), "The run that failed last"), app.link({ job: error.job }, icon("job"), jobName(error.job)))
      : [error.suggestions?.length ? [h("p", { text: "Perhaps:" }), h("ul", {}, error.suggestions.map((id) => h("li", {}, app.link({ node: id }, id))))] : "", again];
    const title = error.run ? "Nothing was ever written here" : "This cannot be shown";
    this.into.replaceChildren(h("div", { class: "wide failed", role: "alert" }, h("h1", { text: title }), h("p", { text: error.message }), hints));
    this.state = null;
    this.isAsking = false;
  }

  /** The first answer: of a column its whole lineage, of a dataset one hop to each side. */
  async #asked(state) {
    const column = splitNode(state.node).column !== null;
    const level = state.level === "column" ? "column" : "dataset";
    const question = {
      node: state.node,
      direction: "both",
      depth: column ? null : 1,
      level,
      type: state.type,
      counts: true,
      limit: MOST_NODES,
    };
    return this.#atTimes(question);
  }

  /** The answer as of the time that is shown; where two are compared, of both as one. */
  async #atTimes(question) {
    const { asOf, from, to } = this.state;
    const { api } = this.app;
    const at = async (time) => {
      const answer = await api.ask("lineage", { ...question, asOf: time });
      if (time === undefined || question.level !== "column") return answer;
      const { types } = await api.ask("column-types", { dataset: splitNode(answer.root).dataset, asOf: time });
      return withoutLaterColumns(answer, types);
    };
    return from === undefined ? at(asOf) : compared(...(await Promise.all([at(from), at(to)])));
  }

  /** What one click on a chevron brings: "upstream DATASET", or "upstream-all DATASET" to the end. */
  #askedStep(step) {
    const [how, ...rest] = step.split(" ");
    const [direction, all] = how.split("-");
    return this.#atTimes({
      node: rest.join(" "),
      direction,
      depth: all ? null : 1,
      level: this.state.level === "column" ? "column" : "dataset",
      type: this.state.type,
      counts: true,
      limit: MOST_NODES,
    });
  }

  async #expand(step) {
    try {
      this.answer = this.picture.merge(await this.#askedStep(step));
      this.graph.merge(this.answer, step.slice(step.indexOf(" ") + 1));
      this.#outlined();
    } catch (error) {
      this.app.warn(error.message);
    }
  }

  /** Adds the columns of a dataset that have no part in the lineage that is shown. */
  async #withAllColumns(dataset) {
    try {
      const columns = await this.#atTimes({ node: dataset, direction: "both", depth: 0, level: "column" });
      this.answer = this.picture.merge(columns);
      this.graph.merge(this.answer, dataset);
    } catch (error) {
      this.app.warn(error.message);
    }
  }

  #wanted({ node, direction, all }) {
    const step = `${direction}${all ? "-all" : ""} ${splitNode(node).dataset}`;
    if (!this.state.expanded.includes(step)) this.app.address.change({ expanded: [...this.state.expanded, step] });
  }

  #selected({ node = null, nodes = node === null ? [] : [node], edge = null, edges = edge ? [edge] : [] }) {
    this.line = edges;
    if (edges.length) {
      this.#panel();
      return;
    }
    const selected = nodes.filter(Boolean);
    if (JSON.stringify(selected) === JSON.stringify(this.state.selected)) this.#panel();
    else this.app.address.change({ selected, tab: selected.length ? this.state.tab : undefined, only: selected.length > 0 && this.state.only });
  }

  #update(focused = this.#focusedTool()) {
    const { state, app } = this;
    if (app.lineage !== this) return;
    const isTurned = this.outline.hidden === state.outline && [this.graph, this.outline].includes(document.activeElement);
    const selection = state.selected.length ? state.selected : splitNode(state.node).column === null ? [] : [state.node];
    this.graph.view = { level: state.level, type: state.type, selection: selection[0] ?? null, also: selection.slice(1), only: state.only, open: state.open };
    this.graph.hidden = state.outline;
    this.outline.hidden = !state.outline;
    this.outline.view = { type: state.type, selection: selection[0] ?? null };
    this.#outlined();
    if (isTurned) (state.outline ? this.outline : this.graph).focus();
    this.#tools(focused);
    this.#panel();
    if (this.answer && this.picture) this.said.textContent = this.#words();
    document.title = `${nameOf(state.node)} - Headwater`;
    if (app.embedded) this.#whole();
  }

  /** The same answer as text: made when it is looked at. */
  #outlined() {
    if (!this.state.outline || !this.answer || this.outlineOf === this.answer) return;
    this.outlineOf = this.answer;
    this.outline.answer = this.answer;
  }

  #words() {
    const { answer, state } = this;
    const columns = answer.nodes.filter((node) => node.label === "column");
    const datasets = new Set(answer.nodes.map((node) => node.dataset));
    const parts = [counted(datasets.size, "dataset")];
    if (columns.length) parts.unshift(counted(columns.length, "column"));
    let text = `${parts.join(" in ")}, ${counted(pairsOf(answer.edges), "link")}`;
    if (state.from !== undefined) {
      const number = (change) => pairsOf(answer.edges.filter((edge) => edge.change === change));
      text += `: ${number("added")} added, ${number("removed")} removed, ${number("changed")} changed`;
    }
    return answer.complete ? text : `${text}. Not complete: ${answer.reason}`;
  }

  /** Which of the tools has the focus, which it keeps when they are drawn anew; -1: none. */
  #focusedTool() {
    return [...(this.toolbar?.querySelectorAll("button, select") ?? [])].indexOf(document.activeElement);
  }

  #tools(focused) {
    const { state, app } = this;
    const one = (label, choices, value, key) => {
      const names = Object.entries(choices);
      const choose = (name) => app.address.change({ [key]: name });
      if (isNarrow()) return h("select", { "aria-label": label, onchange: (event) => choose(event.target.value) }, names.map(([name, text]) => h("option", { value: name, selected: name === value, text })));
      return h("div", { class: "choice", role: "group", "aria-label": label }, names.map(([name, text]) => button({ "aria-pressed": String(name === value), onclick: () => choose(name), text })));
    };
    const only = h("button", {
      type: "button",
      "aria-pressed": String(state.only),
      disabled: !state.selected.length && splitNode(state.node).column === null,
      onclick: () => app.address.change({ only: !state.only }),
      text: "Only this",
      title: "Hide what the selected column has nothing to do with",
    });
    const parts = [one("What the cards are", LEVEL_WORDS, state.level, "level"), one("What the lines are", TYPE_WORDS, state.type, "type"), only];
    if (!app.embedded) {
      parts.push(
        button({ "aria-pressed": String(state.outline), onclick: () => app.address.change({ outline: !state.outline }), text: "Outline", title: "The same as a tree of text (o)" }),
      );
    }
    this.toolbar.replaceChildren(...parts);
    this.toolbar.querySelectorAll("button, select")[focused]?.focus();
  }

  #finder() {
    const find = (event) => {
      if (this.graph.find(event.target.value) === null && event.target.value) this.app.say("Nothing in the picture is called so");
    };
    return h("input", {
      type: "search",
      placeholder: "Find in the picture",
      "aria-label": "Find in the picture",
      onkeydown: (event) => event.key === "Enter" && find(event),
    });
  }

  #exports() {
    const save = async (format) => {
      try {
        const file = await this.graph.exported(format);
        const ending = { mermaid: "mmd" }[format] ?? format;
        saveFile(file, `lineage-${nameOf(this.state.node)}.${ending}`);
      } catch (error) {
        this.app.warn(error.message);
      }
    };
    return h(
      "select",
      {
        "aria-label": "Save what is shown",
        onchange: (event) => {
          const format = event.target.value;
          event.target.value = "";
          if (format) save(format);
        },
      },
      h("option", { value: "", text: "Save as" }),
      Object.entries(PICTURE_FILES).map(([value, text]) => h("option", { value, text })),
    );
  }

  /** The address of this view, with where the picture stands. */
  get link() {
    const { x, y, scale } = this.graph.camera;
    const place = [Math.round(x), Math.round(y), scale.toFixed(3)].join(" ");
    return hrefOf({ ...this.state, place });
  }

  #goTo(place) {
    const [x, y, scale] = place.split(" ").map(Number);
    if ([x, y, scale].every(Number.isFinite) && scale > 0) this.graph.camera = { x, y, scale };
  }

  /** New runs came: the marks of the cards change, and nothing moves. */
  async refreshRuns() {
    const rows = await this.app.api.rows("latest-runs", { limit: 200 });
    const runs = {};
    for (const row of [...rows].reverse()) {
      const mark = { state: row.status, at: row.timestamp };
      if (row.target) runs[row.target] = mark;
      if (row.job) runs[row.job] = mark;
    }
    this.graph.runs = runs;
  }

  #panel() {
    if (this.isAsking) return; // what it asks would hold up the picture
    const { state, app } = this;
    if (app.embedded) return;
    const node = state.selected[0] ?? state.node;
    const key = JSON.stringify([node, state.tab, state.asOf, state.change, state.selected, this.line.map(edgeKey)]);
    if (this.panelKey === key && this.aside.isConnected && this.aside.childElementCount) return;
    this.panelKey = key;
    let content;
    if (this.line.length) content = linePanel(app, state, this.line);
    else if (state.tab === "impact") {
      const back = button({ class: "back", onclick: () => app.address.change({ tab: undefined, change: undefined }) }, icon("in"), "Back");
      content = [back, impactPanel(app, state, node)].flat();
    } else content = nodePanel(app, state, node);
    this.aside.parentElement.classList.toggle("beside", state.tab === "impact" && !this.line.length);
    this.aside.replaceChildren(...content.flat(Infinity).filter(Boolean));
    this.aside.scrollTop = 0;
  }

  /** In a frame: a link to the whole page. */
  #whole() {
    const link = h("a", { href: `./${hrefOf(this.state)}`, target: "_blank", rel: "noopener", text: `${shortName(this.state.node)} in Headwater` });
    this.said.replaceChildren(this.answer ? `${this.#words()}. ` : "", link);
  }
}
