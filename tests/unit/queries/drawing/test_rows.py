"""Rows for people: within a terminal's width, with ids that queries take back; as CSV and as HTML."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping

import pytest
from rich.cells import cell_len

from headwater.queries.answers.answer import Table
from headwater.queries.drawing.rows import as_csv, as_html, plain
from tests.unit.queries.drawing.test_render import DIAMOND, HOSTILE

RUN = "run:5ebf4321-e110-5c72-85d5-84f12c7ee751:1795385012465:local-1795384968617"


def table(*rows: Mapping[str, object]) -> Table:
    return Table("runs", {}, tuple(rows[0]), rows)


def test_times_durations_and_truths_are_written_as_people_write_them() -> None:
    row = {"id": "r[bold]", "timestamp": 1_767_225_600_000, "durationNs": 1_500_000_000, "certain": False}
    late = {"id": "r2", "timestamp": 10**18, "durationNs": 210_000_000_000, "certain": None}
    assert plain(table(row, late), 100).splitlines() == [
        "id       time (UTC)            duration  certain",
        "────────────────────────────────────────────────",
        "r[bold]  2026-01-01 00:00:00Z  1.5 s     no",
        "r2       1000000000000000000   3.5 min",
    ]


def test_a_column_that_warns_of_nothing_is_left_out() -> None:
    first, second = {"name": "a", "ambiguous": False}, {"name": "b", "ambiguous": False}
    assert plain(table(first, second), 80).splitlines() == ["name", "────", "a", "b"]
    assert plain(table(first, second | {"ambiguous": True}), 80).splitlines()[0] == "name  ambiguous"
    resolved, not_resolved = {"name": "a", "resolved": True}, {"name": "b", "resolved": False}
    assert plain(table(resolved, resolved), 80).splitlines()[0] == "name"
    assert plain(table(resolved, not_resolved), 80).splitlines()[-1] == "b     no"


def test_what_names_begin_with_is_said_once_and_ids_are_short() -> None:
    first = {"dataset": "s3://lake/mart/orders", "run": RUN, "job": "job:glue/orders", "error": None}
    second = {"dataset": "s3://lake/raw/items#price", "run": None, "job": "job:glue/orders", "error": None}
    assert plain(table(first, second), 80).splitlines() == [
        "names begin with s3://lake/",
        "dataset          run       job",
        "──────────────────────────────────────",
        "mart/orders      5ebf4321  glue/orders",
        "raw/items#price            glue/orders",
    ]


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["s3://lake/a"], None),
        (["s3://lake/a", "s3://lake/a"], None),
        (["s3://lake/a", "s3://other/a"], None),
        (["s3://lake/a", "file:///lake/a"], None),
        (["file:/lake/a", "file:///lake/a"], None),
        (["file:///lake/a", "file:///other/a"], None),
        (["s3://lake/abc", "s3://lake/abd"], "s3://lake/"),
        (["s3://lake/a", "s3://lake/a#b"], "s3://lake/"),
    ],
)
def test_only_what_tells_something_is_taken_off_the_names(names: list[str], said: str | None) -> None:
    lines = plain(table(*({"dataset": name} for name in names)), 80).splitlines()
    assert lines[0] == (f"names begin with {said}" if said else "dataset")
    assert [(said or "") + line for line in lines[-len(names) :]] == names


@pytest.mark.parametrize(
    ("ids", "shown"),
    [
        (["plan:abcdefgh1", "plan:abcdefgh2"], ["abcdefgh1", "abcdefgh2"]),
        (["plan:abc", "run:abc"], ["abc", "abc"]),
        # digits alone would be read as a time, where a time or a run may be named
        (["run:12345678-e110-5c72"], ["12345678-e110"]),
        # what all ids of OpenLineage begin with tells nothing
        (["run:openlineage:3a5f7bc1-77:9:-", "run:openlineage:3b5f7bc1-77:9:-"], ["3a5f7bc1", "3b5f7bc1"]),
        (["run:openlineage:3a5f7bc1-77:9:-"], ["3a5f7bc1"]),
    ],
)
def test_short_ids_tell_what_they_stand_for_apart(ids: list[str], shown: list[str]) -> None:
    assert plain(table(*({"run": each} for each in ids)), 80).splitlines()[2:] == shown


@pytest.mark.parametrize("width", [60, 80, 100, 120])
def test_what_does_not_fit_stands_below_its_line(width: int) -> None:
    expression = f"sum({'f(' * 400}x{')' * 400}, " + ", ".join(f"column_{n}" for n in range(90)) + ")"
    row = {"id": "s3://lake/orders#revenue", "change": "added", "after": expression, "job": "job:glue/orders"}
    shown = plain(table(row, {**row, "after": "b", "id": "s3://lake/orders#\u4e2d\u6587"}), width).splitlines()
    assert max(map(cell_len, shown)) <= width
    below = [line for line in shown if line.startswith("    ")]
    assert below[0].startswith("    after: sum(f(f(")
    assert len(below) <= 8
    assert any("…" in line for line in below)


def test_hostile_text_stays_text() -> None:
    row = {"id": HOSTILE, "expression": HOSTILE * 9, "reads": [HOSTILE], "timestamp": 1}
    for shown in (plain(table(row), 80), as_html(table(row)), as_csv(table(row))):
        assert not re.search("[\x00-\x09\x0b-\x0c\x0e-\x1f\x7f-\x9f\u202e]", shown)
    assert "<b>" not in as_html(table(row))


def test_csv_has_whole_ids_and_times_and_no_formulas() -> None:
    row = {"run": RUN, "timestamp": 1_767_225_600_123, "certain": True, "count": -3, "reads": ["=a", "b"], "user": None}
    head, cells = csv.reader(io.StringIO(as_csv(table(row))))
    assert head == list(row)
    assert cells == [RUN, "2026-01-01T00:00:00.123Z", "true", "-3", "'=a; b", ""]


def test_a_notebooks_table_is_left_aligned_and_shows_no_none() -> None:
    html = as_html(table({"run": RUN, "error": None, "user": None}, {"run": None, "error": None, "user": "ann"}))
    assert "None" not in html
    assert "<th style='text-align:left'>user</th>" in html
    assert f"title='{RUN}'>5ebf4321</td>" in html
    assert "error" not in html


def test_edges_are_rows_the_nearest_to_the_root_first() -> None:
    note, head, _, *lines = plain(DIAMOND, 120).splitlines()
    assert (note, head.split()) == (
        "names begin with s3://lake/",
        ["target", "source", "type", "subtype", "expression", "job", "notes"],
    )
    assert [line.split()[0] for line in lines] == ["t#a", "t#a", "t#b", "t#c"]


def test_no_rows_are_a_heading() -> None:
    assert plain(Table("jobs", {}, ("id", "name"), ()), 80).splitlines()[0] == "id  name"
