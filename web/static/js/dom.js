// Making elements: text is always text, never HTML. Also how names, times and links of things look on all views.

import { grouped, visible } from "./model.js";

const SVG_SPACE = "http://www.w3.org/2000/svg";
const ICONS = new URL("icons.svg", import.meta.url).href;
/** Names of folders that say nothing without the one above. */
const SAY_NOTHING = new Set(["data", "metadata", "latest", "current", "output", "part"]);
const ENDINGS = [".gz", ".parquet", ".csv", ".json", ".orc", ".avro", ".delta"];

/**
 * An element. `given` are attributes; `on...` keys are listeners, `text` is its text; false and null leave one out.
 * @param {string} tag
 * @param {Record<string, any>} [given]
 * @param {...(Node | string | null | undefined | false)} children
 * @returns {HTMLElement}
 */
export function h(tag, given = {}, ...children) {
  const made = document.createElement(tag);
  for (const [key, value] of Object.entries(given)) {
    if (value === null || value === undefined || value === false) continue;
    if (key === "text") made.textContent = visible(value);
    else if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else made.setAttribute(key, value === true ? "" : String(value));
  }
  for (const child of children.flat(Infinity)) {
    if (child !== null && child !== undefined && child !== false) made.append(typeof child === "string" ? visible(child) : child);
  }
  return made;
}

/** Whether the page is as narrow as a phone: as theme.css has it. */
export function isNarrow() {
  return matchMedia("(max-width: 760px)").matches;
}

/** A button that submits no form. */
export function button(given, ...children) {
  return h("button", { type: "button", ...given }, ...children);
}

/** A few words in a paler colour. */
export function soft(text) {
  return h("span", { class: "muted", text });
}

/** A paragraph in a paler colour. */
export function softly(text) {
  return h("p", { class: "muted", text });
}

/** An icon of icons.svg; screen readers pass it over. */
export function icon(name) {
  const picture = document.createElementNS(SVG_SPACE, "svg");
  picture.setAttribute("class", "icon");
  picture.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG_SPACE, "use");
  use.setAttribute("href", `${ICONS}#${name}`);
  picture.append(use);
  return picture;
}

/** A name that may be broken where its words end, and nowhere else. */
export function breakable(name) {
  return name.split(/(?<=[_./-])(?=.)/).flatMap((part, at) => (at ? [h("wbr"), part] : [part]));
}

/** Text with the places that match `query` marked: all of it, or else its words. */
export function marked(text, query) {
  const out = document.createDocumentFragment();
  const lower = text.toLowerCase();
  const whole = query.toLowerCase();
  const words = lower.includes(whole) ? [whole] : whole.split(/\s+/);
  for (let at = 0; at < text.length; ) {
    const [[begin, word]] = [...words.map((each) => [lower.indexOf(each, at), each]).filter(([begin]) => begin >= 0), [text.length, ""]].sort(([one], [other]) => one - other);
    out.append(visible(text.slice(at, begin)));
    if (word) out.append(h("mark", { text: text.slice(begin, begin + word.length) }));
    at = begin + word.length;
  }
  return out;
}

/** The dataset and column of a node id; the column is null for a dataset. */
export function splitNode(id) {
  const at = id.lastIndexOf("#");
  return at < 0 ? { dataset: id, column: null } : { dataset: id.slice(0, at), column: id.slice(at + 1) };
}

/** A dataset's name as people say it: the last part of its URI, without a file's ending. */
export function shortName(id) {
  const parts = splitNode(id).dataset.replace(/\/+$/, "").split("/");
  let last = parts.pop() || id;
  for (const ending of ENDINGS) if (last.endsWith(ending)) last = last.slice(0, -ending.length);
  return SAY_NOTHING.has(last) && parts.length ? `${parts.pop()}/${last}` : last;
}

/** What comes before the name in a dataset's URI. */
export function placeOf(id) {
  const whole = splitNode(id).dataset.replace(/\/+$/, "");
  return whole.slice(0, whole.lastIndexOf("/") + 1);
}

/** A job's name: its id without "job:" and namespace. */
export function jobName(id) {
  return (id || "").replace(/^job:/, "").split("/").pop() || "";
}

/** The name of any thing that has an id. */
export function nameOf(id) {
  if (id.startsWith("job:")) return jobName(id);
  if (id.startsWith("tag:")) return id.slice("tag:".length);
  const { dataset, column } = splitNode(id);
  return column === null ? shortName(dataset) : column;
}

const UNITS = [
  ["year", 31_557_600_000],
  ["month", 2_629_800_000],
  ["day", 86_400_000],
  ["hour", 3_600_000],
  ["minute", 60_000],
];

const LAST = { year: "last year", month: "last month", day: "yesterday" };

/** How long ago a time (ms since 1970) is, in words. */
export function ago(milliseconds, now = Date.now()) {
  const passed = now - milliseconds;
  for (const [unit, size] of UNITS) {
    if (Math.abs(passed) >= size) {
      const number = Math.round(Math.abs(passed) / size);
      if (passed > 0) return (number === 1 && LAST[unit]) || `${counted(number, unit)} ago`;
      return `in ${counted(number, unit)}`;
    }
  }
  return "just now";
}

/** A time in full, in UTC: 2026-03-01 08:00:00. */
export function fullTime(milliseconds) {
  return new Date(milliseconds).toISOString().slice(0, 19).replace("T", " ");
}

/** A time as an element: how long ago, and in full when pointed at. */
export function timeOf(milliseconds) {
  if (milliseconds === null || milliseconds === undefined) return soft("never");
  const full = `${fullTime(milliseconds)} UTC`;
  return h("time", { datetime: new Date(milliseconds).toISOString(), title: full, text: ago(milliseconds) });
}

/** How long something took, in words, from ns. */
export function lasted(nanoseconds) {
  if (nanoseconds === null || nanoseconds === undefined) return "";
  const seconds = nanoseconds / 1e9;
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 120) return `${Math.round(seconds)} s`;
  return seconds < 7200 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`;
}

/** "1 column", "5 columns", "12,345 columns". */
export function counted(number, word) {
  return `${grouped(number)} ${word}${number === 1 ? "" : "s"}`;
}

/** A button that copies a text and says so. */
export function copyButton(label, text, say) {
  return h(
    "button",
    {
      type: "button",
      class: "copy",
      onclick: async () => {
        try {
          await navigator.clipboard.writeText(typeof text === "function" ? text() : text);
          say(`${label}: copied`);
        } catch {
          say("The browser does not let this page copy");
        }
      },
    },
    icon("copy"),
    label,
  );
}

/**
 * A table. `columns` are titles; each row is a list of cells (text or elements).
 * @param {string} caption  for screen readers
 */
export function table(caption, columns, rows) {
  const head = h("tr", {}, columns.map((title) => h("th", { scope: "col", text: title })));
  const body = rows.map((row) => h("tr", {}, row.map((cell, at) => h("td", { "data-label": columns[at] }, cell))));
  return h(
    "div",
    { class: "scroll", tabindex: "0", role: "region", "aria-label": caption },
    h("table", {}, h("caption", { class: "unseen", text: caption }), h("thead", {}, head), h("tbody", {}, body)),
  );
}

const LOADING_MS = 150;

/**
 * What `ask` gives, drawn by `draw`, when it has come. Until then, after a moment, it says that it loads; an error is
 * said in words, with a button that tries again.
 * @param {() => Promise<any>} ask
 * @param {(answer: any) => (Node | string | null | (Node | string | null)[])} draw
 */
export function later(ask, draw) {
  const place = h("div", { class: "later", "aria-busy": "true" });
  const load = () => {
    place.setAttribute("aria-busy", "true");
    const loading = setTimeout(() => place.replaceChildren(softly("Loading")), LOADING_MS);
    ask()
      .then((answer) => place.replaceChildren(...[draw(answer)].flat().filter((part) => part !== null && part !== undefined)))
      .catch((error) => {
        if (error.name === "AbortError") return;
        const again = button({ onclick: load, text: "Try again" });
        place.replaceChildren(h("div", { class: "failed", role: "alert" }, h("p", { text: error.message }), again));
      })
      .finally(() => {
        clearTimeout(loading);
        place.removeAttribute("aria-busy");
      });
  };
  load();
  return place;
}

/** Why the column lineage of a job is missing, in words: `reason` of the query coverage. */
export function reasonOf({ reason, dataset, columns }) {
  const of = dataset ? ` of ${shortName(dataset)}` : "";
  const some = Number(columns?.length ?? columns) ? counted(columns.length ?? columns, "column") : "columns";
  const words = {
    "failed only": `no run that writes ${dataset ? shortName(dataset) : "it"} succeeded`,
    "never ran": `has told what it does${of}, and never that it ran`,
    "no columns": `columns${of} are not known`,
    unresolved: `where ${some}${of} come from is not known`,
    "partly unresolved": `where ${some}${of} come from is known in part`,
    "not exact": `${some}${of} are made by code that cannot be seen into`,
  };
  return words[reason] ?? `${reason}${of}`;
}

/** A run's status as an icon and a word. */
export function statusOf(status, withWord = true) {
  const failed = status === "failed";
  return h(
    "span",
    { class: failed ? "status bad" : "status good", title: failed ? "failed" : "succeeded" },
    icon(failed ? "bad" : "good"),
    h("span", { class: withWord ? null : "unseen", text: failed ? "failed" : "succeeded" }),
  );
}
