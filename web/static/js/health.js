// The estate and the health of the server, as tables that lead into the graph.

import { ago, button, counted, h, jobName, later, reasonOf, shortName, soft, softly, splitNode, table, timeOf } from "./dom.js";
import { grouped } from "./model.js";

/** A dataset or column as a link into the graph. */
export function nodeCell(app, id) {
  const { dataset, column } = splitNode(id);
  const link = app.link({ node: id }, column ?? shortName(dataset));
  link.title = id;
  return column === null ? link : h("span", {}, link, soft(` of ${shortName(dataset)}`));
}

function listCell(app, ids, cell) {
  return h("span", {}, ids.flatMap((id, at) => (at ? [", ", cell(app, id)] : [cell(app, id)])));
}

function jobCell(app, id) {
  return app.link({ job: id }, jobName(id));
}

/** The questions of the estate: title, what it says, columns, and how a row becomes cells. */
const TABLES = {
  coverage: [
    "Coverage",
    "Jobs whose column lineage is missing or incomplete, and why",
    ["Job", "Dataset", "Reason", "Columns"],
    (app, row) => [jobCell(app, row.job), row.dataset ? nodeCell(app, row.dataset) : "", reasonOf({ ...row, dataset: null, columns: null }), (row.columns ?? []).length || row.columns || ""],
  ],
  "hot-spots": [
    "Most used",
    "The datasets that most others are made of",
    ["Dataset", "Datasets made of it", "Jobs"],
    (app, row) => [nodeCell(app, row.id), row.dependents, row.jobs],
  ],
  "unread-datasets": [
    "Unread",
    "Datasets that a job writes and that no other job ever read",
    ["Dataset", "Written by", "Last write"],
    (app, row) => [nodeCell(app, row.dataset), listCell(app, row.jobs, jobCell), timeOf(row.lastWrite)],
  ],
  "unused-columns": [
    "Unused columns",
    "Columns that a job writes and that no job ever used, of datasets that jobs read",
    ["Column"],
    (app, row) => [nodeCell(app, row.column)],
  ],
  "stopped-jobs": [
    "Stopped",
    "Jobs that did not run for several of their usual intervals",
    ["Job", "Last run", "Runs missed"],
    (app, row) => [jobCell(app, row.job), timeOf(row.lastRun), row.missed],
  ],
  "schema-drift": [
    "Schema drift",
    "Datasets whose columns differ between one logic that wrote them and the next",
    ["Dataset", "When", "Added", "Dropped", "Job"],
    (app, row) => [nodeCell(app, row.dataset), timeOf(row.at), row.added.join(", "), row.dropped.join(", "), jobCell(app, row.job)],
  ],
  cycles: [
    "Cycles",
    "Datasets that feed themselves through other jobs",
    ["Datasets", "Jobs"],
    (app, row) => [listCell(app, row.datasets, nodeCell), listCell(app, row.jobs, jobCell)],
  ],
  "two-names": [
    "Two names?",
    "Datasets that may be one dataset with several names: the same last part of the name, the same columns",
    ["Datasets", "Columns"],
    (app, row) => [listCell(app, row.datasets, nodeCell), row.columns],
  ],
  "tag-counts": [
    "Tags",
    "All tags; each leads to where its data went",
    ["Tag", "Things that have it"],
    (app, row) => [app.link({ tag: row.tag }, row.tag), row.nodes],
  ],
};
const TABLE_ROWS = 500;

/** The estate: one table at a time, chosen by links. */
export function estateView(app, state, into) {
  const about = TABLES[state.about] ? state.about : "coverage";
  const [title, meaning, columns, cells] = TABLES[about];
  into.replaceChildren(
    h(
      "div",
      { class: "wide" },
      h("h1", { text: "The estate" }),
      h(
        "nav",
        { class: "tabs", "aria-label": "Tables" },
        Object.entries(TABLES).map(([name, [label]]) => {
          const link = app.link({ see: "estate", about: name }, label);
          if (name === about) link.setAttribute("aria-current", "page");
          return link;
        }),
      ),
      h("h2", { text: title }),
      h("p", { class: "about", text: meaning }),
      later(
        () => app.api.ask(`queries/${about}`, { limit: TABLE_ROWS }),
        (answer) => [
          answer.rows.length ? table(title, columns, answer.rows.map((row) => cells(app, row))) : softly("None."),
          answer.next === null ? null : h("p", { class: "notice", text: `The first ${TABLE_ROWS} are shown; all of them: headwater query ${about}` }),
          answer.complete ? null : h("p", { class: "notice", text: `Not complete: ${answer.reason}` }),
        ],
      ),
    ),
  );
}

/** The health of the server. */
export function healthView(app, into) {
  into.replaceChildren(
    h(
      "div",
      { class: "wide" },
      h("h1", { text: "Health" }),
      later(() => app.api.ask("stats"), healthFacts),
      h("h2", { text: "Not read" }),
      h("p", { class: "about", text: "Messages that were received and kept, but could not be brought into the graph" }),
      later(() => Promise.all([app.api.ask("parked", { limit: TABLE_ROWS }), app.known]), ([answer]) => parked(app, answer.parked)),
    ),
  );
}

/** What a server that only reads the graph does not see: `headwater serve --read-only`. */
const ELSEWHERE = "known to the server that writes the graph";

function healthFacts(stats) {
  const { vertices, edges } = stats;
  const sum = (counts) => Object.values(counts).reduce((total, count) => total + count, 0);
  const pairs = [
    ["Received", `${counted(stats.entries, "entry").replace("entrys", "entries")} in the ledger${stats.bytes ? `, ${(stats.bytes / 2 ** 20).toFixed(1)} MB` : ""}`],
    ["Behind", stats.lag === null ? ELSEWHERE : stats.lag ? `${grouped(stats.lag)} are not yet in the graph` : "no: all of it is in the graph"],
    ["Rebuilding", stats.rebuilding ? "yes: answers are not complete" : "no"],
    ["Parked", stats.parked === null ? ELSEWHERE : stats.parked ? String(stats.parked) : "none"],
    ["Waiting", stats.waiting === null ? ELSEWHERE : stats.waiting ? `${counted(stats.waiting, "run")} without a plan` : "none"],
    ["Last verified", stats.verified ? verified(stats.verified) : "not yet: headwater verify"],
    ["Anchor", anchored(stats.verified?.anchor)],
    ["Graph", `${counted(sum(vertices), "vertex").replace("vertexs", "vertices")}, ${counted(sum(edges), "edge")}`],
    ["Datasets, columns", `${grouped(vertices.dataset ?? 0)}, ${grouped(vertices.column ?? 0)}`],
    ["Jobs, runs", `${grouped(vertices.job ?? 0)}, ${grouped(vertices.run ?? 0)}`],
  ];
  return h("dl", { class: "facts wide" }, pairs.map(([name, text]) => [h("dt", { text: name }), h("dd", {}, text)]));
}

function verified({ at, ok, entries }) {
  return `${ago(at)}: ${ok ? `${counted(entries, "entry").replace("entrys", "entries")}, nothing is wrong` : "something is wrong, see headwater verify"}`;
}

/** Without an anchor elsewhere, nobody notices that the newest entries were removed. */
function anchored(anchor) {
  if (!anchor) return "none: headwater verify --anchor FILE, kept on another machine, also shows whether the newest entries were removed";
  return h("span", {}, `entry ${grouped(anchor.sequence)} `, h("code", { title: anchor.hash, text: anchor.hash.slice(0, 12) }), `, ${ago(anchor.at)}, in ${anchor.file}`);
}

function parked(app, rows) {
  if (!rows.length) return softly("None: everything that was received is in the graph.");
  const retry = async (event) => {
    event.target.disabled = true;
    try {
      const tried = await app.api.send("parked/retry", {});
      app.api.forget();
      app.say(`${tried.retried} are in the graph now, ${tried.parked} are not`);
      if (event.target.isConnected) healthView(app, app.main);
    } catch (error) {
      app.warn(error.message);
    }
    event.target.disabled = false;
  };
  const cells = rows.map((row) => [row.sequence, row.kind, row.reason, timeOf(row.at)]);
  return [table("Not read", ["Entry", "Kind", "Reason", "When"], cells), app.mayAdmin ? h("p", {}, button({ onclick: retry, text: "Try them again" })) : null];
}


