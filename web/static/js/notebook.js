/**
 * The graph in a notebook: what anywidget calls with its model. The kernel has the graph: an expand goes to it as a message,
 * and its answer comes back as one. headwater/widget.py is the other side.
 */

import { makeElement } from "./draw.js";
import { HwGraph } from "./graph.js";

const LEVEL_NAMES = { column: "columns", dataset: "datasets", job: "jobs" };
const TYPE_NAMES = { direct: "values", all: "values and rows", indirect: "rows" };

/** JupyterLab and VS Code tell their theme by an attribute and a class of the page. */
function notebookTheme() {
  const { body } = document;
  const isDark = body.dataset.jpThemeLight === "false" || body.classList.contains("vscode-dark") || document.documentElement.getAttribute("theme") === "dark";
  return isDark ? "dark" : "light";
}

/** Called as anywidget calls `render`; returns what takes the widget away. */
export function renderInNotebook({ model, el }) {
  const graph = makeElement(HwGraph.tag); // each cell loads this text anew, and the first one's class is the registered one
  graph.setAttribute("theme", notebookTheme());
  graph.style.height = `${model.get("height")}px`;
  const answer = model.get("answer");
  const hasColumns = answer.nodes.some((node) => node.label === "column");
  const bar = makeElement("div", "headwater-bar");
  const choice = (label, names, key) => {
    const select = makeElement("select");
    select.setAttribute("aria-label", label);
    for (const [value, text] of Object.entries(names)) {
      const option = makeElement("option", "", text);
      option.value = value;
      select.append(option);
    }
    select.value = graph.view[key];
    select.addEventListener("change", () => { graph.view = { [key]: select.value }; });
    bar.append(select);
  };
  graph.view = { level: hasColumns ? "column" : "dataset", type: answer.type ?? "all", selection: hasColumns && answer.root.includes("#") ? answer.root : null };
  choice("What the cards show", hasColumns ? LEVEL_NAMES : { dataset: LEVEL_NAMES.dataset, job: LEVEL_NAMES.job }, "level");
  if (answer.type === "all") choice("What the lines are", TYPE_NAMES, "type");
  const told = makeElement("span");
  bar.append(told);
  bar.style.display = "flex";
  bar.style.gap = "8px";
  bar.style.padding = "4px 0";
  graph.addEventListener("expand", ({ detail }) => model.send({ expand: detail }));
  graph.addEventListener("select", ({ detail }) => {
    model.set("selection", detail.node ?? "");
    model.save_changes();
    told.textContent = detail.edge?.expression ?? detail.node ?? "";
  });
  const answered = (message) => {
    if (message.answer) graph.merge(message.answer, message.node);
    told.textContent = message.error ?? "";
  };
  model.on("msg:custom", answered);
  graph.answer = answer;
  el.replaceChildren(bar, graph);
  return () => {
    model.off("msg:custom", answered); // the model outlives what shows it
    graph.remove();
  };
}
