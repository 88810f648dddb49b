// What breaks if a node changes: the answer of the query impact as a table, graded, and as files to keep or send.

import { breakable, button, counted, h, icon, jobName, later, nameOf, shortName, splitNode, table, timeOf } from "./dom.js";
import { keep } from "./panel.js";

const CHANGE_WORDS = {
  drop: "it is dropped",
  rename: "it is renamed",
  retype: "its type changes",
  semantics: "its values get another meaning",
  rows: "it has other rows",
};
const GRADE_WORDS = {
  breaks: "breaks",
  "changes-value": "other values",
  "may-change-rows": "perhaps other rows",
  stops: "not affected from here on",
};
const REPORT_FILES = { csv: "CSV", markdown: "Markdown", html: "Report" };

/** The table for `node`, with a choice of what happens to it. */
export function impactPanel(app, state, node) {
  const change = state.change && CHANGE_WORDS[state.change] ? state.change : "drop";
  const choice = h(
    "select",
    { id: "change", onchange: (event) => app.address.change({ change: event.target.value }, { replace: true }) },
    Object.entries(CHANGE_WORDS).map(([value, text]) => h("option", { value, selected: value === change, text })),
  );
  const asked = { node, change, asOf: state.asOf };
  return [
    h("p", { class: "kind" }, "What happens if"),
    h("h2", { class: "title", text: nameOf(node) }),
    h("p", {}, h("label", { for: "change", text: "… when " }), choice),
    later(() => app.api.ask("queries/impact", asked), (answer) => impactTable(app, state, answer)),
    h("p", { class: "actions" }, Object.entries(REPORT_FILES).map(([format, label]) => fileButton(app, asked, format, label))),
  ];
}

function fileButton(app, asked, format, label) {
  const save = async () => {
    try {
      const text = await app.api.text("impact-report", { ...asked, format });
      saveFile(text, `impact-${nameOf(asked.node)}.${format === "markdown" ? "md" : format}`);
    } catch (error) {
      app.warn(error.message);
    }
  };
  return button({ onclick: save, text: label });
}

/** Lets the reader keep a text, or a Blob, as a file. */
export function saveFile(content, name) {
  const blob = content instanceof Blob ? content : new Blob([content], { type: "text/plain" });
  const address = URL.createObjectURL(blob);
  h("a", { href: address, download: name.replaceAll(/[^\w.-]+/g, "_") }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

function impactTable(app, state, answer) {
  const totals = Object.entries(GRADE_WORDS)
    .map(([grade, words]) => {
      const { column = 0, dataset = 0, job = 0 } = answer.totals[grade] ?? {};
      const parts = [column && counted(column, "column"), dataset && counted(dataset, "dataset"), job && counted(job, "job")];
      return [grade, words, parts.filter(Boolean).join(", ")];
    })
    .filter(([, , text]) => text);
  const body = h("div", {});
  const owned = answer.affected.some((row) => row.owner);
  const draw = (text) => {
    const wanted = text.toLowerCase();
    const shown = answer.affected.filter((row) => `${row.id} ${row.owner ?? ""} ${row.job ?? ""}`.toLowerCase().includes(wanted));
    const cells = shown.map((row) => [
      h("span", { class: `grade ${row.grade}`, text: GRADE_WORDS[row.grade] ?? row.grade }),
      affectedLink(app, state, row),
      ...(owned ? [row.owner ?? ""] : []),
      row.job ? app.link({ job: row.job }, breakable(jobName(row.job))) : "",
      row.lastRun ? timeOf(row.lastRun) : "",
    ]);
    body.replaceChildren(table("What is affected", ["Grade", "What", ...(owned ? ["Owner"] : []), "Written by", "Last run"], cells));
  };
  draw("");
  const filter = h("input", { type: "search", placeholder: "Filter by name, owner or job", "aria-label": "Filter by name, owner or job", oninput: (event) => draw(event.target.value) });
  if (!answer.affected.length) return h("p", { text: "Nothing that is known depends on it." });
  return [
    h("ul", { class: "totals" }, totals.map(([grade, words, text]) => h("li", {}, h("span", { class: `grade ${grade}`, text: words }), `: ${text}`))),
    answer.complete ? null : h("p", { class: "notice", text: `Not complete: ${answer.reason}` }),
    answer.unknown.length ? h("p", { class: "notice", text: `${counted(answer.unknown.length, "job")} could not be graded: their columns are not known` }) : null,
    filter,
    body,
  ];
}

function affectedLink(app, state, row) {
  if (row.label === "job") return app.link({ job: row.id }, icon("job"), breakable(jobName(row.id)));
  const { dataset, column } = splitNode(row.id);
  const link = app.link({ ...keep(state), node: row.id }, icon(row.label), breakable(column ?? shortName(dataset)));
  return column === null ? link : h("span", {}, link, h("span", { class: "muted" }, " of ", breakable(shortName(dataset))));
}
