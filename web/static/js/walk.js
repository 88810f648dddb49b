/**
 * Walks along the edges of a graph: what a selection lights. Upstream and downstream are walked apart, each in its one
 * direction, so that what is lit is lineage and not all that hangs together. Pure.
 */

import { datasetOf, isShownType, grouped } from "./model.js";

/**
 * What comes into the selected nodes and what goes out of them, through any number of hops.
 *
 * A dataset stands for all of its columns. Edges into a whole dataset (its rows depend on a filter or a join key) belong to
 * each of its columns.
 * @param {ReturnType<typeof import("./model.js").graphOf>} graph @param {string[]} selected @param {string} type
 * @returns {{nodes: Set<string>, edges: Set<number>, upstream: Set<string>, downstream: Set<string>}}
 */
export function litLineage(graph, selected, type) {
  const starts = selected.flatMap((id) => [id, ...(graph.datasets.get(id)?.columns.map((node) => node.id) ?? [])]);
  const edges = new Set();
  const upstream = walked(graph, starts, "upstream", type, edges);
  const downstream = walked(graph, starts, "downstream", type, edges);
  return { nodes: new Set([...starts, ...upstream, ...downstream]), edges, upstream, downstream };
}

/** The nodes that are reached, without the starts; the numbers of the edges are added to `edges`. */
function walked(graph, starts, direction, type, edges) {
  const reached = new Set();
  const seen = new Set(starts);
  const queue = [...starts];
  while (queue.length) {
    const node = queue.pop();
    for (const number of edgesBeside(graph, node, direction)) {
      const edge = graph.edges[number];
      if (!isShownType(edge, type)) continue;
      edges.add(number);
      const next = direction === "upstream" ? edge.source : edge.target;
      if (seen.has(next)) continue;
      seen.add(next);
      reached.add(next);
      queue.push(next);
    }
  }
  return reached;
}

function edgesBeside(graph, node, direction) {
  const dataset = datasetOf(node);
  if (direction === "upstream") {
    return [...(graph.incoming.get(node) ?? []), ...(dataset === node ? [] : graph.incoming.get(dataset) ?? [])];
  }
  const out = [...(graph.outgoing.get(node) ?? [])];
  if (dataset === node) for (const column of graph.datasets.get(dataset)?.columns ?? []) out.push(...(graph.outgoing.get(column.id) ?? []));
  return out;
}

/** The nodes and edges that touch a node, one hop: what hovering shows. */
export function besideNode(graph, node, type) {
  const edges = new Set();
  const nodes = new Set([node]);
  for (const number of [...(graph.incoming.get(node) ?? []), ...(graph.outgoing.get(node) ?? [])]) {
    const edge = graph.edges[number];
    if (!isShownType(edge, type)) continue;
    edges.add(number);
    nodes.add(edge.source).add(edge.target);
  }
  return { nodes, edges };
}

/** How a lit selection reads: "12 columns upstream in 5 datasets, 40 downstream in 7". */
export function litInWords({ upstream, downstream }) {
  const side = (nodes, name) => {
    const columns = [...nodes].filter((node) => node !== datasetOf(node));
    const datasets = new Set([...nodes].map(datasetOf)).size;
    const many = (number, word) => `${grouped(number)} ${word}${number === 1 ? "" : "s"}`;
    if (!nodes.size) return `nothing ${name}`;
    return columns.length ? `${many(columns.length, "column")} ${name} in ${many(datasets, "dataset")}` : `${many(datasets, "dataset")} ${name}`;
  };
  return `${side(upstream, "upstream")}, ${side(downstream, "downstream")}`;
}
