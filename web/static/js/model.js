/**
 * A lineage answer of the HTTP API as what a graph shows: cards (a dataset, a job, or a hub's folded neighbours), their rows
 * (columns), and links between rows. Pure: answers and views in, plain data out.
 *
 * Not here: places (layout.js), which nodes are lit (walk.js), drawing.
 *
 * An answer may say more than the API's: `datasets` (nodes of all datasets, with `columnCount`, `moreUpstream`,
 * `moreDownstream`, `lastRun`, `lastStatus`), which may as well stand on the nodes; `change` on nodes and edges ("added",
 * "removed", "changed") where two times are compared; `dataType` and `position` on columns.
 */

import { pairKey } from "./layout.js";

export const CARD_WIDTH = 252;
export const HEAD_HEIGHT = 48;
export const ROW_HEIGHT = 24;
export const FOOT_HEIGHT = 26;
export const FILTER_HEIGHT = 34;
/** Rows of a card before it is opened, and of an open one: a list of 400 is neither read nor drawn. */
export const CLOSED_ROWS = 12;
export const OPEN_ROWS = 20;
/** Neighbours on one side of a card that are shown one by one; the others are one card, which lists them. */
export const HUB_SIDE = 12;

/**
 * @typedef {{id: string, label: string, name: string, dataset: string, origin?: string|null, resolved?: boolean,
 *   expression?: string|null, tags?: string[], change?: string, columnCount?: number, moreUpstream?: number,
 *   moreDownstream?: number, lastRun?: number, lastStatus?: string, dataType?: string, position?: number}} AnswerNode
 * @typedef {{source: string, target: string, type: string, subtype?: string|null, masking?: boolean, exact?: boolean,
 *   certain?: boolean, expression?: string|null, job?: string|null, plan?: string|null, columns?: number,
 *   change?: string}} AnswerEdge
 * @typedef {{root: string, nodes: AnswerNode[], edges: AnswerEdge[], datasets?: AnswerNode[], complete?: boolean,
 *   reason?: string|null, direction?: string, type?: string}} LineageAnswer
 * @typedef {{id: string, kind: "dataset"|"job"|"fold", title: string, subtitle: string, columns: AnswerNode[],
 *   columnCount: number, moreUpstream: number, moreDownstream: number, tags: string[], change: string, status: string,
 *   lastRun: number|null, members: string[], isRoot: boolean}} Card
 * @typedef {{key: string, pair: string, source: string, target: string, sourceRow: string|null, targetRow: string|null,
 *   isIndirect: boolean, masked: boolean, certain: boolean, exact: boolean, change: string, weight: number,
 *   edges: number[]}} Link  `source` and `target` are cards; `edges` the answer's edges, by their numbers.
 * @typedef {{level: "column"|"dataset"|"job", type: "direct"|"all"|"indirect", selection: string|null, only: boolean,
 *   open: string[], filter: string}} GraphView
 */

/** What the whole page takes for a view that says nothing. @type {GraphView} */
export const NO_VIEW = { level: "column", type: "all", selection: null, only: false, open: [], filter: "" };

/** 12,345. Not the browser's own: it takes its first use 20 to 90 ms, while a reader waits for the picture. */
export function grouped(number) {
  return String(number).replace(/\B(?=(\d{3})+$)/g, ",");
}

/** What controls, hides or reorders text: a name must not look like another one. */
const UNSEEN = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

/** Text that hides nothing: such characters are told by their numbers. Ends of lines and tabs stay. */
export function visible(text) {
  return String(text).replace(UNSEEN, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** The dataset of a node's id. @param {string} node */
export function datasetOf(node) {
  const at = node.indexOf("#");
  return at < 0 ? node : node.slice(0, at);
}

/** A dataset's URI as a title and the place where it is. @param {string} uri */
export function titleOf(uri) {
  const trimmed = uri.replace(/\/+$/, "");
  const at = trimmed.lastIndexOf("/");
  const title = trimmed.slice(at + 1) || uri;
  return { title, place: at > 0 ? trimmed.slice(0, at) : "" };
}

function jobTitle(job) {
  const name = titleOfJob(job);
  const at = name.indexOf("/");
  return { title: name.slice(at + 1), subtitle: at > 0 ? `${name.slice(0, at)} job` : "job" };
}

/** @param {string} job */
export function titleOfJob(job) {
  return job.replace(/^job:/, "");
}

/**
 * The graph of an answer: nodes by id, datasets with their columns in the schema's order as far as it is known, edges, and
 * by node the numbers of the edges that come in and go out.
 * @param {LineageAnswer} answer
 */
export function graphOf(answer) {
  const nodes = new Map(answer.nodes.map((node) => [node.id, node]));
  const datasets = new Map();
  const datasetFor = (id) => {
    if (!datasets.has(id)) datasets.set(id, { id, node: { id, label: "dataset", name: id, dataset: id }, columns: [], jobs: new Set() });
    return datasets.get(id);
  };
  for (const node of answer.nodes) {
    const dataset = datasetFor(node.dataset);
    if (node.label === "column") dataset.columns.push(node);
    else dataset.node = { ...dataset.node, ...node };
  }
  for (const node of answer.datasets ?? []) {
    const dataset = datasets.get(node.id);
    if (dataset) dataset.node = { ...dataset.node, ...withoutEmpty(node) };
  }
  for (const dataset of datasets.values()) dataset.columns.sort(inSchemaOrder);
  const incoming = new Map();
  const outgoing = new Map();
  const add = (map, node, number) => (map.has(node) ? map.get(node).push(number) : map.set(node, [number]));
  answer.edges.forEach((edge, number) => {
    add(outgoing, edge.source, number);
    add(incoming, edge.target, number);
    datasetFor(datasetOf(edge.source));
    const target = datasetFor(datasetOf(edge.target));
    if (edge.job) target.jobs.add(edge.job);
  });
  return { root: answer.root, nodes, datasets, edges: answer.edges, incoming, outgoing };
}

function withoutEmpty(node) {
  return Object.fromEntries(Object.entries(node).filter(([, value]) => value !== null && value !== undefined));
}

function inSchemaOrder(one, other) {
  return (one.position ?? Infinity) - (other.position ?? Infinity) || (one.name < other.name ? -1 : 1);
}

/**
 * An answer and a further one (of a card that was expanded) as one: what was there keeps its order. Edges are told apart by
 * all they say; where both count what lies behind a dataset, the smaller number is the newer one.
 * @param {LineageAnswer} old @param {LineageAnswer} more @returns {LineageAnswer}
 */
export function mergedAnswers(old, more) {
  const smaller = (one, other) => (one === undefined || one === null ? other : other === undefined || other === null ? one : Math.min(one, other));
  const joinNodes = (before, after) => {
    const found = new Map(before.map((node) => [node.id, node]));
    for (const node of after) {
      const known = found.get(node.id);
      if (!known) found.set(node.id, node);
      else {
        const moreUpstream = smaller(known.moreUpstream, node.moreUpstream);
        const moreDownstream = smaller(known.moreDownstream, node.moreDownstream);
        found.set(node.id, { ...node, ...withoutEmpty(known), ...withoutEmpty({ moreUpstream, moreDownstream }) });
      }
    }
    return [...found.values()];
  };
  const identity = (edge) => JSON.stringify([edge.source, edge.target, edge.type, edge.subtype, edge.plan, edge.sourceField, edge.expression]);
  const edges = new Map(old.edges.map((edge) => [identity(edge), edge]));
  for (const edge of more.edges) if (!edges.has(identity(edge))) edges.set(identity(edge), edge);
  const reason = old.reason === "depth" ? more.reason : old.reason;
  return {
    ...old,
    nodes: joinNodes(old.nodes, more.nodes),
    edges: [...edges.values()],
    datasets: joinNodes(old.datasets ?? [], more.datasets ?? []),
    complete: old.complete !== false && more.complete !== false,
    reason: reason ?? more.reason ?? null,
  };
}

/** Whether a view shows an edge. @param {AnswerEdge} edge @param {string} type */
export function isShownType(edge, type) {
  return type === "all" || (edge.type === "INDIRECT") === (type === "indirect");
}

/** What a column's edges say of how it is made, by the strongest; "" where nothing is known. */
export const MAKINGS = {
  masked: "masked",
  aggregated: "aggregated",
  computed: "computed",
  renamed: "renamed",
  unchanged: "unchanged",
  constant: "constant",
  generated: "generated",
  conditional: "chosen by a condition",
  unresolved: "source not known",
  ended: "dropped or emptied",
};

/**
 * How a column is made, and what is not sure about it.
 * @returns {{making: string, uncertain: boolean, inexact: boolean, unresolved: boolean, sources: number}}
 */
export function makingOf(graph, node) {
  const edges = (graph.incoming.get(node.id) ?? []).map((number) => graph.edges[number]);
  const direct = edges.filter((edge) => edge.type !== "INDIRECT");
  const has = (test) => direct.some(test);
  const sourceName = (edge) => graph.nodes.get(edge.source)?.name ?? edge.source.slice(edge.source.indexOf("#") + 1);
  let making = "";
  if (has((edge) => edge.masking)) making = "masked";
  else if (has((edge) => edge.subtype === "AGGREGATION")) making = "aggregated";
  else if (has((edge) => edge.subtype === "TRANSFORMATION")) making = "computed";
  else if (has((edge) => sourceName(edge) !== node.name || edge.sourceField)) making = "renamed";
  else if (direct.length) making = "unchanged";
  else if (node.origin) making = node.origin;
  return {
    making,
    uncertain: edges.some((edge) => edge.certain === false),
    inexact: edges.some((edge) => edge.exact === false),
    unresolved: node.resolved === false,
    sources: new Set(direct.map((edge) => edge.source)).size,
  };
}

/** The readable expression that makes a column; "" for a plain copy and where several jobs make it differently. */
export function expressionOf(graph, node) {
  const found = new Set();
  for (const number of graph.incoming.get(node.id) ?? []) {
    const edge = graph.edges[number];
    if (edge.expression && edge.type !== "INDIRECT") found.add(edge.expression);
  }
  if (!found.size && node.origin && node.expression) found.add(node.expression);
  const [only] = found;
  return found.size === 1 && only !== node.name ? only : "";
}

/**
 * The cards and links of a graph as a view shows them.
 * @param {ReturnType<typeof graphOf>} graph @param {GraphView} view
 * @param {{nodes: Set<string>, edges: Set<number>}|null} lit  what is selected; with `view.only` the rest is left out
 * @param {Set<string>} pulled  datasets that are shown one by one although their hub is folded
 * @returns {{cards: Map<string, Card>, links: Link[]}}
 */
export function shownGraph(graph, view, lit, pulled) {
  const only = view.only && lit ? lit : null;
  const isCard = (dataset) => !only || dataset.id === datasetOf(graph.root) || only.nodes.has(dataset.id) || dataset.columns.some((node) => only.nodes.has(node.id));
  const cards = new Map();
  for (const dataset of graph.datasets.values()) if (isCard(dataset)) cards.set(dataset.id, datasetCard(graph, dataset, view, only));
  const shown = graph.edges
    .map((edge, number) => ({ edge, number }))
    .filter(({ edge, number }) => isShownType(edge, view.type) && (!only || only.edges.has(number)))
    .filter(({ edge }) => cards.has(datasetOf(edge.source)) && cards.has(datasetOf(edge.target)));
  const folds = foldedHubs(graph, cards, shown, lit, pulled);
  const links = new Map();
  for (const { edge, number } of shown) {
    const [from, to] = [datasetOf(edge.source), datasetOf(edge.target)];
    const [source, target] = [folds.get(from) ?? from, folds.get(to) ?? to];
    if (view.level === "job" && edge.job && source === from && target === to) {
      addJob(graph, links, cards, edge, number);
      continue;
    }
    if (source === target && view.level !== "column") continue;
    const isRow = (node, card) => view.level === "column" && card === datasetOf(node) && node !== card;
    const sourceRow = isRow(edge.source, source) ? edge.source : null;
    const targetRow = isRow(edge.target, target) ? edge.target : null;
    if (source === target && sourceRow === targetRow) continue;
    addLink(links, { source, target, sourceRow, targetRow }, edge, number);
  }
  for (const id of folds.keys()) cards.delete(id);
  for (const id of new Set(folds.values())) cards.set(id, foldCard(id, [...folds.keys()].filter((member) => folds.get(member) === id)));
  if (view.level === "job") for (const card of cards.values()) if (card.kind === "dataset") card.subtitle = titleOf(card.id).place;
  return { cards, links: [...links.values()] };
}

function datasetCard(graph, dataset, view, only) {
  const { title, place } = titleOf(dataset.id);
  const jobs = [...dataset.jobs].map(titleOfJob);
  const columns = view.level !== "column" ? [] : only ? dataset.columns.filter((node) => only.nodes.has(node.id)) : dataset.columns;
  const { node } = dataset;
  return {
    id: dataset.id,
    kind: "dataset",
    title,
    subtitle: jobs.length > 1 ? `by ${jobs.length} jobs` : jobs.length ? `by ${jobs[0]}` : place,
    columns,
    columnCount: only ? columns.length : Math.max(node.columnCount ?? 0, dataset.columns.length),
    moreUpstream: node.moreUpstream ?? 0,
    moreDownstream: node.moreDownstream ?? 0,
    tags: node.tags ?? [],
    change: node.change ?? "",
    status: node.lastStatus ?? "",
    lastRun: node.lastRun ?? null,
    members: [],
    isRoot: dataset.id === datasetOf(graph.root),
  };
}

function foldCard(id, members) {
  return { ...plainCard(id, "fold"), title: `+${grouped(members.length)} datasets`, subtitle: "list them", members, columns: members.map(memberRow) };
}

/** A folded dataset as a row of its fold's list. */
function memberRow(id) {
  return { id, label: "member", name: titleOf(id).title, dataset: id, expression: titleOf(id).place };
}

function plainCard(id, kind) {
  return {
    id, kind, title: "", subtitle: "", columns: [], columnCount: 0, moreUpstream: 0, moreDownstream: 0, tags: [], change: "",
    status: "", lastRun: null, members: [], isRoot: false,
  };
}

/** What is said of two that are drawn as one: a line that another job makes as well now says that something was added. */
export function bothChanges(one, other) {
  return one && other && one !== other ? "changed" : one || other;
}

/** Several edges between the same rows are one link: certain and exact if all are, masked if all are. */
function addLink(links, ends, edge, number) {
  const isIndirect = edge.type === "INDIRECT";
  const pair = pairKey(ends.source, ends.target);
  const key = `${pair}\n${ends.sourceRow ?? ""}\n${ends.targetRow ?? ""}\n${isIndirect}`;
  const link = links.get(key);
  const change = edge.change ?? "";
  if (!link) {
    const { masking, certain, exact, columns } = edge;
    links.set(key, { key, pair, ...ends, isIndirect, masked: !!masking, certain: certain !== false, exact: exact !== false, change, weight: columns ?? 1, edges: [number] });
    return;
  }
  link.masked &&= !!edge.masking;
  link.certain &&= edge.certain !== false;
  link.exact &&= edge.exact !== false;
  link.change = bothChanges(link.change, change);
  link.weight += edge.columns ?? 1;
  link.edges.push(number);
}

/** The job of an edge as a card between two datasets: what it reads flows into it, and out of it into what it writes. */
function addJob(graph, links, cards, edge, number) {
  const { job } = edge;
  if (!cards.has(job)) cards.set(job, { ...plainCard(job, "job"), ...jobTitle(job) });
  const { jobs, node } = graph.datasets.get(datasetOf(edge.target));
  if (jobs.size === 1) cards.get(job).status ||= node.lastStatus ?? ""; // of the last write, which was its own
  addLink(links, { source: datasetOf(edge.source), target: job, sourceRow: null, targetRow: null }, edge, number);
  addLink(links, { source: job, target: datasetOf(edge.target), sourceRow: null, targetRow: null }, edge, number);
}

/**
 * By folded dataset the card that stands for it. A side of a card with more than `HUB_SIDE` neighbours keeps those that are
 * lit, that lead on, or have most columns in common; the root and what was pulled out are never folded.
 */
function foldedHubs(graph, cards, shown, lit, pulled) {
  const sides = new Map(); // [hub, side] -> neighbour -> edges
  const touching = new Map(); // dataset -> its neighbours
  const count = (hub, side, neighbour) => {
    const key = `${side}:${hub}`;
    if (!sides.has(key)) sides.set(key, new Map());
    sides.get(key).set(neighbour, (sides.get(key).get(neighbour) ?? 0) + 1);
    if (!touching.has(neighbour)) touching.set(neighbour, new Set());
    touching.get(neighbour).add(hub);
  };
  for (const { edge } of shown) {
    const [source, target] = [datasetOf(edge.source), datasetOf(edge.target)];
    if (source === target) continue;
    count(source, "downstream", target);
    count(target, "upstream", source);
  }
  const folds = new Map();
  const root = datasetOf(graph.root);
  const isLit = (id) => !!lit && (lit.nodes.has(id) || cards.get(id).columns.some((node) => lit.nodes.has(node.id)));
  for (const [key, neighbours] of sides) {
    if (neighbours.size <= HUB_SIDE || folds.has(key.slice(key.indexOf(":") + 1))) continue;
    const rank = (id) => [id === root || pulled.has(id) ? 1 : 0, isLit(id) ? 1 : 0, touching.get(id).size > 1 ? 1 : 0, neighbours.get(id)];
    const ranked = [...neighbours.keys()].filter((id) => !folds.has(id)).map((id) => ({ id, rank: rank(id) }));
    ranked.sort((one, other) => {
      const at = one.rank.findIndex((value, number) => value !== other.rank[number]);
      return at < 0 ? (one.id < other.id ? -1 : 1) : other.rank[at] - one.rank[at];
    });
    const rest = ranked.filter(({ rank: [isKept] }) => !isKept).slice(HUB_SIDE);
    if (rest.length > 1) for (const { id } of rest) folds.set(id, `fold:${key}`);
  }
  return folds;
}

/**
 * The rows of a card that are shown: the first ones, or those of an open card's window; lit ones that lie outside are pinned
 * on top, in the room of others, so that a selection changes no height.
 * @param {Card} card @param {{open: boolean, from: number, filter: string, lit: Set<string>|null}} state
 * @returns {{rows: AnswerNode[], pinned: number, hidden: number, matching: number, room: number}}
 */
export function shownRows(card, { open, from, filter, lit: all }) {
  const lit = card.kind === "fold" ? null : all;
  const words = filter.trim().toLowerCase();
  const matching = open && words ? card.columns.filter((node) => node.name.toLowerCase().includes(words)) : card.columns;
  const room = Math.min(card.columns.length, open ? OPEN_ROWS : closedRows(card));
  const start = open ? Math.max(0, Math.min(from, matching.length - room)) : 0;
  const inside = matching.slice(start, start + room);
  if (!lit || card.columns.length <= room) return { rows: inside, pinned: 0, hidden: card.columns.length - inside.length, matching: matching.length, room };
  const seen = new Set(inside);
  const outside = card.columns.filter((node) => lit.has(node.id) && !seen.has(node)).slice(0, room - Math.min(room, 4));
  const kept = [];
  let left = room - outside.length;
  const litInside = inside.filter((node) => lit.has(node.id)).length;
  let plain = Math.max(0, left - litInside);
  for (const node of inside) {
    if (left === 0) break;
    if (!lit.has(node.id)) {
      if (plain === 0) continue;
      plain -= 1;
    }
    kept.push(node);
    left -= 1;
  }
  const rows = [...outside, ...kept];
  return { rows, pinned: outside.length, hidden: card.columns.length - rows.length, matching: matching.length, room };
}

/** Rows of a card that is not open: a fold lists none. */
export function closedRows(card) {
  return card.kind === "fold" ? 0 : CLOSED_ROWS;
}

/** Whether a card has a line below its rows: columns that are not shown, here or in the answer. */
export function hasFoot(card) {
  return card.kind === "dataset" && card.columns.length > 0 && card.columnCount > Math.min(card.columns.length, CLOSED_ROWS);
}

/** @param {Card} card @param {boolean} open */
export function cardHeight(card, open) {
  const rows = Math.min(card.columns.length, open ? OPEN_ROWS : closedRows(card));
  const isOpen = open && card.columns.length > closedRows(card);
  return HEAD_HEIGHT + rows * ROW_HEIGHT + (isOpen ? FILTER_HEIGHT : 0) + (hasFoot(card) ? FOOT_HEIGHT : 0) + (rows ? 4 : 0);
}
