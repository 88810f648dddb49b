"""The ways between two nodes as text: one hop a line, with what makes it."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from headwater.queries.answers.answer import Edge, Node
from headwater.queries.answers.paths import Paths
from headwater.queries.drawing.paths import FORMATS, console, picture, plain, summary, table

A, B, C = "s3://lake/a#x", "s3://lake/b", "s3://lake/b#y"


def node(id_: str, distance: int) -> Node:
    label = "column" if "#" in id_ else "dataset"
    return Node(id_, label, id_.rpartition("/")[2], id_.partition("#")[0], distance, "downstream")


FILTER = Edge(A, B, "INDIRECT", "FILTER", expression="x > 0", job="job:glue/one")
MASKED = Edge(A, C, "DIRECT", "TRANSFORMATION", masking=True, expression="sha2(x)\x1b[31m", job="job:glue/one")
FOUND = Paths(
    A, C, "all", None, "downstream", (node(A, 0), node(B, 1), node(C, 1)), (FILTER, MASKED), ((A, C), (A, B, C))
)


def test_a_row_for_each_step_of_each_path() -> None:
    rows = [(row["path"], row["step"], row["source"], row["target"], row["subtype"]) for row in table(FOUND).rows]
    assert rows == [(1, 1, A, C, "TRANSFORMATION"), (2, 1, A, B, "FILTER"), (2, 2, B, C, None)]
    assert {tuple(row) for row in table(FOUND).rows} == {table(FOUND).columns}


def test_a_hop_says_what_makes_it() -> None:
    assert plain(FOUND) == (
        "s3://lake/a#x\n"
        "  → s3://lake/b#y\n"
        "      sha2(x)\\x1b[31m, transformation, masked, glue/one\n"
        "\n"
        "s3://lake/a#x\n"
        "  → s3://lake/b\n"
        "      x > 0, filter (indirect), glue/one\n"
        "  → s3://lake/b#y\n"
        "      a column of it\n"
        "\n"
        "2 paths; 3 nodes and 2 edges between the two; complete\n"
    )
    out = io.StringIO()
    Console(file=out, color_system=None, width=200).print(console(FOUND))
    assert "\x1b" not in out.getvalue()


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (Paths(A, C, "direct", None), f"no path between {A} and {C}, in either direction"),
        (
            Paths(A, C, "direct", None, complete=False, reason="deadline"),
            f"no path between {A} and {C}, in either direction, as far as was looked: deadline reached",
        ),
        (
            Paths(A, A, "direct", None, "downstream", (node(A, 0),), (), ((A,),), complete=False, reason="limit"),
            "1 path; 1 node and 0 edges between the two; not complete: limit reached",
        ),
    ],
)
def test_how_much_there_is(found: Paths, said: str) -> None:
    assert summary(found) == said
    assert plain(found).strip().endswith(said)


def test_pictures_begin_where_the_data_comes_from() -> None:
    assert picture(FOUND).root == A
    assert picture(Paths(C, A, "all", None, "upstream")).root == A
    for draw in FORMATS.values():
        assert "sha2" in draw(picture(FOUND))
