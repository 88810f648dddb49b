"""Places for the boxes of a picture: data flows from left to right, with few crossings and no overlaps. Pure.

The method is Sugiyama's: layers, an order in each layer, then y places. `web/static/js/layout.js` is the same for the
page, step by step, and gives the same places to the last digit: change both, and the golden files in
tests/browser/layouts. The page's can also keep the places of before, which a picture that is drawn once has no use for.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

_PASS_HEIGHT = 10.0  #: of a long line where it passes a layer
_PASS_GAP = 12.0  #: between a passing line and a card or another line
_POINTS = 3_000  #: more take seconds: in tangles of circles the longest lines pass no points, and run straight
_SWEEPS = 16  #: over all layers, to undo crossings: more win another 1 % only
_FIRST_SWAPS = 6  #: neighbours are exchanged from this sweep on: earlier, the order is still far from its end
_PLACE_PASSES = 24
_LAST_PASSES = 4  #: look both ways; those before look at the layer to the left and to the right in turn
_HALF_PASS_WEIGHT = 2  #: of a line between a card and a passing point: long lines are kept straight
_PASS_WEIGHT = 8  #: of a line between two passing points
_LOOSE = 0.01  #: the weight of a card without neighbours on the side that is looked at: it gives way to all others


@dataclass(frozen=True)
class Card:
    """What takes room; `height` in pixels."""

    id: str
    height: float


@dataclass(frozen=True)
class Link:
    """A line from a row of one card to a row of another; the y are the rows' middles, from their cards' tops."""

    source: str
    target: str
    source_y: float
    target_y: float
    weight: float = 1


@dataclass(frozen=True)
class Layout:
    """The upper left corner of each card, in pixels, and where long lines pass the layers between their cards.

    `routes` has, for the (source, target) of a pair of cards that are not in neighbouring layers, the points from the
    source on; x is the left side of the layer's cards.
    """

    places: dict[str, tuple[float, float]]
    routes: dict[tuple[str, str], tuple[tuple[float, float], ...]]


def lay_out(cards: Sequence[Card], links: Sequence[Link], width: float, across: float, down: float) -> Layout:
    """Places for all cards, the first layer at x = 0 and the highest card at y = 0.

    `width` is each card's, `across` the room between layers, `down` the room between the cards of one. Links to unknown
    cards and from a card to itself have no influence.
    """
    pairs = _pairs(cards, links)
    turned, flow = _turned(len(cards), pairs)
    layers = _layers(len(cards), pairs, turned, flow)
    net = _net(cards, pairs, layers, down)
    _order_by_depth(net)
    _order_with_few_crossings(net)
    _place_rows(net)
    top = min(net.y[: net.cards], default=0.0)
    step = width + across
    places = {card.id: ((net.layer[number]) * step, _tenth(net.y[number] - top)) for number, card in enumerate(cards)}
    routes = {
        (cards[pair.source].id, cards[pair.target].id): tuple(
            (net.layer[point] * step, _tenth(net.y[point] + _PASS_HEIGHT / 2 - top)) for point in net.passes[number]
        )
        for number, pair in enumerate(pairs)
        if net.passes[number]
    }
    return Layout(places, routes)


@dataclass
class _Pair:
    """All links from one card to another, by the cards' numbers; the y are the links' weighted means."""

    source: int
    target: int
    weight: float = 0
    source_y: float = 0.0
    target_y: float = 0.0


def _pairs(cards: Sequence[Card], links: Sequence[Link]) -> list[_Pair]:
    index = {card.id: number for number, card in enumerate(cards)}
    found: dict[tuple[int, int], _Pair] = {}
    for link in links:
        source, target = index.get(link.source), index.get(link.target)
        if source is None or target is None or source == target:
            continue
        pair = found.setdefault((source, target), _Pair(source, target))
        pair.weight += link.weight
        pair.source_y += link.weight * link.source_y
        pair.target_y += link.weight * link.target_y
    for pair in found.values():
        pair.source_y /= pair.weight
        pair.target_y /= pair.weight
    return list(found.values())


def _turned(count: int, pairs: Sequence[_Pair]) -> tuple[list[bool], list[int]]:
    """Depth first from the cards that nothing flows into: pairs that close a circle, and the cards in order of flow."""
    after: list[list[int]] = [[] for _ in range(count)]
    fed = [False] * count
    for number, pair in enumerate(pairs):
        after[pair.source].append(number)
        fed[pair.target] = True
    turned = [False] * len(pairs)
    seen, on_the_way = [False] * count, [False] * count
    done: list[int] = []
    for start in [*(card for card in range(count) if not fed[card]), *(card for card in range(count) if fed[card])]:
        if seen[start]:
            continue
        seen[start] = on_the_way[start] = True
        stack = [(start, iter(after[start]))]
        while stack:
            card, rest = stack[-1]
            number = next(rest, -1)
            if number < 0:
                on_the_way[card] = False
                done.append(card)
                stack.pop()
                continue
            target = pairs[number].target
            if on_the_way[target]:
                turned[number] = True
            elif not seen[target]:
                seen[target] = on_the_way[target] = True
                stack.append((target, iter(after[target])))
    return turned, done[::-1]


def _layers(count: int, pairs: Sequence[_Pair], turned: Sequence[bool], flow: Sequence[int]) -> list[int]:
    """Each card one layer right of all that flows into it; what nothing flows into, beside its first reader."""
    after: list[list[int]] = [[] for _ in range(count)]
    fed = [False] * count
    for number, pair in enumerate(pairs):
        start, end = (pair.target, pair.source) if turned[number] else (pair.source, pair.target)
        after[start].append(end)
        fed[end] = True
    layers = [0] * count
    for card in flow:
        for following in after[card]:
            layers[following] = max(layers[following], layers[card] + 1)
    for card in flow:
        if not fed[card] and after[card]:
            layers[card] = min(layers[following] for following in after[card]) - 1
    return layers


@dataclass
class _Line:
    """From a node to `other` in the neighbouring layer; the y are from the nodes' tops."""

    other: int
    weight: float
    own_y: float
    other_y: float


@dataclass
class _Net:
    """Cards and the points where long lines pass a layer, as nodes: cards have their own numbers, points the next ones.

    `rows` are the layers from left to right; `passes` the points of each pair, from its source on.
    """

    cards: int
    down: float
    height: list[float]
    layer: list[int]
    left: list[list[_Line]]
    right: list[list[_Line]]
    y: list[float]
    passes: list[list[int]]
    rows: list[list[int]] = field(default_factory=list)

    def gap(self, above: int, below: int) -> float:
        """The least room between two neighbours of a layer."""
        return self.down if above < self.cards and below < self.cards else _PASS_GAP

    def join(self, start: int, end: int, weight: float, start_y: float, end_y: float) -> None:
        """Draw a line between two neighbouring layers."""
        self.right[start].append(_Line(end, weight, start_y, end_y))
        self.left[end].append(_Line(start, weight, end_y, start_y))


def _net(cards: Sequence[Card], pairs: Sequence[_Pair], layers: Sequence[int], down: float) -> _Net:
    lowest, count = min(layers, default=0), len(cards)
    net = _Net(
        count,
        down,
        height=[card.height for card in cards],
        layer=[layer - lowest for layer in layers],
        left=[[] for _ in cards],
        right=[[] for _ in cards],
        y=[0.0] * count,
        passes=[[] for _ in pairs],
        rows=[[] for _ in range(max(layers, default=0) - lowest + 1)],
    )
    spans = [abs(net.layer[pair.source] - net.layer[pair.target]) for pair in pairs]
    longest = _longest_span(spans)
    for number, pair in enumerate(pairs):
        if spans[number] > longest:
            continue
        forward = net.layer[pair.source] < net.layer[pair.target]
        ends = [(pair.source, pair.source_y), (pair.target, pair.target_y)]
        (start, last_y), (end, end_y) = ends if forward else ends[::-1]
        last = start
        for layer in range(net.layer[start] + 1, net.layer[end]):
            point = len(net.height)
            net.height.append(_PASS_HEIGHT)
            net.layer.append(layer)
            net.left.append([])
            net.right.append([])
            net.y.append(0.0)
            net.passes[number].append(point)
            net.join(last, point, pair.weight, last_y, _PASS_HEIGHT / 2)
            last, last_y = point, _PASS_HEIGHT / 2
        net.join(last, end, pair.weight, last_y, end_y)
        if not forward:
            net.passes[number].reverse()
    return net


def _longest_span(spans: Sequence[int]) -> int:
    """The longest lines, in layers, that have passing points."""
    points = longest = 0
    for span in sorted(spans):
        points += max(span - 1, 0)
        if points > _POINTS:
            return min(longest, span - 1)
        longest = span
    return longest


def _order_by_depth(net: _Net) -> None:
    """A first order: what hangs together, together."""
    seen = [False] * len(net.height)
    starts = [card for card in range(net.cards) if not net.left[card]]
    for start in [*starts, *range(net.cards)]:
        stack = [start]
        while stack:
            node = stack.pop()
            if seen[node]:
                continue
            seen[node] = True
            net.rows[net.layer[node]].append(node)
            stack.extend(line.other for line in reversed(net.right[node]) if not seen[line.other])
    for row in net.rows:
        _stack_row(net, row)


def _stack_row(net: _Net, row: Sequence[int]) -> None:
    """One below the other, the middle of the whole at y = 0."""
    below = 0.0
    for number, node in enumerate(row):
        if number:
            below += net.gap(row[number - 1], node)
        net.y[node] = below
        below += net.height[node]
    for node in row:
        net.y[node] -= below / 2


def _order_with_few_crossings(net: _Net) -> None:
    """Sweeps to the right and to the left: each node at the mean of its neighbours' rows; the best order stays."""
    fewest = _crossings(net)
    best = [list(row) for row in net.rows]
    for sweep in range(_SWEEPS):
        if not fewest:
            break
        rightwards = sweep % 2 == 0
        sides = net.left if rightwards else net.right
        for row in net.rows[1:] if rightwards else net.rows[-2::-1]:
            wanted = {node: _mean_place(net, sides[node], net.y[node]) for node in row}
            row.sort(key=wanted.__getitem__)
            _stack_row(net, row)
        if sweep >= _FIRST_SWAPS:
            for row in net.rows:
                _swap_neighbours(net, row)
        crossings = _crossings(net)
        if crossings < fewest:
            fewest, best = crossings, [list(row) for row in net.rows]
    net.rows = best
    for row in net.rows:
        _stack_row(net, row)


def _mean_place(net: _Net, lines: Sequence[_Line], otherwise: float) -> float:
    """Where the lines of a side want a node's top: their weighted mean."""
    total, weight = 0.0, 0.0
    for line in lines:
        total += line.weight * (net.y[line.other] + line.other_y - line.own_y)
        weight += line.weight
    return total / weight if weight else otherwise


def _swap_neighbours(net: _Net, row: list[int]) -> None:
    """Exchanges two neighbours where that undoes crossings."""
    for number in range(len(row) - 1):
        above, below = row[number], row[number + 1]
        gain = 0.0
        for side in (net.left, net.right):
            lowers = [(net.y[line.other] + line.other_y, line.weight) for line in side[below]]
            for upper in side[above]:
                end = net.y[upper.other] + upper.other_y
                for lower_end, lower_weight in lowers:
                    if end > lower_end:
                        gain += upper.weight * lower_weight
                    elif end < lower_end:
                        gain -= upper.weight * lower_weight
        if gain > 0:
            row[number], row[number + 1] = below, above
    _stack_row(net, row)


def _crossings(net: _Net) -> float:
    """Between neighbouring layers, each counted with the product of the two weights: a Fenwick tree a layer."""
    total = 0.0
    for row in net.rows:
        lines = sorted(
            (net.y[node] + line.own_y, net.y[line.other] + line.other_y, line.weight)
            for node in row
            for line in net.right[node]
        )
        rank = {end: number + 1 for number, end in enumerate(sorted({end for _, end, _ in lines}))}
        tree, whole = [0.0] * (len(rank) + 1), 0.0
        for _, end, weight in lines:
            at, at_or_above = rank[end], 0.0
            while at:
                at_or_above += tree[at]
                at -= at & -at
            total += weight * (whole - at_or_above)
            at = rank[end]
            while at < len(tree):
                tree[at] += weight
                at += at & -at
            whole += weight
    return total


def _place_rows(net: _Net) -> None:
    """The y of all nodes, in the order of their rows: passes that draw each layer to its neighbours."""
    for number in range(_PLACE_PASSES):
        rightwards = number % 2 == 0
        both = number >= _PLACE_PASSES - _LAST_PASSES
        for row in net.rows if rightwards else reversed(net.rows):
            _settle_row(net, row, to_left=both or rightwards, to_right=both or not rightwards)


def _settle_row(net: _Net, row: Sequence[int], *, to_left: bool, to_right: bool) -> None:
    """The places of one layer in its order without overlaps, with the least sum of squared distances from the wanted.

    Neighbours that would overlap are pooled into a block at their weighted mean (pool adjacent violators; O(n)).
    """
    offsets: list[float] = []
    blocks: list[list[float]] = []  # [weighted sum, weight, nodes]
    offset = 0.0
    for number, node in enumerate(row):
        if number:
            offset += net.height[row[number - 1]] + net.gap(row[number - 1], node)
        offsets.append(offset)
        place, weight = _wanted(net, node, to_left=to_left, to_right=to_right)
        blocks.append([weight * (place - offset), weight, 1])
        while len(blocks) > 1 and blocks[-2][0] / blocks[-2][1] > blocks[-1][0] / blocks[-1][1]:
            last = blocks.pop()
            blocks[-1] = [one + other for one, other in zip(blocks[-1], last, strict=True)]
    tops = [total / weight for total, weight, count in blocks for _ in range(int(count))]
    for node, top, offset in zip(row, tops, offsets, strict=True):
        net.y[node] = top + offset


def _wanted(net: _Net, node: int, *, to_left: bool, to_right: bool) -> tuple[float, float]:
    """The weighted mean of where a node's lines want it, and the weight; lines weigh more the longer they are."""
    total, weight = 0.0, 0.0
    is_point = node >= net.cards
    for lines in (net.left[node] if to_left else (), net.right[node] if to_right else ()):
        for line in lines:
            points = is_point + (line.other >= net.cards)
            factor = line.weight * (1, _HALF_PASS_WEIGHT, _PASS_WEIGHT)[points]
            total += factor * (net.y[line.other] + line.other_y - line.own_y)
            weight += factor
    return (total / weight, weight) if weight else (net.y[node], _LOOSE)


def _tenth(value: float) -> float:
    """A tenth of a pixel, rounded as JavaScript does."""
    return math.floor(value * 10 + 0.5) / 10
