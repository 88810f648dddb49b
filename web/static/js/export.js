/**
 * What is shown as a file: SVG, PNG, Mermaid, CSV, JSON. All are made from the same answer, view and scene as the picture, so
 * they cannot disagree with it. Pure but for PNG, which the browser paints.
 *
 * Names are other people's text: escaped for SVG and Mermaid; in CSV a spreadsheet takes none for a formula.
 */

import { MAKING_ICONS, SIGNS } from "./draw.js";
import { HEAD_HEIGHT, ROW_HEIGHT, expressionOf, isShownType, makingOf, grouped, visible } from "./model.js";
import { middleOf, pathOf } from "./scene.js";

const MARGIN = 24;
/** PNG: twice the size for sharp text, as long as no side is longer than a browser's canvas may be. */
const SHARP = 2;
const LONGEST_SIDE = 12000;
const SANS = "system-ui, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif";
const MONO = "ui-monospace, Menlo, 'DejaVu Sans Mono', monospace";
/** Of an expression on a line in Mermaid. */
const LABEL_CHARACTERS = 60;

function visibleText(text) {
  return visible(text).replace(/[\t\n\r]/g, " ");
}

function xmlText(text) {
  return visibleText(text).replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

/**
 * The whole scene as one SVG text, with real text, in the given colours.
 * @param {ReturnType<typeof import("./model.js").graphOf>} graph @param {import("./scene.js").Scene} scene
 * @param {any} lit @param {Record<string, string>} colours  by the names of looks.js without "--g-"
 * @param {(text: string, font: string) => number} widthOf  of a text in pixels
 */
export function svgOf(graph, scene, lit, colours, widthOf) {
  const { left, top, right, bottom } = scene.bounds;
  const [width, height] = [Math.ceil(right - left + 2 * MARGIN), Math.ceil(bottom - top + 2 * MARGIN)];
  const out = [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="${left - MARGIN} ${top - MARGIN} ${width} ${height}" font-family="${SANS}" font-size="13">`,
    `<title>${xmlText(`Lineage of ${graph.root}`)}</title>`,
    `<defs>${["direct", "indirect", "masked", "added", "removed", "changed"].map((kind) => `<marker id="${kind}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto" markerUnits="userSpaceOnUse"><path d="M0 .5L8 4L0 7.5Z" fill="${colours[kind]}"/></marker>`).join("")}</defs>`,
    `<rect x="${left - MARGIN}" y="${top - MARGIN}" width="${width}" height="${height}" fill="${colours.ground}"/>`,
  ];
  const fitted = (text, room, font) => {
    const whole = visibleText(text);
    if (widthOf(whole, font) <= room) return whole;
    let length = whole.length;
    while (length > 1 && widthOf(`${whole.slice(0, length)}…`, font) > room) length = Math.floor(length * 0.92 < length - 1 ? length * 0.92 : length - 1);
    return `${whole.slice(0, length)}…`;
  };
  const isLit = (line) => !lit || line.edges.some((number) => lit.edges.has(number));
  for (const line of [...scene.lines].sort((one, other) => Number(isLit(one)) - Number(isLit(other)))) out.push(svgLine(line, isLit(line), colours));
  for (const place of scene.cards.values()) out.push(...svgCard(graph, place, lit, colours, fitted));
  out.push("</svg>");
  return out.join("\n");
}

function svgLine(line, isLit, colours) {
  const kind = line.change || (line.masked ? "masked" : line.isIndirect ? "indirect" : "direct");
  const dash = !line.certain ? ' stroke-dasharray="2 3"' : line.isIndirect ? ' stroke-dasharray="6 3"' : "";
  const opacity = isLit ? (line.isRibbon ? 0.4 : 0.9) : 0.15;
  const arrow = line.isRibbon ? "" : ` marker-end="url(#${kind})"`;
  const { x, y } = middleOf(line);
  const sign = line.change ? `<text x="${Math.round(x)}" y="${Math.round(y) + 6}" text-anchor="middle" font-size="17" font-weight="700" fill="${colours[kind]}" stroke="${colours.ground}" stroke-width="5" paint-order="stroke">${SIGNS[line.change]}</text>` : "";
  return `<path d="${pathOf(line)}" fill="none" stroke="${colours[kind]}" stroke-width="${Math.round(line.width * 10) / 10}" opacity="${opacity}"${dash}${arrow}/>${sign}`;
}

function signOf({ change }) {
  return change ? `${SIGNS[change]} ` : "";
}

function* svgCard(graph, place, lit, colours, fitted) {
  const { card, x, y, width, height } = place;
  const border = card.isRoot ? colours.root : card.change ? colours[card.change] : colours.edge;
  const head = card.isRoot ? colours["root-pale"] : colours.head;
  const bottom = place.rows.length ? HEAD_HEIGHT : height;
  const radius = card.kind === "job" ? height / 2 : 10;
  yield `<g><rect x="${x}" y="${y}" width="${width}" height="${height}" rx="${radius}" fill="${colours.card}"/>`;
  if (card.kind !== "job") yield `<path d="M${x} ${y + bottom}V${y + 10}a10 10 0 0 1 10 -10H${x + width - 10}a10 10 0 0 1 10 10V${y + bottom}${place.rows.length ? "Z" : "a0 0 0 0 1 0 0Z"}" fill="${head}"/>`;
  yield `<rect x="${x}" y="${y}" width="${width}" height="${height}" rx="${radius}" fill="none" stroke="${border}" stroke-width="${card.isRoot ? 2 : 1}"/>`;
  const text = (at, down, words, colour, more = "") => `<text x="${at}" y="${y + down}" fill="${colour}"${more}>${xmlText(words)}</text>`;
  const sign = signOf(card);
  const inset = card.kind === "job" ? 22 : 12;
  yield `<g><title>${xmlText(card.id)}</title>${text(x + inset, 20, fitted(sign + card.title, width - 2 * inset, `640 13.5px ${SANS}`), colours.ink, ' font-weight="640" font-size="13.5"')}</g>`;
  yield text(x + inset, 36, fitted(card.subtitle, width - 2 * inset, `11px ${SANS}`), colours.soft, ' font-size="11"');
  for (const row of place.rows) yield* svgRow(graph, place, row, lit, colours, fitted);
  if (place.hasFoot && place.hidden) yield text(x + 12, height - 9, `+${grouped(place.hidden)} columns`, colours.soft, ' font-size="12"');
  yield "</g>";
}

function* svgRow(graph, place, { node, y: down }, lit, colours, fitted) {
  const { x, y, width } = place;
  if (lit?.nodes.has(node.id)) yield `<rect x="${x + 1}" y="${y + down}" width="${width - 2}" height="${ROW_HEIGHT}" fill="${colours["accent-pale"]}"/>`;
  const isMember = node.label === "member";
  const { making } = isMember ? { making: "" } : makingOf(graph, node);
  const icon = MAKING_ICONS[making];
  const sign = signOf(node);
  const right = x + width - 10 - (icon ? 20 : 0);
  const expression = isMember ? node.expression : expressionOf(graph, node);
  const tags = node.tags?.length ? ` [${node.tags.join(", ")}]` : "";
  const name = fitted(`${sign}${node.name}${tags}`, expression ? width * 0.5 : width - 50, `13px ${SANS}`);
  yield `<text x="${x + 12}" y="${y + down + 16}" fill="${node.change ? colours[node.change] : colours.ink}">${xmlText(name)}</text>`;
  if (expression) {
    const words = fitted(expression, width * 0.5 - 44, `11px ${MONO}`);
    yield `<text x="${right}" y="${y + down + 16}" text-anchor="end" font-size="11" font-family="${MONO}" fill="${colours.soft}"><title>${xmlText(expression)}</title>${xmlText(words)}</text>`;
  }
  if (icon) yield `<path transform="translate(${x + width - 24} ${y + down + 5}) scale(.82)" d="${icon}" fill="${making === "masked" ? colours.masked : colours.soft}" fill-rule="evenodd"><title>${xmlText(making)}</title></path>`;
}

/** An SVG text painted as PNG. @param {string} svg @returns {Promise<Blob>} */
export async function pngOf(svg) {
  const address = URL.createObjectURL(new Blob([svg], { type: "image/svg+xml" }));
  try {
    const image = new Image();
    image.src = address;
    await image.decode();
    const scale = Math.min(SHARP, LONGEST_SIDE / Math.max(image.width, image.height));
    const canvas = document.createElement("canvas");
    canvas.width = Math.round(image.width * scale);
    canvas.height = Math.round(image.height * scale);
    canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
    return await new Promise((resolve, reject) => {
      canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("the picture is too large for a PNG: save it as SVG"))), "image/png");
    });
  } finally {
    URL.revokeObjectURL(address);
  }
}

function mermaidText(text) {
  return visibleText(text).replace(/["#%&<>`\\]/g, (character) => `#${character.charCodeAt(0)};`);
}

function shortened(text, length) {
  if (text.length <= length) return text;
  const head = Math.floor((length - 1) / 2);
  return `${text.slice(0, head)}…${text.slice(text.length - (length - 1 - head))}`;
}

/** A Mermaid flow chart of the cards and links that are shown, as the CLI writes it: a dataset is a box around its columns. */
export function mermaidOf(graph, shown) {
  const lines = ["flowchart LR"];
  const names = new Map();
  const nameOf = (id) => {
    if (!names.has(id)) names.set(id, `n${names.size}`);
    return names.get(id);
  };
  const ends = new Set(shown.links.flatMap((link) => [link.sourceRow ?? link.source, link.targetRow ?? link.target]));
  let number = 0;
  for (const card of shown.cards.values()) {
    const whole = `${nameOf(card.id)}(["${mermaidText(card.title)}"])`;
    if (card.kind === "dataset" && card.columns.length) {
      lines.push(`  subgraph d${number}["${mermaidText(card.id)}"]`);
      for (const node of card.columns) lines.push(`    ${nameOf(node.id)}["${mermaidText(node.name)}"]`);
      if (ends.has(card.id)) lines.push(`    ${whole}`);
      lines.push("  end");
    } else lines.push(`    ${whole}`);
    number += 1;
  }
  for (const link of shown.links) {
    const first = graph.edges[link.edges[0]];
    const words = link.sourceRow || link.targetRow
      ? (first.expression || (first.subtype ?? first.type).toLowerCase()) + (link.masked ? " (masked)" : "")
      : link.weight === 1 ? "1 column" : `${link.weight} columns`;
    const arrow = link.isIndirect ? "-.->" : "-->";
    lines.push(`  ${nameOf(link.sourceRow ?? link.source)} ${arrow}|"${mermaidText(shortened(words, LABEL_CHARACTERS))}"| ${nameOf(link.targetRow ?? link.target)}`);
  }
  if (names.has(graph.root)) lines.push(`  style ${names.get(graph.root)} stroke-width:3px`);
  return `${lines.join("\n")}\n`;
}

const CSV_COLUMNS = ["target", "source", "type", "subtype", "expression", "job", "notes"];

/** The edges that a view shows as CSV (RFC 4180), with the columns of the CLI's. */
export function csvOf(graph, type) {
  const rows = graph.edges.filter((edge) => isShownType(edge, type)).map((edge) => {
    const notes = [edge.masking ? "masked" : "", edge.exact === false ? "not exact" : "", edge.certain === false ? "not certain" : "", edge.change ?? ""];
    return [edge.target, edge.source, edge.type, edge.subtype, edge.expression, edge.job, notes.filter(Boolean).join(", ")];
  });
  return [CSV_COLUMNS, ...rows].map((row) => row.map(csvCell).join(",")).join("\r\n") + "\r\n";
}

/** What a spreadsheet would take for a formula begins with an apostrophe. */
function csvCell(value) {
  const text = visibleText(value ?? "");
  const safe = /^[ ']*[=+\-@\uff1d\uff0b\uff0d\uff20]/.test(text) || text.startsWith("'") ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replace(/"/g, '""')}"` : safe;
}
