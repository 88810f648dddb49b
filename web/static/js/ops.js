// What a job does, step by step: its operations as a small graph, from what it reads down to what it writes, and as a list.

import { h, later, shortName, soft } from "./dom.js";
import { makeSvg } from "./draw.js";
import { layOut, pairKey } from "./layout.js";
import { visible } from "./model.js";

const STEP = { width: 158, height: 42, across: 24, down: 10 };
/** Above that a graph is no help: the list is there. */
const MOST_STEPS = 80;
/** Characters that fit into a box, of its title and of its expression. */
const FITS = [19, 22];
/** Steps that change nothing of the data, and are drawn only where data comes together in them. */
const SILENT = new Set(["View", "SubqueryAlias", "HiveTableRelation", "WithCTE", "CTERelationRef", "ResolvedHint", "Subquery"]);
/** The names of Spark's operations that say little, in words. */
const STEP_WORDS = {
  Project: "Choose columns",
  Generate: "Explode",
  Deduplicate: "Remove duplicates",
  Distinct: "Remove duplicates",
  Expand: "Several groupings",
  LocalRelation: "Values in the code",
  LogicalRDD: "Data of the code",
  SerializeFromObject: "From objects",
  DeserializeToObject: "To objects",
  GlobalLimit: "Limit",
  LocalLimit: "Limit",
};

/** The operations of a plan, as data flows through them. */
export function operationsOf(app, plan) {
  return h(
    "details",
    { class: "operations" },
    h("summary", { text: "What the job does, step by step" }),
    later(
      () => app.api.rows("operations", { plan }),
      (rows) => {
        const steps = drawnSteps(rows);
        const items = new Map(steps.map((step) => [step.id, stepItem(step)]));
        return [stepsGraph(steps, (id) => choose(items, id)), h("ol", { class: "steps" }, [...items.values()])];
      },
    ),
  );
}

function stepItem(step) {
  const [title] = stepWords(step);
  return h("li", {}, h("strong", { text: title }), title === step.name ? null : soft(` ${step.name}`), step.expression ? h("pre", { class: "expression", text: step.expression }) : null);
}

function choose(items, chosen) {
  for (const [id, item] of items) item.classList.toggle("chosen", id === chosen);
  items.get(chosen).scrollIntoView({ block: "nearest" });
}

/** Title and expression of a step. */
export function stepWords({ kind, name, expression }) {
  const text = expression ?? "";
  const isPlace = /^[\w+.-]+:[^ ]*$/.test(text);
  if (kind === "read" && isPlace) return [`Read ${shortName(text)}`, text];
  if (kind === "write") return [isPlace ? `Write ${shortName(text)}` : "Write", isPlace ? name : text];
  return [STEP_WORDS[name] ?? name, text];
}

/** The steps that are drawn, each with those that feed it: silent ones give way to what feeds them. */
export function drawnSteps(rows) {
  const byId = new Map(rows.map((row) => [row.id, row]));
  const isSilent = (row) => SILENT.has(row.name) && row.kind !== "write" && row.follows.length === 1 && byId.has(row.follows[0]);
  const drawn = (id) => {
    let row = byId.get(id);
    for (let left = rows.length; left && row && isSilent(row); left -= 1) row = byId.get(row.follows[0]);
    return row?.id;
  };
  return rows.filter((row) => !isSilent(row)).map((row) => ({ ...row, follows: [...new Set(row.follows.map(drawn))].filter((id) => id !== undefined && id !== row.id) }));
}

/** The same layout as of the large graph, turned: data flows from top to bottom, as the panel is narrow. */
function stepsGraph(steps, onChoose) {
  if (steps.length < 2 || steps.length > MOST_STEPS) return null;
  const middle = STEP.width / 2;
  const links = steps.flatMap((step) => step.follows.map((source) => ({ source, target: step.id, sourceY: middle, targetY: middle })));
  const { places, routes } = layOut(steps.map(({ id }) => ({ id, height: STEP.width })), links, { width: STEP.height, across: STEP.across, down: STEP.down });
  const at = (id) => ({ x: places.get(id).y, y: places.get(id).x });
  const lines = links.map(({ source, target }) => {
    const points = (routes.get(pairKey(source, target)) ?? []).map(({ x, y }) => ({ x: y, y: x }));
    return makeSvg("path", { d: stepLine(at(source), points, at(target)) });
  });
  const boxes = steps.map((step) => stepBox(step, at(step.id), () => onChoose(step.id)));
  const width = Math.max(...steps.map(({ id }) => at(id).x)) + STEP.width;
  const height = Math.max(...steps.map(({ id }) => at(id).y)) + STEP.height;
  const words = `${steps.length} steps, from what is read at the top to what is written at the bottom; the list below says the same`;
  const svg = makeSvg("svg", { class: "flow", width, height: height + 2, viewBox: `-1 -1 ${width + 2} ${height + 2}`, role: "img", "aria-label": words });
  svg.append(...lines, ...boxes);
  return h("div", { class: "scroll flow-place", tabindex: "0", role: "group", "aria-label": "Steps" }, svg);
}

function stepLine(from, points, to) {
  let [x, y] = [from.x + STEP.width / 2, from.y + STEP.height];
  let path = `M${x} ${y}`;
  const curve = (toX, toY) => {
    const bend = (toY - y) / 2;
    path += `C${x} ${y + bend} ${toX} ${toY - bend} ${toX} ${toY}`;
    [x, y] = [toX, toY];
  };
  for (const point of points) {
    curve(point.x, point.y);
    y += STEP.height;
    path += `V${y}`;
  }
  curve(to.x + STEP.width / 2, to.y);
  return path;
}

function stepBox(step, { x, y }, onclick) {
  const [title, expression] = stepWords(step);
  const box = makeSvg("g", { class: step.kind, transform: `translate(${x} ${y})` });
  const text = (className, down, words, fits) => {
    const made = makeSvg("text", { class: className, x: 10, y: down });
    made.textContent = visible(words.length > fits ? `${words.slice(0, fits - 1)}…` : words);
    return made;
  };
  const whole = makeSvg("title");
  whole.textContent = expression ? `${title}\n${expression}` : title;
  box.append(makeSvg("rect", { width: STEP.width, height: STEP.height, rx: 7 }), text("step", expression ? 17 : 26, title, FITS[0]), text("how", 33, expression, FITS[1]), whole);
  box.addEventListener("click", onclick);
  return box;
}
