// Pages of a job, a run and a tag: what they are, as text and tables that lead into the graph.

import { copyButton, counted, fullTime, h, icon, jobName, lasted, later, nameOf, shortName, softly, statusOf, table, timeOf } from "./dom.js";
import { nodeCell } from "./health.js";
import { operationsOf } from "./ops.js";
import { entryOf, quoted, runRows, tagsOf } from "./panel.js";

/** A job: what it reads and writes, its runs, its owners. */
export function jobView(app, state, into) {
  const job = state.job;
  into.replaceChildren(
    h(
      "div",
      { class: "wide" },
      h("p", { class: "kind" }, icon("job"), "Job ", h("span", { class: "place", text: job.replace(/^job:/, "") })),
      h("h1", { text: jobName(job) }),
      h("dl", { class: "facts" }, h("dt", { text: "Tags" }), h("dd", {}, tagsOf(app, job))),
      h("h2", { text: "What it reads and writes" }),
      later(() => app.api.rows("plans", { job, limit: 200 }), (rows) => h("div", { class: "cards" }, plansOf(app, rows))),
      h("h2", { text: "Runs, newest first" }),
      later(() => app.api.rows("runs", { job, limit: 100 }), (rows) => table("Runs", ["Status", "Time (UTC)", "Took", "Error", "Application"], runRows(app, rows))),
      h("h2", { text: "What its newest logic changed" }),
      later(
        () => app.api.rows("diff", { node: job, limit: 200 }),
        (rows) =>
          rows.length
            ? table("Changes", ["What", "Change", "Before", "After"], rows.map((row) => [nameOf(row.id ?? row.dataset), row.change, row.before ?? "", row.after ?? ""]))
            : softly("Nothing: each dataset is made as it was before."),
      ),
      h("p", { class: "copies" }, copyButton("Name", job, app.say), copyButton("Command", `headwater query runs job=${quoted(job.replace(/^job:/, ""))}`, app.say)),
    ),
  );
}

function plansOf(app, rows) {
  const newest = [...rows].sort((one, other) => (other.lastRun ?? 0) - (one.lastRun ?? 0));
  return newest.map((row) =>
    h(
      "section",
      { class: "card" },
      h("p", {}, row.runs > row.failed ? "Writes " : "Was to write ", nodeCell(app, row.target), row.reads.length ? " from " : "", row.reads.flatMap((id, at) => [at ? ", " : "", nodeCell(app, id)])),
      h("p", { class: "muted" }, row.failed ? [statusOf("failed", false), " "] : "", row.runs ? [runsInWords(row), ", the last one ", timeOf(row.lastRun)] : "never ran"),
      row.runs > row.failed ? null : softly("None succeeded, so what it reads and does is not drawn."),
      row.runs > row.failed ? operationsOf(app, row.id) : null,
    ),
  );
}

function runsInWords({ runs, failed }) {
  return counted(runs, "run") + (failed && failed < runs ? `, of which ${failed} failed` : "");
}

const RELATIONS = { used: "read", generated: "wrote", executes: "ran", sameWriteAs: "the same write as" };

/** A run: what it read and wrote, and whether it succeeded. */
export function runView(app, state, into) {
  const id = state.run;
  into.replaceChildren(
    h(
      "div",
      { class: "wide" },
      h("p", { class: "kind" }, icon("run"), "Run"),
      later(
        async () => {
          const [found, { links }] = await Promise.all([app.api.rows("find-runs", { id }), app.api.ask("run-links")]);
          const details = await app.api.rows("runs", { job: found[0].job, limit: 10_000 });
          const at = details.findIndex((row) => row.id === found[0].run);
          return { ...found[0], ...details[at], links, before: (at < 0 ? [] : details.slice(at + 1)).find((row) => row.plan && row.status === "success")?.id };
        },
        (run) => runFacts(app, run),
      ),
      h("h2", { text: "What it read and wrote" }),
      later(
        () => app.api.rows("run", { run: id }),
        (rows) => {
          const shown = rows.filter((row) => row.dataset);
          if (!shown.length) return softly("None that is known.");
          return table(
            "What it read and wrote",
            ["How", "Dataset", "State of", "Note"],
            shown.map((row) => [RELATIONS[row.relation] ?? row.relation, nodeCell(app, row.dataset), row.timestamp ? fullTime(row.timestamp) : "before the first known write", row.certain === false ? "uncertain" : ""]),
          );
        },
      ),
    ),
  );
}

function runFacts(app, run) {
  const failed = run.status === "failed";
  const pairs = [
    ["Status", statusOf(run.status)],
    ["Ended", `${fullTime(run.timestamp)} UTC`],
    ["Took", lasted(run.durationNs)],
    ["Error", run.error],
    ["User", run.user],
    ["Spark application", run.appId],
    ["Job run", run.jobRun],
    [failed ? "Was to write" : "Wrote", app.link({ node: run.target, asOf: run.run }, icon("dataset"), shortName(run.target), " as of then")],
    ["Compared", failed ? null : [app.link({ node: run.target, from: run.run }, "with now"), run.before ? [" ", app.link({ node: run.target, from: run.before, to: run.run }, "with the run before")] : null]],
    ["Ledger entry", later(() => app.api.ask("plan-entry", { plan: run.plan }), entryOf)],
    ["Elsewhere", linksOf(run)],
  ].filter(([, value]) => value);
  return [
    h("h1", {}, app.link({ job: run.job }, jobName(run.job))),
    h("dl", { class: "facts wide" }, pairs.map(([name, value]) => [h("dt", { text: name }), h("dd", {}, value)])),
    operationsOf(app, run.plan),
    h("p", { class: "copies" }, copyButton("Id", run.run, app.say), copyButton("Command", `headwater inputs ${quoted(run.run)} --all`, app.say)),
  ];
}

/** Links to other systems: their addresses have places for what the run is called there. */
function linksOf(run) {
  const known = { job: jobName(run.job), appId: run.appId, jobRun: run.jobRun };
  const made = run.links
    .filter((link) => known[link.needs]?.startsWith(link.begins))
    .map((link) => h("a", { href: link.url.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(known[name])), target: "_blank", rel: "noopener", text: link.title }));
  return made.length ? made.flatMap((link) => [link, " "]) : null;
}

const TAG_STATES = { declared: "has it", undeclared: "derived from it", masked: "masked here" };

/** A tag: what has it, and where its data went. */
export function tagView(app, state, into) {
  const tag = state.tag;
  const [key, value] = tag.split("=");
  into.replaceChildren(
    h(
      "div",
      { class: "wide" },
      h("p", { class: "kind" }, icon("tag"), key === "owner" && value ? "Owner" : "Tag"),
      h("h1", { text: key === "owner" && value ? value : tag }),
      h("h2", { text: key === "owner" ? "Responsible for" : "Given to" }),
      later(
        () => app.api.rows("tagged", { tag, limit: 1000 }),
        (rows) => table("Given to", ["What", "By", "When"], rows.map((row) => [row.label === "job" ? app.link({ job: row.id }, jobName(row.id)) : nodeCell(app, row.id), row.statedBy ?? "", row.statedAt ? timeOf(row.statedAt) : ""])),
      ),
      key === "owner"
        ? null
        : [
            h("h2", { text: "Where its data went" }),
            later(
              () => app.api.rows("tag-flow", { tag, limit: 1000 }),
              (rows) => (rows.length ? table("Where its data went", ["Column", "State", "Steps away"], rows.map((row) => [nodeCell(app, row.id), TAG_STATES[row.state] ?? row.state, row.distance])) : softly("To no column.")),
            ),
          ],
    ),
  );
}
