// The panel beside the graph: what is known about the dataset, column or edge that is selected, first in words.

import { button, copyButton, counted, fullTime, h, icon, jobName, lasted, later, nameOf, placeOf, shortName, soft, softly, splitNode, statusOf, table, timeOf } from "./dom.js";
import { grouped } from "./model.js";
import { operationsOf } from "./ops.js";
import { hrefOf } from "./state.js";
import { withoutLaterColumns } from "./time.js";

/** What each subtype says of a source, in words; the same ones stand at the edges of the picture. */
export const HOW = {
  IDENTITY: "unchanged",
  TRANSFORMATION: "computed",
  AGGREGATION: "computed over many rows",
  FILTER: "decides which rows there are",
  JOIN: "rows are matched by it",
  GROUP_BY: "rows are grouped by it",
  SORT: "rows are ordered by it",
  WINDOW: "orders or divides a window",
  CONDITIONAL: "a condition looks at it",
};

/** The panel for a node. `app` has the api; `state` the address; the panel leads on by links. */
export function nodePanel(app, state, node) {
  if (node.startsWith("job:")) return jobPanel(app, node);
  return splitNode(node).column === null ? datasetPanel(app, state, node) : columnPanel(app, state, node);
}

function jobPanel(app, job) {
  return [
    h("p", { class: "kind" }, icon("job"), "Job ", h("span", { class: "place", text: job.replace(/^job:/, "") })),
    h("h2", { class: "title" }, app.link({ job }, jobName(job))),
    factList([["Tags", tagsOf(app, job)]]),
    h("section", {}, h("h3", { text: "Runs, newest first" }), later(() => app.api.rows("runs", { job, limit: 10 }), (rows) => table("Runs", ["Status", "Time (UTC)", "Took", "Error", "Application"], runRows(app, rows)))),
  ];
}

function columnPanel(app, state, node) {
  const { dataset, column } = splitNode(node);
  const asOf = state.asOf;
  return [
    h("p", { class: "kind" }, icon("column"), "Column of ", app.link({ ...keep(state), node: dataset }, shortName(dataset))),
    h("h2", { class: "title", text: column }),
    later(() => app.api.rows("in-words", { node, asOf }), (rows) => h("p", { class: "sentence", text: rows[0].sentence })),
    actions([
      state.node === node ? null : app.link({ ...keep(state), node, selected: [], expanded: [], open: [] }, icon("in"), "Trace from source to end"),
      app.link({ ...keep(state), node: state.node ?? node, selected: [node], tab: "impact" }, "What breaks if it changes"),
    ]),
    factList([
      ["Type", later(() => schemaOf(app, dataset, asOf), (rows) => h("code", { text: rows.find((row) => row.id === node)?.type || "not told" }))],
      ["Description", described(app, node, async () => (await schemaOf(app, dataset)).find((row) => row.id === node)?.description)],
      ["Tags", tagsOf(app, node)],
    ]),
    later(() => Promise.all([besideColumn(app, node, asOf), app.api.rows("explain", { node, limit: 200 })]), ([answer, plans]) => explained(app, state, node, answer, plans)),
    later(() => besideColumn(app, node, asOf), (answer) => goesTo(app, state, node, answer)),
    historyOf(app, node),
    copies(app, state, node),
  ];
}

/** One hop around a column, as of the time that is shown. */
function besideColumn(app, node, asOf) {
  return app.api.ask("lineage", { node, direction: "both", depth: 1, type: "all", asOf });
}

/** The edges into a column: its values first, then what its rows depend on. `plans` are rows of the query explain. */
function explained(app, state, node, answer, plans) {
  const edges = answer.edges.filter((edge) => edge.target === node || edge.target === splitNode(node).dataset);
  const direct = edges.filter((row) => row.type === "DIRECT");
  const indirect = edges.filter((row) => row.type !== "DIRECT");
  const plan = direct[0]?.plan ?? indirect[0]?.plan;
  const computed = direct.filter((row) => row.subtype !== "IDENTITY" && row.expression);
  const expressions = [...new Set(computed.map((row) => row.expression))];
  return [
    expressions.length ? h("section", {}, h("h3", { text: "How it is computed" }), expressions.map((text) => h("pre", { class: "expression", text }))) : null,
    edgeSection(app, state, direct, "source", (number) => `Comes from ${counted(number, "column")}`),
    edgeSection(app, state, indirect, "source", (number) => `Its rows depend on ${counted(number, "column")}`, true),
    plan ? planFacts(app, { job: direct[0]?.job ?? indirect[0]?.job, runs: null, ...plans.find((row) => row.plan === plan), plan }) : null,
    plan ? operationsOf(app, plan) : null,
  ];
}

function goesTo(app, state, node, answer) {
  const edges = answer.edges.filter((edge) => edge.source === node);
  const direct = edges.filter((edge) => edge.type === "DIRECT");
  const indirect = edges.filter((edge) => edge.type !== "DIRECT");
  return [
    edgeSection(app, state, direct, "target", (number) => `Goes to ${counted(number, "column")}`),
    edgeSection(app, state, indirect, "target", (number) => `It decides on rows elsewhere (${grouped(number)})`, true),
  ];
}

/** The other ends of edges, each once with all that happens there; `folds`: closed at first, and left out without any. */
function edgeSection(app, state, edges, end, title, folds = false) {
  const others = new Map();
  for (const edge of edges) others.set(edge[end], [...(others.get(edge[end]) ?? []), edge]);
  if (folds && !others.size) return null;
  const items = [...others].map(([other, between]) => {
    const { dataset, column } = splitNode(other);
    const chip = (isSo, text) => (isSo ? h("span", { class: "chip", text }) : null);
    return h(
      "li",
      {},
      app.link({ ...keep(state), node: state.node, selected: [other] }, icon(end === "source" ? "in" : "out"), column ?? shortName(other)),
      column === null ? null : soft(` of ${shortName(dataset)}`),
      h("span", { class: "when", text: [...new Set(between.map((edge) => HOW[edge.subtype] ?? "read"))].join(", ") }),
      chip(between.every((edge) => edge.masking), "masked"),
      chip(between.some((edge) => edge.exact === false), "not exact"),
      chip(between.some((edge) => edge.certain === false), "uncertain"),
    );
  });
  const list = items.length ? h("ul", { class: "rows" }, items) : softly("None that is known.");
  return folds ? h("details", {}, h("summary", { text: title(items.length) }), list) : h("section", {}, h("h3", { text: title(items.length) }), list);
}

function planFacts(app, row) {
  return factList([
    ["Written by", app.link({ job: row.job }, icon("job"), jobName(row.job))],
    ["Last run", row.lastRun ? timeOf(row.lastRun) : null],
    ["Runs", row.runs === null ? null : String(row.runs)],
    ["Ledger entry", later(() => app.api.ask("plan-entry", { plan: row.plan }), (answer) => entryOf(answer))],
  ]);
}

/** The entry of the ledger that holds a plan, with its hash: anyone can verify that it is what was received. */
export function entryOf(answer) {
  if (answer.entry === null) return "erased";
  return h("span", {}, `${answer.entry} `, answer.hash ? h("code", { title: answer.hash, text: answer.hash.slice(0, 12) }) : null);
}

const MOST_EDGES = 20;

/** The panel for a line of the picture, which may stand for several edges: what happens between its ends. */
export function linePanel(app, state, edges) {
  const said = [...new Map(edges.map((edge) => [JSON.stringify({ ...edge, plan: null }), edge])).values()];
  const more = said.length - MOST_EDGES;
  return [
    said.slice(0, MOST_EDGES).map((edge) => edgePart(app, state, edge)),
    more > 0 ? softly(`and ${grouped(more)} more between these two`) : null,
    edges[0].plan ? operationsOf(app, edges[0].plan) : null,
  ];
}

function edgePart(app, state, edge) {
  return [
    h("p", { class: "kind" }, "From ", nodeLink(app, state, edge.source), " to ", nodeLink(app, state, edge.target)),
    h("h2", { class: "title", text: HOW[edge.subtype] ?? (edge.columns ? counted(edge.columns, "column") : "read") }),
    edge.change ? softly(`${edge.change} since then`) : null,
    edge.before ? h("pre", { class: "expression", text: `- ${edge.before}\n+ ${edge.expression ?? ""}` }) : edge.expression ? h("pre", { class: "expression", text: edge.expression }) : null,
    factList([
      ["Job", edge.job ? app.link({ job: edge.job }, icon("job"), jobName(edge.job)) : null],
      ["Uses", edge.type === "DIRECT" ? "its values" : "it to decide on rows"],
      ["Masked", edge.masking ? "yes" : null],
      ["Exact", edge.exact === false ? "no: the code between cannot be seen" : null],
      ["Certain", edge.certain === false ? "no: perhaps it was overwritten" : null],
    ]),
  ];
}

function nodeLink(app, state, node) {
  return app.link({ ...keep(state), node: state.node, selected: [node] }, nameOf(node));
}

function datasetPanel(app, state, node) {
  const asOf = state.asOf;
  return [
    h("p", { class: "kind" }, icon("dataset"), "Dataset in ", h("span", { class: "place", text: placeOf(node) })),
    h("h2", { class: "title", text: shortName(node) }),
    later(() => app.api.rows("in-words", { node, asOf }), (rows) => h("p", { class: "sentence", text: rows[0].sentence })),
    actions([
      state.node === node ? null : app.link({ ...keep(state), node, selected: [], expanded: [], open: [] }, icon("dataset"), "Begin here"),
      app.link({ ...keep(state), node: state.node ?? node, selected: [node], tab: "impact" }, "What breaks if it changes"),
    ]),
    factList([["Tags", tagsOf(app, node)], ["Description", described(app, node, () => descriptionOf(app, node))]]),
    h("section", {}, h("h3", { text: "Columns" }), later(() => schemaOf(app, node, asOf), (rows) => schemaTable(app, state, rows))),
    later(() => app.api.rows("dataset-versions", { dataset: node, limit: 20 }), (rows) => writesOf(app, state, rows)),
    historyOf(app, node),
    copies(app, state, node),
  ];
}

async function descriptionOf(app, dataset) {
  return (await app.api.rows("datasets", { dataset }))[0]?.description;
}

/** What people wrote about a node, which `ask` gives; with a token that may, it can be changed. */
function described(app, node, given) {
  const ask = async () => (await Promise.all([given(), app.known]))[0];
  const shown = (text) => [
    text ? h("span", { text }) : soft("none"),
    app.mayEdit ? button({ class: "bare edit", onclick: () => place.replaceChildren(form(text ?? "")), text: text ? "Change" : "Write one" }) : null,
  ];
  const form = (text) => {
    const field = h("textarea", { "aria-label": "Description", rows: "3" });
    field.value = text;
    const save = async (event) => {
      event.preventDefault();
      const value = field.value.trim();
      if (await stated(app, { kind: "description", subject: node, value: value || text, withdrawn: !value })) place.replaceChildren(later(ask, shown));
    };
    return h("form", { onsubmit: save }, field, h("button", { type: "submit", text: "Save" }), button({ onclick: () => place.replaceChildren(later(ask, shown)), text: "Cancel" }));
  };
  const place = h("div", {}, later(ask, shown));
  return place;
}

/** Sends a statement, and waits until it is in the graph; whether it was taken. */
async function stated(app, statement) {
  try {
    const { entry } = await app.api.send("statements", statement);
    await app.api.ask("stats", { after: entry });
    app.api.forget();
    app.say("Saved");
    return true;
  } catch (error) {
    app.warn(error.message);
    return false;
  }
}

async function schemaOf(app, dataset, asOf) {
  const then = { node: dataset, direction: "upstream", depth: 1, level: "column", type: "all", asOf };
  const [rows, types, those] = await Promise.all([
    app.api.rows("columns", { dataset, limit: 10_000 }),
    app.api.ask("column-types", { dataset, asOf }).then((answer) => answer.types),
    asOf ? app.api.ask("lineage", then) : null,
  ]);
  if (those) {
    const there = new Map(withoutLaterColumns(those, types).nodes.map((node) => [node.id, node]));
    return inOrder(rows.filter(({ id }) => there.has(id)).map((row) => ({ ...row, ...there.get(row.id), type: null })), types);
  }
  return inOrder(rows, types);
}

/** Columns with their types, in the order of the types. */
function inOrder(rows, types) {
  const order = Object.keys(types);
  const place = (row) => {
    const at = order.indexOf(row.name.toLowerCase());
    return at < 0 ? order.length : at;
  };
  return rows.map((row) => ({ ...row, type: types[row.name.toLowerCase()] ?? row.type ?? "" })).sort((one, other) => place(one) - place(other));
}

const ORIGIN_WORDS = { constant: "a constant", generated: "generated", conditional: "fixed values", unresolved: "not told by its job", ended: "dropped or emptied" };

function schemaTable(app, state, rows) {
  const cells = rows.map((row) => [
    app.link({ ...keep(state), node: state.node, selected: [row.id] }, row.name),
    h("code", { text: row.type }),
    [row.origin ? ORIGIN_WORDS[row.origin] ?? row.origin : "", row.resolved === false ? " incomplete" : "", row.description ? ` ${row.description}` : ""].join(""),
  ]);
  return table("Columns", ["Column", "Type", "Note"], cells);
}

function writesOf(app, state, rows) {
  const written = rows.filter((row) => row.timestamp !== null);
  if (!written.length) return null;
  return h(
    "section",
    {},
    h("h3", { text: "Writes, newest first" }),
    h(
      "ul",
      { class: "rows" },
      written.map((row) =>
        h(
          "li",
          {},
          row.run ? app.link({ run: row.run }, icon("run"), fullTime(row.timestamp)) : fullTime(row.timestamp),
          h("span", { class: "muted", text: row.partition ? ` ${row.partition}` : "" }),
          h("span", { class: "when" }, row.run ? app.link({ ...keep(state), node: state.node, selected: state.selected, asOf: row.run }, "as of then") : null),
        ),
      ),
    ),
  );
}

/** When the logic of a dataset or column changed, and by which run. */
function historyOf(app, node) {
  return later(
    () => app.api.rows("changes", { node, order: "newest", limit: 20 }),
    (rows) =>
      rows.length
        ? h(
            "details",
            {},
            h("summary", { text: `How its logic changed (${rows.length})` }),
            h(
              "ul",
              { class: "rows" },
              rows.map((row) =>
                h(
                  "li",
                  {},
                  h("span", { text: `${nameOf(row.id)}: ${row.change}` }),
                  row.before || row.after ? h("pre", { class: "expression", text: `- ${row.before ?? ""}\n+ ${row.after ?? ""}` }) : null,
                  h("span", { class: "when" }, row.run ? app.link({ run: row.run }, fullTime(row.timestamp)) : fullTime(row.timestamp)),
                ),
              ),
            ),
          )
        : null,
  );
}

/** The tags of a node; with a token that may, they can be added and taken away: the same statements as the CLI's. */
export function tagsOf(app, node) {
  const place = h("div", { class: "tags" });
  const draw = (rows) => {
    const chips = rows.map((row) => {
      const [key, value] = row.tag.split("=");
      const text = key === "owner" && value ? `owner: ${value}` : row.tag;
      const own = row.node === node;
      return h(
        "span",
        { class: "chip" },
        app.link({ tag: row.tag }, text),
        own && app.mayEdit
          ? button({ class: "bare", "aria-label": `Take away the tag ${row.tag}`, onclick: () => state(row.tag, true) }, icon("close"))
          : null,
      );
    });
    const field = h("input", { type: "text", "aria-label": "A tag, or owner=NAME", placeholder: "tag or owner=NAME", size: "16" });
    const form = h(
      "form",
      {
        class: "inline",
        onsubmit: (event) => {
          event.preventDefault();
          if (field.value.trim()) state(field.value.trim(), false);
        },
      },
      field,
      h("button", { type: "submit", text: "Add" }),
    );
    place.replaceChildren(...(chips.length ? chips : [soft("none")]), app.mayEdit ? form : "");
  };
  const load = async () => {
    const [rows] = await Promise.all([app.api.rows("tags", { node, limit: 200 }), app.known]);
    draw(rows.filter((row) => row.node === node));
  };
  const state = async (tag, withdrawn) => {
    if (await stated(app, { kind: "tag", subject: node, value: tag, withdrawn })) await load();
  };
  load().catch((error) => place.replaceChildren(soft(error.message)));
  return place;
}

/** Rows of a run, linked to its page. */
export function runRows(app, rows) {
  return rows.map((row) => [
    statusOf(row.status),
    app.link({ run: row.id }, h("time", { text: fullTime(row.timestamp) })),
    lasted(row.durationNs),
    row.error ?? "",
    row.appId ?? "",
  ]);
}

function factList(pairs) {
  const shown = pairs.filter(([, value]) => value !== null && value !== undefined);
  return h("dl", { class: "facts" }, shown.map(([name, value]) => [h("dt", { text: name }), h("dd", {}, value)]));
}

function actions(links) {
  return h("p", { class: "actions" }, links.filter(Boolean));
}

/** What a link within a view carries on: the time, what is walked, what is shown. */
export function keep(state) {
  const { level, type, asOf, from, to, only, outline, expanded, open } = state;
  return { level, type, asOf, from, to, only, outline, expanded, open, selected: [] };
}

/** For a shell: names are other people's text. */
export function quoted(text) {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function copies(app, state, node) {
  const { column } = splitNode(node);
  const base = `${location.origin}${location.pathname.replace(/embed$/, "")}`;
  const label = column === null ? "dataset" : "column";
  return h(
    "section",
    { class: "copies" },
    h("h3", { text: "Take it with you" }),
    copyButton("Link", () => `${base}${app.lineage?.link ?? hrefOf(state)}`, app.say),
    copyButton("Name", node, app.say),
    copyButton("Command", `headwater upstream ${quoted(node)}`, app.say),
    copyButton("Notebook cell", `import headwater as hw\n\nhw.open("${base.replace(/\/+$/, "")}").upstream(${JSON.stringify(node)})`, app.say),
    copyButton("Gremlin", `g.V('${node.replace(/[\\']/g, "\\$&")}').hasLabel('${label}').repeat(__.out('derivesFrom')).emit().dedup()`, app.say),
  );
}
