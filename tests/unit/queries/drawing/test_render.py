"""What people look at: trees, tables, Mermaid, DOT, frames; and that other people's text stays text there."""

from __future__ import annotations

import re

import pytest

from headwater.queries.answers.answer import Answer, Edge, Node, Table
from headwater.queries.answers.frames import to_networkx, to_pandas
from headwater.queries.drawing import escape
from headwater.queries.drawing.outline import outline
from headwater.queries.drawing.render import FORMATS, dot, mermaid, text

HOSTILE = 'a"]; x -->|y|\\ \x1b[31m`<b>&#35;%%{init}%%\u202e\n\x9b2J'


def column(name: str, distance: int, dataset: str = "s3://lake/t", **fields: object) -> Node:
    return Node(f"{dataset}#{name}", "column", name, dataset, distance, "upstream", **fields)  # type: ignore[arg-type]


def edge(source: str, target: str, **fields: object) -> Edge:
    return Edge(f"s3://lake/t#{source}", f"s3://lake/t#{target}", "DIRECT", "IDENTITY", **fields)  # type: ignore[arg-type]


def answer(nodes: list[Node], edges: list[Edge], **fields: object) -> Answer:
    given = {"direction": "upstream", "depth": None, "type": "direct", "as_of": None} | fields
    return Answer(root=nodes[0].id, nodes=tuple(nodes), edges=tuple(edges), **given)  # type: ignore[arg-type]


DIAMOND = answer(
    [
        column("a", 0),
        column("b", 1),
        column("c", 1, resolved=False),
        column("d", 2, origin="constant", expression="'EUR'"),
    ],
    [
        edge("b", "a", expression="b + c", job="job:glue/nightly"),
        edge("c", "a", expression="b + c", masking=True, exact=False, certain=False),
        edge("d", "b"),
        edge("d", "c"),
    ],
)


def test_a_tree_reads_from_the_root_to_its_sources() -> None:
    assert text(DIAMOND) == (
        "s3://lake/t#a\n"
        "├── s3://lake/t#b  b + c  identity  glue/nightly\n"
        "│   └── s3://lake/t#d  identity  constant: 'EUR'\n"
        "└── s3://lake/t#c  b + c  identity  masked  not exact  not certain  some sources unresolved\n"
        "    └── s3://lake/t#d  identity  constant: 'EUR'\n"
    )


def test_a_node_seen_before_is_marked_and_not_opened_again() -> None:
    shared = answer(
        [column("a", 0), column("b", 1), column("c", 1), column("d", 2)],
        [edge("b", "a"), edge("c", "a"), edge("c", "b"), edge("d", "c"), edge("a", "d")],
    )
    assert text(shared) == (
        "s3://lake/t#a\n"
        "├── s3://lake/t#b  identity\n"
        "│   └── s3://lake/t#c  identity\n"
        "│       └── s3://lake/t#d  identity\n"
        "│           └── s3://lake/t#a  identity  (shown above)\n"
        "└── s3://lake/t#c  identity  (shown above)\n"
    )


def test_what_several_plans_derive_alike_is_one_line() -> None:
    alike = [edge("b", "a", plan="plan:1", certain=False), edge("b", "a", plan="plan:2"), edge("b", "a", plan="plan:3")]
    other = edge("b", "a", plan="plan:4", expression="upper(b)", certain=False)
    assert text(answer([column("a", 0), column("b", 1)], [*alike, other])) == (
        "s3://lake/t#a\n├── s3://lake/t#b  identity  in 3 plans\n└── s3://lake/t#b  upper(b)  identity  not certain\n"
    )


def test_a_wide_fan_is_folded() -> None:
    names = [f"c{number:02}" for number in range(30)]
    wide = answer([column("a", 0), *(column(name, 1) for name in names)], [edge(name, "a") for name in names])
    lines = text(wide, fan=3).splitlines()
    assert lines[1:] == [*(f"├── s3://lake/t#c0{number}  identity" for number in range(3)), "└── +27 more"]


def test_the_dataset_is_shown_beside_its_column() -> None:
    dataset = Node("s3://lake/t", "dataset", "t", "s3://lake/t", 0, "upstream")
    depends = Edge("s3://lake/s#k", "s3://lake/t", "INDIRECT", "FILTER", expression="k > 1")
    found = answer([column("a", 0), dataset, column("k", 1, "s3://lake/s")], [depends], type="all")
    assert text(found) == (
        "s3://lake/t#a\n└── s3://lake/t  the whole dataset\n    └── s3://lake/s#k  k > 1  filter (indirect)\n"
    )


def test_both_directions_have_a_branch_and_a_cut_is_named() -> None:
    found = answer(
        [column("b", 0), column("a", 1), column("c", 1)],
        [edge("a", "b"), edge("b", "c")],
        direction="both",
        complete=False,
        reason="limit",
    )
    assert text(found) == (
        "s3://lake/t#b\n"
        "├── upstream\n"
        "│   └── s3://lake/t#a  identity\n"
        "├── downstream\n"
        "│   └── s3://lake/t#c  identity\n"
        "└── not complete: limit\n"
    )


def test_a_chain_may_be_longer_than_pythons_stack() -> None:
    size = 3_000
    chain = answer(
        [column(f"c{number}", number) for number in range(size)],
        [edge(f"c{number + 1}", f"c{number}") for number in range(size - 1)],
    )
    branch, depth = outline(chain), 0
    while branch.children:
        branch, depth = branch.children[0], depth + 1
    assert depth == size - 1


def test_mermaid_boxes_the_columns_of_a_dataset() -> None:
    assert mermaid(DIAMOND) == (
        "flowchart LR\n"
        '  subgraph d0["s3://lake/t"]\n'
        '    n0["a"]\n'
        '    n1["b"]\n'
        '    n2["c"]\n'
        "    n3[\"d = 'EUR'\"]\n"
        "  end\n"
        '  n1 -->|"b + c"| n0\n'
        '  n2 -->|"b + c (masked)"| n0\n'
        '  n3 -->|"identity"| n1\n'
        '  n3 -->|"identity"| n2\n'
        "  style n0 stroke-width:3px\n"
    )


def test_datasets_alone_need_no_boxes() -> None:
    nodes = [Node(name, "dataset", name[-1], name, at, "upstream") for at, name in enumerate(("s3://a", "s3://b"))]
    found = answer(nodes, [Edge("s3://b", "s3://a", "DIRECT", columns=1, exact=False)])
    assert mermaid(found) == (
        'flowchart LR\n    n0(["a"])\n    n1(["b"])\n  n1 -->|"1 column"| n0\n  style n0 stroke-width:3px\n'
    )
    assert text(found) == "s3://a\n└── s3://b  direct  1 column  not exact\n"


def test_dot_draws_indirect_edges_dashed_and_counts_columns() -> None:
    nodes = [Node(name, "dataset", name, name, at, "upstream") for at, name in enumerate(("s3://a", "s3://b"))]
    found = answer(nodes, [Edge("s3://b", "s3://a", "INDIRECT", None, columns=3)])
    assert '  n1 -> n0 [label="3 columns", style=dashed];' in dot(found).splitlines()


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_hostile_names_and_expressions_stay_text(name: str) -> None:
    nodes = [column("a", 0), column(HOSTILE, 1, f"s3://{HOSTILE}", origin="constant", expression=HOSTILE)]
    found = answer(nodes, [Edge(nodes[1].id, nodes[0].id, "DIRECT", "IDENTITY", expression=HOSTILE, job=HOSTILE)])
    drawn = FORMATS[name](found)
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", drawn)
    if name == "mermaid":
        assert not re.search("%%|<b>|`|\\\\|&", drawn)
        labels = re.findall('"([^"]*)"', drawn)
        assert len(labels) * 2 == drawn.count('"')
        assert len(drawn.splitlines()) == len(["flowchart", *["subgraph", "node", "end"] * 2, "edge", "style"])
    if name == "dot":
        assert re.sub(r'"(?:[^"\\]|\\.)*"', "", drawn).count('"') == 0


def test_dots_own_escapes_are_kept_as_text() -> None:
    assert escape.dot('\\N "x"') == '\\\\N \\"x\\"'


@pytest.mark.parametrize(
    ("given", "shown"), [("abc", "abc"), ("abcdefghij", "ab…ij"), ("abcde", "abcde"), ("abcdef", "ab…ef")]
)
def test_a_long_expression_is_cut_in_the_middle(given: str, shown: str) -> None:
    assert escape.shorten(given, 5) == shown


def test_a_notebook_gets_frames_and_a_networkx_graph() -> None:
    assert list(to_pandas(DIAMOND)["expression"].dropna()) == ["b + c", "b + c"]
    assert list(to_pandas(answer([column("a", 0)], [])).columns) == list(to_pandas(DIAMOND).columns)
    assert list(to_pandas(Table("jobs", {}, ("id", "name"), ())).columns) == ["id", "name"]
    times = [{"lastRun": at} for at in (1_767_225_600_123, None, 10**17)]
    runs = to_pandas(Table("jobs", {}, ("lastRun",), tuple(times)))["lastRun"]
    assert (str(runs.dtype), str(runs[0]), runs.isna().tolist()) == (
        "datetime64[ms, UTC]",
        "2026-01-01 00:00:00.123000+00:00",
        [False, True, False],
    )
    assert str(to_pandas(Table("jobs", {}, ("lastRun",), ()))["lastRun"].dtype) == "datetime64[ms, UTC]"
    graph = to_networkx(DIAMOND)
    assert graph.number_of_edges() == len(DIAMOND.edges)
    assert graph.nodes["s3://lake/t#a"]["distance"] == 0
