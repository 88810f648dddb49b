// The search box: one field for datasets, columns, jobs, runs, tags and owners. All of it works from the keyboard.

import { h, icon, isNarrow, jobName, marked, placeOf, shortName } from "./dom.js";
import { hrefOf } from "./state.js";

const FOUND_MOST = 14;
const FOUND_KINDS = {
  dataset: "Datasets",
  column: "Columns",
  job: "Jobs",
  run: "Runs",
  tag: "Tags and owners",
  alias: "Other names",
  "never written": "Never written: every run failed",
};

/** Where a row of the query `search` leads. */
export function targetOf(row) {
  if (row.label === "job") return { job: row.id };
  if (row.label === "run") return { run: row.id };
  if (row.label === "tag") return { tag: row.id.replace(/^tag:/, "") };
  if (row.label === "alias") return { node: row.dataset };
  return { node: row.id };
}

/** A search box; `go` is called with the state of what was chosen. */
export class SearchBox {
  constructor(api, go) {
    this.api = api;
    this.go = go;
    this.rows = [];
    this.active = -1;
    this.input = h("input", {
      type: "search",
      id: "search",
      role: "combobox",
      autocomplete: "off",
      spellcheck: "false",
      placeholder: isNarrow() ? "Find a dataset, column, job ..." : "Find a dataset, column, job, run, tag or owner",
      "aria-label": "Find a dataset, column, job, run, tag or owner",
      "aria-expanded": "false",
      "aria-controls": "found",
      "aria-autocomplete": "list",
      "aria-keyshortcuts": "/",
    });
    this.list = h("div", { id: "found", role: "listbox", "aria-label": "Found", hidden: true });
    this.element = h("div", { class: "search", role: "search" }, icon("search"), this.input, this.list);
    this.input.addEventListener("input", () => this.#typed());
    this.input.addEventListener("keydown", (event) => this.#pressed(event));
    this.input.addEventListener("focus", () => this.rows.length && this.#open(true));
    this.element.addEventListener("focusout", (event) => {
      if (!this.element.contains(event.relatedTarget)) this.#open(false);
    });
  }

  focus() {
    this.input.focus();
    this.input.select();
  }

  /** Empty and closed, as after a choice. */
  clear() {
    this.input.value = "";
    this.rows = [];
    this.#open(false);
  }

  #open(open) {
    this.list.hidden = !open;
    this.input.setAttribute("aria-expanded", String(open));
    if (!open) this.#activate(-1);
  }

  #typed() {
    const text = this.input.value.trim();
    if (!text) {
      this.rows = [];
      this.#open(false);
    } else if (!this.asking) this.#search(text);
  }

  /** Asks at once, and when the answer is there, for what was typed meanwhile: never for two texts at a time. */
  async #search(text) {
    this.asking = text;
    try {
      const answer = await this.api.ask("search", { q: text, limit: FOUND_MOST });
      if (this.input.value.trim() !== text) return;
      this.shownFor = text;
      this.#show(answer.rows, text, answer.next !== null);
    } catch (error) {
      this.list.replaceChildren(h("p", { class: "notice", text: error.message }));
      this.#open(true);
    } finally {
      if (this.asking === text) {
        this.asking = null;
        if (this.input.value.trim() !== text) this.#typed();
      }
    }
  }

  #show(found, text, more) {
    const datasets = new Set(found.map((row) => row.label === "dataset" && row.id));
    const rows = found.filter((row) => row.label !== "alias" || !datasets.has(row.dataset));
    const kinds = Object.keys(FOUND_KINDS).filter((kind) => rows.some((row) => row.label === kind));
    this.rows = kinds.flatMap((kind) => rows.filter((row) => row.label === kind));
    const groups = kinds.map((kind) => {
      const title = h("div", { class: "kind", role: "presentation", text: FOUND_KINDS[kind] });
      const options = rows.filter((row) => row.label === kind).map((row) => this.#option(row, text));
      return h("div", { role: "group", "aria-label": FOUND_KINDS[kind] }, title, options);
    });
    if (!rows.length) groups.push(h("div", { class: "kind", role: "presentation", text: `Nothing is called ${text}` }));
    if (more) groups.push(h("div", { class: "kind", role: "presentation", text: "There is more: type on" }));
    this.list.replaceChildren(...groups);
    this.#open(true);
    this.#activate(this.rows.length ? 0 : -1);
  }

  #option(row, text) {
    const at = this.rows.indexOf(row);
    const isDataset = row.label === "dataset" || row.label === "never written";
    const name = isDataset ? shortName(row.id) : row.name ?? row.id;
    const where = { column: row.dataset, run: row.id, alias: row.dataset, job: row.id.replace(/^job:/, "") }[row.label];
    const place = [row.businessName, isDataset ? placeOf(row.id) : where].filter(Boolean).join(" · ");
    return h(
      "a",
      {
        role: "option",
        id: `found-${at}`,
        tabindex: "-1",
        "aria-selected": "false",
        href: hrefOf(targetOf(row)),
        onclick: (event) => {
          if (event.ctrlKey || event.metaKey || event.shiftKey) return;
          event.preventDefault();
          this.#choose(at);
        },
        onpointermove: () => this.#activate(at),
      },
      icon(row.label === "never written" ? "bad" : row.label),
      h("span", { class: "name" }, marked(row.label === "job" ? jobName(row.id) : name, text)),
      h("span", { class: "place" }, marked(place, text)),
    );
  }

  #activate(at) {
    this.active = at;
    for (const option of this.list.querySelectorAll("[role=option]")) {
      const chosen = option.id === `found-${at}`;
      option.setAttribute("aria-selected", String(chosen));
      if (chosen) option.scrollIntoView({ block: "nearest" });
    }
    if (at < 0) this.input.removeAttribute("aria-activedescendant");
    else this.input.setAttribute("aria-activedescendant", `found-${at}`);
  }

  #pressed(event) {
    const last = this.rows.length - 1;
    if (event.key === "ArrowDown") this.#activate(this.active >= last ? 0 : this.active + 1);
    else if (event.key === "ArrowUp") this.#activate(this.active <= 0 ? last : this.active - 1);
    else if (event.key === "Enter") this.#entered();
    else if (event.key === "Escape") {
      if (this.list.hidden) this.clear();
      else this.#open(false);
    } else return;
    event.preventDefault();
  }

  async #entered() {
    const text = this.input.value.trim();
    if (!text) return;
    if (this.list.hidden || this.active < 0 || this.shownFor !== text) await this.#search(text);
    if (this.active >= 0) this.#choose(this.active);
  }

  #choose(at) {
    const row = this.rows[at];
    this.clear();
    if (row) this.go(targetOf(row));
  }
}
