// The address of the page is its state. Pure but for `Address`, which reads and writes the browser's address.

/**
 * What is shown. `node` is a dataset or column (lineage); `job`, `run`, `tag` are pages of such a thing; `see` is
 * estate or health; nothing of these: the home page.
 * @typedef {object} State
 * @property {string} [node]
 * @property {string} [job]
 * @property {string} [run]
 * @property {string} [tag]
 * @property {string} [see]
 * @property {string} [about]   which table of the estate
 * @property {string[]} selected  columns or a dataset that are selected
 * @property {string[]} expanded  "upstream <dataset>" or "downstream <dataset>", in the order of the clicks
 * @property {string[]} open      cards that are opened to all of their columns
 * @property {"column"|"dataset"|"job"} level
 * @property {"direct"|"all"|"indirect"} type
 * @property {boolean} only       cards without a lit column are not shown
 * @property {boolean} outline    as a tree of text instead of a picture
 * @property {string} [asOf]      a time or run
 * @property {string} [from]      compare: the earlier time or run
 * @property {string} [to]        compare: the later one; absent: now
 * @property {string} [tab]       of the panel
 * @property {string} [change]    what the impact table asks
 * @property {string} [place]     "x y scale" of the picture, only in links that are copied with it
 */

const SINGLE = ["node", "job", "run", "tag", "see", "about", "asOf", "from", "to", "tab", "change", "place"];
const LISTS = { selected: "select", expanded: "expand", open: "open" };
const LEVELS = ["column", "dataset", "job"];
const TYPES = ["direct", "all", "indirect"];

/** @returns {State} */
export function stateOf(search) {
  const given = new URLSearchParams(search);
  /** @type {any} */
  const state = { selected: [], expanded: [], open: [], level: "column", type: "direct", only: false, outline: false };
  for (const key of SINGLE) if (given.get(key)) state[key] = given.get(key);
  for (const [key, name] of Object.entries(LISTS)) state[key] = [...new Set(given.getAll(name).filter(Boolean))];
  if (LEVELS.includes(given.get("level") ?? "")) state.level = given.get("level");
  if (TYPES.includes(given.get("type") ?? "")) state.type = given.get("type");
  state.only = given.get("only") === "yes";
  state.outline = given.get("outline") === "yes";
  return state;
}

/** The query of a state, beginning with "?"; equal states have equal ones. Defaults are left out. */
export function hrefOf(state) {
  const pairs = [];
  for (const key of SINGLE) if (state[key]) pairs.push([key, state[key]]);
  for (const [key, name] of Object.entries(LISTS)) {
    const values = key === "expanded" ? state[key] ?? [] : [...(state[key] ?? [])].sort();
    for (const value of values) pairs.push([name, value]);
  }
  if (state.level && state.level !== "column") pairs.push(["level", state.level]);
  if (state.type && state.type !== "direct") pairs.push(["type", state.type]);
  if (state.only) pairs.push(["only", "yes"]);
  if (state.outline) pairs.push(["outline", "yes"]);
  pairs.sort((one, other) => (one[0] < other[0] ? -1 : one[0] > other[0] ? 1 : 0));
  return pairs.length ? `?${pairs.map(([key, value]) => `${key}=${readable(value)}`).join("&")}` : "./";
}

/** Encoded as little as a URL allows, so that people can read it. */
function readable(value) {
  return encodeURIComponent(value).replaceAll("%2F", "/").replaceAll("%3A", ":").replaceAll("%2C", ",").replaceAll("%20", "+");
}

/** Whether two states are about the same picture, so that nothing has to be asked anew. */
export function samePicture(one, other) {
  const keys = ["node", "level", "type", "asOf", "from", "to"];
  return keys.every((key) => (one[key] ?? "") === (other[key] ?? ""));
}

/** The browser's address. `onChange` is called with the state after each change, also by the back button. */
export class Address {
  constructor(onChange) {
    this.onChange = onChange;
    this.state = stateOf(location.search);
    addEventListener("popstate", () => {
      this.state = stateOf(location.search);
      onChange(this.state);
    });
  }

  /** Go to a state; `replace`: without an entry in the history. */
  go(state, { replace = false } = {}) {
    const href = hrefOf(state);
    if (replace) history.replaceState(null, "", href === "./" ? location.pathname : href);
    else history.pushState(null, "", href === "./" ? location.pathname : href);
    this.state = stateOf(location.search);
    this.onChange(this.state);
  }

  /** The same view with something changed. */
  change(changes, options) {
    this.go({ ...this.state, ...changes }, options);
  }
}
