// The home page: one search box, and below it what a person looks for without knowing a name.

import { ago, copyButton, counted, h, icon, jobName, later, placeOf, reasonOf, shortName, soft, softly, statusOf, timeOf } from "./dom.js";

const HOME_ROWS = 6;

/** Fills `into` with the home page. Where that is there already, only what it says changes, when all of it has come. */
export async function homeView(app, state, into) {
  const isOld = () => app.address.state !== state;
  const stats = await app.api.ask("stats");
  if (isOld()) return;
  if (stats.entries === 0) {
    into.replaceChildren(firstSteps(app));
    return;
  }
  const { vertices } = stats;
  const counts = [
    counted(vertices.dataset ?? 0, "dataset"),
    counted(vertices.column ?? 0, "column"),
    counted(vertices.job ?? 0, "job"),
    counted(vertices.run ?? 0, "run"),
  ].join(", ");
  const said = h("p", { class: "muted" }, `${counts}. Press `, h("kbd", { text: "/" }), " to search from anywhere.");
  const asks = [
    ["Changed lately", "New datasets, and jobs whose logic changed", () => app.api.rows("latest-changes", { limit: HOME_ROWS }), (rows) => changes(app, rows)],
    ["Most used", "The datasets that most others are made of", () => app.api.rows("hot-spots", { limit: HOME_ROWS }), (rows) => hotSpots(app, rows)],
    ["Latest runs", "Jobs as they ran, failed ones first", () => latest(app), (rows) => runs(app, rows)],
    ["Needs a look", "What is missing, waiting or late", () => worries(app, stats), (rows) => listed(rows, "Nothing: all is in order.")],
  ];
  const cards = () => h("div", { class: "cards" }, asks.map(([title, about, ask, draw]) => h("section", { class: "card" }, h("h2", { text: title }), h("p", { class: "about", text: about }), later(ask, draw))));
  const shown = into.querySelector(".hero + .cards");
  if (shown) {
    await Promise.allSettled(asks.map(([, , ask]) => ask()));
    if (isOld()) return;
    into.querySelector(".hero > .muted").replaceWith(said);
    shown.replaceWith(cards());
    return;
  }
  into.replaceChildren(
    h("section", { class: "hero" }, h("h1", { text: "Where does it come from, and where does it go?" }), app.searchBox.element, said),
    cards(),
  );
  app.searchBox.focus();
}

function listed(rows, none) {
  return rows.length ? h("ul", { class: "rows" }, rows) : softly(none);
}

function changes(app, rows) {
  const items = rows.map((row) =>
    h(
      "li",
      {},
      app.link({ node: row.dataset }, icon("dataset"), shortName(row.dataset)),
      soft(` ${row.kind}, by `),
      app.link({ job: row.job }, jobName(row.job)),
      h("span", { class: "when" }, timeOf(row.at)),
    ),
  );
  return listed(items, "No job has written a dataset yet.");
}

function hotSpots(app, rows) {
  const items = rows.map((row) =>
    h(
      "li",
      {},
      app.link({ node: row.id }, icon("dataset"), shortName(row.id)),
      h("span", { class: "muted place", text: ` ${placeOf(row.id)}` }),
      h("span", { class: "when", text: `${counted(row.dependents, "dataset")} made of it` }),
    ),
  );
  return listed(items, "No dataset is made of another one yet.");
}

async function latest(app) {
  const [failed, all] = await Promise.all([
    app.api.rows("latest-runs", { status: "failed", limit: 3 }),
    app.api.rows("latest-runs", { limit: HOME_ROWS }),
  ]);
  const known = new Set(failed.map((row) => row.id));
  return [...failed, ...all.filter((row) => !known.has(row.id))].slice(0, HOME_ROWS);
}

function runs(app, rows) {
  const items = rows.map((row) =>
    h(
      "li",
      {},
      statusOf(row.status, false),
      app.link({ run: row.id }, jobName(row.job)),
      row.error ? h("span", { class: "muted short", title: row.error, text: ` ${row.error}` }) : soft(` wrote ${shortName(row.target)}`),
      h("span", { class: "when" }, timeOf(row.timestamp)),
    ),
  );
  return listed(items, "No job has run yet.");
}

async function worries(app, stats) {
  const [stopped, coverage] = await Promise.all([
    app.api.rows("stopped-jobs", { limit: HOME_ROWS }),
    app.api.rows("coverage", { limit: HOME_ROWS }),
  ]);
  const rows = [];
  if (stats.rebuilding) rows.push(worry("The graph is being rebuilt: answers are not complete yet"));
  if (stats.parked) rows.push(worry(app.link({ see: "health" }, `${counted(stats.parked, "message")} could not be read`)));
  if (stats.waiting) rows.push(worry(`${counted(stats.waiting, "run")} reported without the plan that they belong to`));
  for (const row of stopped) {
    const text = ` last ran ${ago(row.lastRun)}: it missed ${counted(row.missed, "run")}`;
    rows.push(worry(app.link({ job: row.job }, jobName(row.job)), h("span", { class: "muted", text })));
  }
  for (const row of coverage) {
    rows.push(worry(app.link({ job: row.job }, jobName(row.job)), soft(reasonOf(row))));
  }
  return rows;
}

function worry(...content) {
  return h("li", {}, icon("bad"), content);
}

/** For a server that has received nothing: how to send a first plan. The page notices when it arrives. */
function firstSteps(app) {
  const base = `${location.origin}${location.pathname.replace(/\/+$/, "")}`;
  return h(
    "section",
    { class: "hero first" },
    h("h1", { text: "Nothing has arrived yet" }),
    h("p", { text: "Let a Spark job report here. This page shows it as soon as it does." }),
    later(
      () => app.api.ask("first-plan", { url: base }),
      (said) => [
        h("h2", { text: "In a PySpark script" }),
        h("pre", { text: said.pyspark }),
        copyButton("Copy the lines", said.pyspark, app.say),
        h("h2", { text: "Or as parameters of an AWS Glue job" }),
        h("pre", { text: said.glue.map(([key, value]) => `${key.trim().padEnd(16)} ${value}`).join("\n") }),
        softly("Glue takes one --conf: chain its values. HOST and BUCKET are yours."),
        h("p", { class: "waiting", role: "status" }, icon("time"), "Waiting for the first plan"),
      ],
    ),
    h("p", { class: "muted" }, "Or look at the demo's jobs first: ", h("code", { text: "headwater serve --example" })),
  );
}
