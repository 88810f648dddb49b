/**
 * Places for the cards of a graph, so that data flows from left to right: layers, an order in each layer with few
 * crossings, and y places without overlaps. Pure: no DOM, no clock, no chance; equal input gives equal output.
 *
 * The method is Sugiyama's. `headwater/queries/drawing/layout.py` is the same in Python, step by step, and gives the same
 * places to the last digit: change both, and the golden files in tests/browser/layouts/.
 *
 * With `previous` places nothing jumps: cards that were there keep their layer and their order, and move only where a
 * new or grown card takes their room.
 *
 * Not here: which cards there are and how high (model.js), lines (scene.js).
 */

/**
 * @typedef {{id: string, height: number}} LayoutCard
 * @typedef {{source: string, target: string, sourceY: number, targetY: number, weight?: number}} LayoutLink
 *   A line from a row of one card to a row of another; the y are the rows' middles, from their cards' tops.
 * @typedef {{x: number, y: number, layer: number}} Place  The upper left corner of a card, in pixels.
 * @typedef {{places: Map<string, Place>, routes: Map<string, {x: number, y: number}[]>}} Layout
 *   `routes` has, for a pair of cards that are not in neighbouring layers, by `pairKey`, where its lines pass the layers
 *   between, from the source on: x is the left side of the layer's cards.
 * @typedef {{width?: number, across?: number, down?: number, previous?: Layout, anchor?: string}} LayoutOptions
 *   `width` of a card, `across` from card to card between layers, `down` within a layer; `anchor`: the card whose place
 *   is kept whatever happens.
 */

const LAYOUT_DEFAULTS = { width: 226, across: 110, down: 28 };
/** The height of a long line where it passes a layer, and its distance from cards and other lines. */
const PASS_HEIGHT = 10;
const PASS_GAP = 12;
/** More passing points take seconds: in tangles of circles the longest lines have none, and run straight. */
const MOST_POINTS = 3000;
/** Sweeps over all layers to undo crossings: more than 16 win another 1 % only. */
const SWEEPS = 16;
/** Neighbours are exchanged from this sweep on: earlier, the order is still far from its end. */
const FIRST_SWAPS = 6;
const PLACE_PASSES = 24;
/** The last passes look both ways; the others at the layer to the left and to the right in turn. */
const LAST_PASSES = 4;
/** Long lines are kept straight: weights of a line between a card and a passing point, and between two of those. */
const HALF_PASS_WEIGHT = 2;
const PASS_WEIGHT = 8;
/** A card without neighbours on the side that is looked at gives way to all others. */
const LOOSE = 0.01;
/** How far from its neighbours a new card may be put, in pixels, so that no old card has to move. */
const FREE_ROOM_REACH = 600;

/** The key of a pair of cards in `routes`. @param {string} source @param {string} target */
export function pairKey(source, target) {
  return `${source}\n${target}`;
}

/**
 * Places for all cards. Links to unknown cards and from a card to itself have no influence.
 * @param {LayoutCard[]} cards @param {LayoutLink[]} links @param {LayoutOptions} [options]
 * @returns {Layout}
 */
export function layOut(cards, links, options = {}) {
  const { width, across, down } = { ...LAYOUT_DEFAULTS, ...options };
  const previous = options.previous ?? { places: new Map(), routes: new Map() };
  const known = cards.map((card) => previous.places.get(card.id));
  const keeps = known.some((place) => place !== undefined);
  const pairs = layoutPairs(cards, links);
  const { turned, sorted } = turnedPairs(cards.length, pairs);
  const fresh = longestLayers(cards.length, pairs, turned, sorted);
  const layers = keeps ? keptLayers(known, pairs, turned) : fresh;
  const net = layoutNet(cards, pairs, layers, down);
  if (keeps) {
    const anchor = cards.findIndex((card) => card.id === options.anchor);
    const oldPasses = (pair) => previous.routes.get(pairKey(cards[pair.source].id, cards[pair.target].id));
    placeAsBefore(net, known, anchor, pairs, oldPasses);
  } else {
    orderByDepth(net);
    orderWithFewCrossings(net);
    placeRows(net);
  }
  return layoutAnswer(cards, pairs, net, layers, keeps, width + across);
}

/**
 * The links between two different cards as one pair, in the order of their first link.
 * @returns {{source: number, target: number, weight: number, sourceY: number, targetY: number}[]}
 */
function layoutPairs(cards, links) {
  const index = new Map(cards.map((card, number) => [card.id, number]));
  const found = new Map();
  for (const link of links) {
    const source = index.get(link.source);
    const target = index.get(link.target);
    if (source === undefined || target === undefined || source === target) continue;
    const weight = link.weight ?? 1;
    const key = source * cards.length + target;
    const pair = found.get(key) ?? { source, target, weight: 0, sourceY: 0, targetY: 0 };
    pair.weight += weight;
    pair.sourceY += weight * link.sourceY;
    pair.targetY += weight * link.targetY;
    found.set(key, pair);
  }
  const pairs = [...found.values()];
  for (const pair of pairs) {
    pair.sourceY /= pair.weight;
    pair.targetY /= pair.weight;
  }
  return pairs;
}

/** Depth first from the cards that nothing flows into: pairs that close a circle, and the cards in order of flow. */
function turnedPairs(count, pairs) {
  const after = Array.from({ length: count }, () => []);
  const fed = new Array(count).fill(false);
  pairs.forEach((pair, number) => {
    after[pair.source].push(number);
    fed[pair.target] = true;
  });
  const turned = new Array(pairs.length).fill(false);
  const state = new Array(count).fill(0); // 0 not seen, 1 on the way, 2 done
  const done = [];
  const starts = [...Array(count).keys()];
  for (const start of [...starts.filter((card) => !fed[card]), ...starts.filter((card) => fed[card])]) {
    if (state[start] !== 0) continue;
    state[start] = 1;
    const stack = [[start, 0]];
    while (stack.length) {
      const top = stack[stack.length - 1];
      const number = after[top[0]][top[1]];
      top[1] += 1;
      if (number === undefined) {
        state[top[0]] = 2;
        done.push(top[0]);
        stack.pop();
      } else if (state[pairs[number].target] === 1) {
        turned[number] = true;
      } else if (state[pairs[number].target] === 0) {
        state[pairs[number].target] = 1;
        stack.push([pairs[number].target, 0]);
      }
    }
  }
  return { turned, sorted: done.reverse() };
}

/** Each card one layer right of all that flows into it; what nothing flows into, beside its first reader. */
function longestLayers(count, pairs, turned, sorted) {
  const after = Array.from({ length: count }, () => []);
  const fed = new Array(count).fill(false);
  pairs.forEach((pair, number) => {
    const [from, to] = turned[number] ? [pair.target, pair.source] : [pair.source, pair.target];
    after[from].push(to);
    fed[to] = true;
  });
  const layers = new Array(count).fill(0);
  for (const card of sorted) for (const next of after[card]) layers[next] = Math.max(layers[next], layers[card] + 1);
  for (const card of sorted) {
    if (!fed[card] && after[card].length) layers[card] = Math.min(...after[card].map((next) => layers[next])) - 1;
  }
  return layers;
}

/** Old cards keep their layer; new ones go beside what they touch, and one new one before another as data flows. */
function keptLayers(known, pairs, turned) {
  const layers = known.map((place) => (place === undefined ? null : place.layer));
  const rest = new Set(layers.keys());
  for (const card of layers.keys()) if (layers[card] !== null) rest.delete(card);
  const before = known.map(() => []);
  const after = known.map(() => []);
  for (const pair of pairs) {
    before[pair.target].push(pair.source);
    after[pair.source].push(pair.target);
  }
  const beside = (card) => {
    const sources = before[card].map((other) => layers[other]).filter((layer) => layer !== null);
    const targets = after[card].map((other) => layers[other]).filter((layer) => layer !== null);
    if (sources.length) return Math.max(...sources) + 1;
    return targets.length ? Math.min(...targets) - 1 : null;
  };
  while (rest.size) {
    const found = [...rest].map((card) => [card, beside(card)]).filter(([, layer]) => layer !== null);
    const [first] = rest;
    for (const [card, layer] of found.length ? found : [[first, 0]]) {
      layers[card] = layer;
      rest.delete(card);
    }
  }
  const touchesOld = (others) => others.some((other) => known[other] !== undefined);
  for (let pass = 0; pass < known.length; pass += 1) {
    let moved = false;
    pairs.forEach((pair, number) => {
      const isNew = known[pair.source] === undefined && known[pair.target] === undefined;
      if (!isNew || turned[number] || layers[pair.source] < layers[pair.target]) return;
      if (!touchesOld(before[pair.source])) layers[pair.source] = layers[pair.target] - 1;
      else if (!touchesOld(after[pair.target])) layers[pair.target] = layers[pair.source] + 1;
      else return;
      moved = true;
    });
    if (!moved) break;
  }
  return layers;
}

/**
 * Cards and the points where long lines pass a layer, as nodes: cards have their own numbers, points the next ones.
 * `left` and `right` have for each node its lines to the neighbouring layers: [other, weight, own y, other's y].
 * `rows` are the layers from left to right, filled by an order; `passes` the points of each pair, from its source on.
 */
function layoutNet(cards, pairs, layers, down) {
  const lowest = layers.length ? Math.min(...layers) : 0;
  const highest = layers.length ? Math.max(...layers) : 0;
  const net = {
    cards: cards.length,
    down,
    height: cards.map((card) => card.height),
    layer: layers.map((layer) => layer - lowest),
    left: cards.map(() => []),
    right: cards.map(() => []),
    passes: pairs.map(() => []),
    rows: Array.from({ length: highest - lowest + 1 }, () => []),
    y: cards.map(() => 0),
    lowest,
  };
  const join = (from, to, weight, fromY, toY) => {
    net.right[from].push([to, weight, fromY, toY]);
    net.left[to].push([from, weight, toY, fromY]);
  };
  const spans = pairs.map((pair) => Math.abs(net.layer[pair.source] - net.layer[pair.target]));
  const longest = longestSpan(spans);
  pairs.forEach((pair, number) => {
    if (spans[number] === 0 || spans[number] > longest) return;
    const forward = net.layer[pair.source] < net.layer[pair.target];
    const [from, to] = forward ? [pair.source, pair.target] : [pair.target, pair.source];
    const [fromY, toY] = forward ? [pair.sourceY, pair.targetY] : [pair.targetY, pair.sourceY];
    let last = from;
    let lastY = fromY;
    for (let layer = net.layer[from] + 1; layer < net.layer[to]; layer += 1) {
      const point = net.height.length;
      net.height.push(PASS_HEIGHT);
      net.layer.push(layer);
      net.left.push([]);
      net.right.push([]);
      net.y.push(0);
      net.passes[number].push(point);
      join(last, point, pair.weight, lastY, PASS_HEIGHT / 2);
      last = point;
      lastY = PASS_HEIGHT / 2;
    }
    join(last, to, pair.weight, lastY, toY);
    if (!forward) net.passes[number].reverse();
  });
  return net;
}

/** The longest lines, in layers, that have passing points. */
function longestSpan(spans) {
  let points = 0;
  let longest = 0;
  for (const span of [...spans].sort((one, other) => one - other)) {
    points += Math.max(span - 1, 0);
    if (points > MOST_POINTS) return Math.min(longest, span - 1);
    longest = span;
  }
  return longest;
}

/** A first order: what hangs together, together. */
function orderByDepth(net) {
  const seen = new Array(net.height.length).fill(false);
  const cards = [...Array(net.cards).keys()];
  const starts = cards.filter((card) => net.left[card].length === 0);
  for (const start of [...starts, ...cards]) {
    const stack = [start];
    while (stack.length) {
      const node = stack.pop();
      if (seen[node]) continue;
      seen[node] = true;
      net.rows[net.layer[node]].push(node);
      for (const line of [...net.right[node]].reverse()) if (!seen[line[0]]) stack.push(line[0]);
    }
  }
  for (const row of net.rows) stackRow(net, row);
}

function rowGap(net, above, below) {
  return above < net.cards && below < net.cards ? net.down : PASS_GAP;
}

/** One below the other, the middle of the whole at y = 0. */
function stackRow(net, row) {
  let below = 0;
  row.forEach((node, number) => {
    if (number) below += rowGap(net, row[number - 1], node);
    net.y[node] = below;
    below += net.height[node];
  });
  for (const node of row) net.y[node] -= below / 2;
}

/** Where the lines of a side want a node's top: their weighted mean, as [place, weight]; weight 0 without lines. */
function wantedPlace(net, lines) {
  let sum = 0;
  let weight = 0;
  for (const [other, lineWeight, ownY, otherY] of lines) {
    sum += lineWeight * (net.y[other] + otherY - ownY);
    weight += lineWeight;
  }
  return weight ? [sum / weight, weight] : [0, 0];
}

/** Sweeps to the right and to the left: each node at the mean of its neighbours' rows; the best order stays. */
function orderWithFewCrossings(net) {
  let fewest = netCrossings(net);
  let best = net.rows.map((row) => [...row]);
  for (let sweep = 0; sweep < SWEEPS && fewest > 0; sweep += 1) {
    const rightwards = sweep % 2 === 0;
    for (const row of rightwards ? net.rows.slice(1) : net.rows.slice(0, -1).reverse()) {
      const wanted = new Map();
      for (const node of row) {
        const [place, weight] = wantedPlace(net, rightwards ? net.left[node] : net.right[node]);
        wanted.set(node, weight ? place : net.y[node]);
      }
      row.sort((one, other) => wanted.get(one) - wanted.get(other));
      stackRow(net, row);
    }
    if (sweep >= FIRST_SWAPS) for (const row of net.rows) swapNeighbours(net, row);
    const crossings = netCrossings(net);
    if (crossings < fewest) {
      fewest = crossings;
      best = net.rows.map((row) => [...row]);
    }
  }
  net.rows = best;
  for (const row of net.rows) stackRow(net, row);
}

/** Exchanges two neighbours where that undoes crossings. */
function swapNeighbours(net, row) {
  for (let number = 0; number + 1 < row.length; number += 1) {
    const [above, below] = [row[number], row[number + 1]];
    let gain = 0;
    for (const side of [net.left, net.right]) {
      for (const [upper, upperWeight, , upperY] of side[above]) {
        const upperEnd = net.y[upper] + upperY;
        for (const [lower, lowerWeight, , lowerY] of side[below]) {
          const lowerEnd = net.y[lower] + lowerY;
          if (upperEnd > lowerEnd) gain += upperWeight * lowerWeight;
          else if (upperEnd < lowerEnd) gain -= upperWeight * lowerWeight;
        }
      }
    }
    if (gain > 0) {
      row[number] = below;
      row[number + 1] = above;
    }
  }
  stackRow(net, row);
}

/** Crossings between neighbouring layers, each counted with the product of the two weights: a Fenwick tree a layer. */
function netCrossings(net) {
  let total = 0;
  for (const row of net.rows) {
    const lines = [];
    for (const node of row) {
      for (const [other, weight, ownY, otherY] of net.right[node]) {
        lines.push([net.y[node] + ownY, net.y[other] + otherY, weight]);
      }
    }
    lines.sort((one, other) => one[0] - other[0] || one[1] - other[1]);
    const ends = [...new Set(lines.map((line) => line[1]))].sort((one, other) => one - other);
    const rank = new Map(ends.map((end, number) => [end, number + 1]));
    const tree = new Array(ends.length + 1).fill(0);
    let sum = 0;
    for (const [, end, weight] of lines) {
      let atOrAbove = 0;
      for (let at = rank.get(end); at > 0; at -= at & -at) atOrAbove += tree[at];
      total += weight * (sum - atOrAbove);
      for (let at = rank.get(end); at < tree.length; at += at & -at) tree[at] += weight;
      sum += weight;
    }
  }
  return total;
}

/**
 * Places with `previous` ones: old cards stay where they are, unless a grown or new card needs their room; a new card goes
 * to the mean of its neighbours' rows, or to the nearest gap from there, and lines pass between the cards.
 */
function placeAsBefore(net, known, anchor, pairs, oldPasses) {
  const placed = net.height.map((_, node) => node < net.cards && known[node] !== undefined);
  known.forEach((place, card) => {
    if (place !== undefined) net.y[card] = place.y;
  });
  let rest = [...net.height.keys()].filter((node) => !placed[node]);
  while (rest.length) {
    const ready = rest.filter((node) => [...net.left[node], ...net.right[node]].some(([other]) => placed[other]));
    for (const node of ready.length ? ready : [rest[0]]) {
      const lines = [...net.left[node], ...net.right[node]].filter(([other]) => placed[other]);
      net.y[node] = wantedPlace(net, lines)[0];
      placed[node] = true;
    }
    rest = rest.filter((node) => !placed[node]);
  }
  for (let card = 0; card < net.cards; card += 1) net.rows[net.layer[card]].push(card);
  net.rows = net.rows.map((row) => {
    const byPlace = [...row].sort((one, other) => net.y[one] - net.y[other]);
    const taken = byPlace.filter((card) => known[card] !== undefined);
    spreadFrom(net, taken, 0);
    for (const group of groupsOf(net, byPlace.filter((card) => known[card] === undefined))) {
      const alone = group.cards.map((card) => ({ cards: [card], offsets: [0], height: net.height[card], wanted: net.y[card] }));
      const isDense = !alone.some((one) => hasRoom(net, taken, one));
      for (const each of isDense || hasRoom(net, taken, group) ? [group] : alone) insertGroup(net, taken, each, anchor);
    }
    return taken;
  });
  pairs.forEach((pair, number) => {
    const old = oldPasses(pair);
    net.passes[number].forEach((point, at) => {
      const wanted = old && old.length === net.passes[number].length ? old[at].y - PASS_HEIGHT / 2 : net.y[point];
      net.y[point] = passBetween(net, net.rows[net.layer[point]], wanted);
    });
  });
}

/** Pushes the cards above the given one up and those below it down, as far as they overlap. */
function spreadFrom(net, row, from) {
  for (let at = from + 1; at < row.length; at += 1) {
    const least = net.y[row[at - 1]] + net.height[row[at - 1]] + net.down;
    net.y[row[at]] = Math.max(net.y[row[at]], least);
  }
  for (let at = from - 1; at >= 0; at -= 1) {
    const most = net.y[row[at + 1]] - net.down - net.height[row[at]];
    net.y[row[at]] = Math.min(net.y[row[at]], most);
  }
}

/** New cards of a layer, from top to bottom, that would overlap at the places they want: they stay together, in order. */
function groupsOf(net, cards) {
  const groups = [];
  for (const card of cards) {
    const last = groups[groups.length - 1];
    if (last && net.y[card] < last.wanted + last.height + net.down) {
      const offset = last.height + net.down;
      last.wanted = (last.wanted * last.cards.length + net.y[card] - offset) / (last.cards.length + 1);
      last.cards.push(card);
      last.offsets.push(offset);
      last.height = offset + net.height[card];
    } else groups.push({ cards: [card], offsets: [0], height: net.height[card], wanted: net.y[card] });
  }
  return groups;
}

/** The nearest place in a layer where something so high has room, and between which cards, as an index. */
function nearestGap(net, row, wanted, height) {
  let best = null;
  for (let at = 0; at <= row.length; at += 1) {
    const top = at ? net.y[row[at - 1]] + net.height[row[at - 1]] + net.down : -Infinity;
    const bottom = at < row.length ? net.y[row[at]] - net.down - height : Infinity;
    const place = Math.max(Math.min(wanted, bottom), top);
    if (bottom >= top && (!best || Math.abs(place - wanted) < Math.abs(best[0] - wanted))) best = [place, at];
  }
  return best;
}

/** Whether new cards can be put where no old card has to move, near enough to be seen. */
function hasRoom(net, row, { wanted, height }) {
  return Math.abs(nearestGap(net, row, wanted, height)[0] - wanted) <= FREE_ROOM_REACH;
}

/**
 * Puts new cards into a layer: into the nearest gap that is high enough, if one is near. Otherwise where they want to be, and
 * the others give way on both sides, never the anchor.
 */
function insertGroup(net, row, group, anchor) {
  const put = (place) => group.cards.forEach((card, number) => { net.y[card] = place + group.offsets[number]; });
  const { wanted, height } = group;
  if (hasRoom(net, row, group)) {
    const [place, at] = nearestGap(net, row, wanted, height);
    put(place);
    row.splice(at, 0, ...group.cards);
    return;
  }
  const middle = wanted + height / 2;
  const after = row.findIndex((card) => net.y[card] + net.height[card] / 2 > middle);
  const at = after < 0 ? row.length : after;
  const [above, below] = [row.slice(0, at), row.slice(at)];
  row.splice(at, 0, ...group.cards);
  const top = above.length ? net.y[above[at - 1]] + net.height[above[at - 1]] + net.down : wanted;
  const bottom = below.length ? net.y[below[0]] - net.down - height : wanted;
  put(above.includes(anchor) ? Math.max(wanted, top) : below.includes(anchor) ? Math.min(wanted, bottom) : wanted);
  spreadFrom(net, row, at);
}

/** The nearest y for a passing line between the cards of a row, a little away from them. */
function passBetween(net, row, wanted) {
  let best = null;
  for (let at = 0; at <= row.length; at += 1) {
    const top = at ? net.y[row[at - 1]] + net.height[row[at - 1]] : -Infinity;
    const bottom = at < row.length ? net.y[row[at]] - PASS_HEIGHT : Infinity;
    const away = Math.min(PASS_GAP, (bottom - top) / 2);
    const place = Math.max(Math.min(wanted, bottom - away), top + away);
    if (best === null || Math.abs(place - wanted) < Math.abs(best - wanted)) best = place;
  }
  return best;
}

/** The y of all nodes, in the order of their rows: passes that draw each layer to its neighbours. */
function placeRows(net) {
  for (let pass = 0; pass < PLACE_PASSES; pass += 1) {
    const rightwards = pass % 2 === 0;
    const both = pass >= PLACE_PASSES - LAST_PASSES;
    for (const row of rightwards ? net.rows : [...net.rows].reverse()) {
      settleRow(net, row, both || rightwards, both || !rightwards);
    }
  }
}

/**
 * The places of one layer in its order without overlaps, with the least sum of squared distances from the wanted ones:
 * neighbours that would overlap are pooled into a block at their weighted mean (pool adjacent violators; O(n)).
 */
function settleRow(net, row, toLeft, toRight) {
  const offsets = [];
  const blocks = []; // [weighted sum, weight, nodes]
  let offset = 0;
  row.forEach((node, number) => {
    if (number) offset += net.height[row[number - 1]] + rowGap(net, row[number - 1], node);
    offsets.push(offset);
    const [place, weight] = placeAmongLines(net, node, toLeft, toRight);
    blocks.push([weight * (place - offset), weight, 1]);
    while (blocks.length > 1) {
      const last = blocks[blocks.length - 1];
      const before = blocks[blocks.length - 2];
      if (before[0] / before[1] <= last[0] / last[1]) break;
      before[0] += last[0];
      before[1] += last[1];
      before[2] += last[2];
      blocks.pop();
    }
  });
  let number = 0;
  for (const [sum, weight, count] of blocks) {
    for (let within = 0; within < count; within += 1, number += 1) net.y[row[number]] = sum / weight + offsets[number];
  }
}

/** The weighted mean of where a node's lines want it; they weigh more the longer the line is. */
function placeAmongLines(net, node, toLeft, toRight) {
  let sum = 0;
  let weight = 0;
  const isPoint = node >= net.cards;
  for (const lines of [toLeft ? net.left[node] : [], toRight ? net.right[node] : []]) {
    for (const [other, pairWeight, ownY, otherY] of lines) {
      const isOtherPoint = other >= net.cards;
      const factor = isPoint && isOtherPoint ? PASS_WEIGHT : isPoint || isOtherPoint ? HALF_PASS_WEIGHT : 1;
      sum += pairWeight * factor * (net.y[other] + otherY - ownY);
      weight += pairWeight * factor;
    }
  }
  return weight ? [sum / weight, weight] : [net.y[node], LOOSE];
}

/** A tenth of a pixel: enough for the eye, and the same text in each language. */
function tenth(value) {
  return Math.floor(value * 10 + 0.5) / 10;
}

/** A fresh layout begins at (0, 0). */
function layoutAnswer(cards, pairs, net, layers, keeps, step) {
  const tops = cards.map((_, card) => net.y[card]);
  const top = keeps || !tops.length ? 0 : Math.min(...tops);
  const left = keeps ? 0 : net.lowest;
  const places = new Map();
  cards.forEach((card, number) => {
    const layer = layers[number] - left;
    places.set(card.id, { x: layer * step, y: tenth(net.y[number] - top), layer });
  });
  const routes = new Map();
  pairs.forEach((pair, number) => {
    if (!net.passes[number].length) return;
    const points = net.passes[number].map((point) => ({
      x: (net.layer[point] + net.lowest - left) * step,
      y: tenth(net.y[point] + PASS_HEIGHT / 2 - top),
    }));
    routes.set(pairKey(cards[pair.source].id, cards[pair.target].id), points);
  });
  return { places, routes };
}
