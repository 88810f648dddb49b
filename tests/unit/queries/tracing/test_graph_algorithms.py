"""Ways from one node to another: against networkx, and where there are more than anyone could list."""

from __future__ import annotations

from itertools import islice

import networkx as nx
from hypothesis import given
from hypothesis import strategies as st

from headwater.queries.tracing.graph_algorithms import between, cycles_in, distances, reversed_links, simple_paths

_PAIRS = st.sets(st.tuples(st.sampled_from("abcdefg"), st.sampled_from("abcdefg")), max_size=18)
Pairs = set[tuple[str, str]]


def links(pairs: Pairs) -> dict[str, list[str]]:
    out: dict[str, list[str]] = {}
    for source, target in sorted(pairs):
        out.setdefault(source, []).append(target)
    return out


@given(_PAIRS)
def test_ways_are_all_simple_paths_the_shortest_first(pairs: Pairs) -> None:
    graph = nx.DiGraph(sorted(pairs))
    graph.add_nodes_from("ag")
    expected = sorted(nx.all_simple_paths(graph, "a", "g"), key=lambda path: (len(path), path))
    found = list(simple_paths(links(pairs), {"a"}, {"g"}, 10**6))
    assert found == [tuple(path) for path in expected]


@given(_PAIRS)
def test_between_is_what_comes_after_one_and_before_the_other(pairs: Pairs) -> None:
    graph = nx.DiGraph(sorted(pairs))
    graph.add_nodes_from("ag")
    after, before = nx.descendants(graph, "a") | {"a"}, nx.ancestors(graph, "g") | {"g"}
    assert between(links(pairs), {"a"}, {"g"}) == after & before


def test_two_to_the_power_of_forty_ways_are_not_walked() -> None:
    diamond = {f"{at}{x}": [f"{at + 1}a", f"{at + 1}b"] for at in range(40) for x in "ab"}
    assert len(between(diamond, {"0a"}, {"40a"})) == 80
    first = list(islice(simple_paths(diamond, {"0a"}, {"40a"}, 5_000), 100))
    assert len({path for path in first if path}) == 100
    assert {len(path) for path in first if path} == {41}


def test_a_budget_ends_the_search_and_says_so() -> None:
    whole = {x: [y for y in "abcdefghij" if y != x] for x in "abcdefghij"}
    found = list(simple_paths(whole, {"a"}, {"j"}, 200))
    assert found[0] == ("a", "j")
    assert found[-1] is None


def test_turned_and_distances() -> None:
    assert reversed_links({"a": ["b", "c"], "b": ["c"]}) == {"b": ["a"], "c": ["a", "b"]}
    assert distances({"a": ["b"], "b": ["c", "a"], "x": ["c"]}, {"a"}) == {"a": 0, "b": 1, "c": 2}


@given(_PAIRS)
def test_circles_are_the_strongly_connected_parts(pairs: Pairs) -> None:
    graph = nx.DiGraph(sorted(pairs))
    parts = [part for part in nx.strongly_connected_components(graph) if len(part) > 1 or graph.has_edge(*[*part] * 2)]
    assert sorted(map(sorted, cycles_in(links(pairs)))) == sorted(map(sorted, parts))


def test_a_circle_of_many_thousands_is_no_recursion() -> None:
    chain = {str(at): [str((at + 1) % 5_000)] for at in range(5_000)}
    assert [len(part) for part in cycles_in(chain)] == [5_000]
