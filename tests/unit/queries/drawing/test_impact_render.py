"""An impact answer drawn, folded, and safe: other people's text stays text wherever it is shown."""

from __future__ import annotations

import csv
import io
import re
from html.parser import HTMLParser
from itertools import pairwise

import pytest
from rich.console import Console

from headwater.queries.answers.answer import Edge
from headwater.queries.answers.impact import AffectedNode, Impact, UngradedJob, totals
from headwater.queries.drawing import escape
from headwater.queries.drawing.impact import FORMATS, as_csv, console, markdown, plain, text
from headwater.queries.drawing.impact_html import page
from headwater.queries.drawing.impact_rows import Fold, lines, moment, path

ROOT = "s3://lake/raw/customers#email"
HOSTILE = '=cmd()|\'`<script>alert(1)</script>`\x1b[31m\u202e@team #1 "x"\n| a |'


def edge(source: str, target: str, **more: object) -> Edge:
    given = {"type": "DIRECT", "subtype": "IDENTITY", "job": "job:glue/a"} | more
    return Edge(source, target, **given)  # type: ignore[arg-type]


def impact(*affected: AffectedNode, edges: tuple[Edge, ...] = (), **more: object) -> Impact:
    return Impact(ROOT, "drop", None, None, affected, edges, totals=totals(affected), **more)  # type: ignore[arg-type]


def hub(count: int) -> Impact:
    names = [f"s3://lake/t{number:03}#email" for number in range(count)]
    found = [AffectedNode(name, "column", "breaks", 1, (number,)) for number, name in enumerate(names)]
    return impact(*found, edges=tuple(edge(ROOT, name) for name in names))


def test_a_hub_is_folded_and_says_how_to_see_all() -> None:
    shown = list(lines(hub(224)))
    assert len(shown) == 13
    assert shown[-1] == Fold("breaks", "column", 212, ROOT)
    assert "+212 more columns behind s3://lake/raw/customers#email" in plain(hub(224))
    assert "all of them: --all, or --json" in plain(hub(224))
    assert len(list(lines(hub(224), None))) == 224
    assert "more columns" not in plain(hub(12))
    assert "columns: +212 more behind `s3://lake/raw/customers#email`" in markdown(hub(224))
    assert text(hub(224), "html").count("<td>column</td>") == 224, "a page that is printed or mailed is whole"
    assert str(Fold("breaks", "job", 1, "x")) == "+1 more job behind x"


NASTY = impact(
    AffectedNode(f"s3://lake/{HOSTILE}#c", "column", "breaks", 1, (0,), "job:glue/a", 1_000, 3_600_000, HOSTILE),
    AffectedNode("job:=glue/a", "job", "stops", 1, (0,)),
    edges=(edge(ROOT, f"s3://lake/{HOSTILE}#c", expression=HOSTILE, masking=True),),
    unknown=(UngradedJob("job:x", HOSTILE, "s3://lake/y"),),
    complete=False,
    reason="limit",
)


def test_no_cell_is_a_formula() -> None:
    rows = list(csv.reader(io.StringIO(as_csv(NASTY))))
    assert len(rows) == 3
    assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for row in rows for cell in row)
    assert rows[2][2] == "'=glue/a"


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@x", "'@x"),
        ("  =1", "'  =1"),
        ("\t=1", "' =1"),
        ("'=1", "''=1"),
        ("a=1", "a=1"),
        ("", ""),
    ],
)
def test_cells(cell: str, expected: str) -> None:
    assert escape.csv_cell(cell) == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("a", "`a`"),
        ("a`b", "``a`b``"),
        ("`a", "`` `a ``"),
        ("a|b", "`a\\|b`"),
        ("@team #1 <b>", "`@team #1 <b>`"),
        ("a\nb", "`a b`"),
        (" ", ""),
    ],
)
def test_code_spans(given: str, expected: str) -> None:
    assert escape.markdown(given) == expected


def test_markdown_keeps_its_rows() -> None:
    told = [line for line in markdown(NASTY).splitlines() if line.startswith("| ")]
    assert all(len(re.findall(r"(?<!\\)\|", line)) in (5, 6) for line in told)
    assert "\x1b" not in markdown(NASTY)


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.add(tag)
        self.links += [str(value) for name, value in attrs if name in ("src", "href", "onload", "onclick")]


def test_a_page_runs_nothing_and_fetches_nothing() -> None:
    shown = text(NASTY, "html")
    tags = Tags()
    tags.feed(shown)
    assert {"html", "table", "svg", "path"} <= tags.found
    assert not tags.found & {"script", "img", "link", "iframe", "object", "a", "b"}
    assert tags.links == []
    assert not re.search(r"url\(|@import|\x1b", shown)
    assert "not complete: limit reached" in shown
    assert "<svg" not in text(impact(), "html")


def test_a_page_says_when_whom_and_whose() -> None:
    told = page(NASTY, [f"asked at 2026-03-01 08:00Z of {HOSTILE}"])
    assert '<p class="note">asked at 2026-03-01 08:00Z of ' in told
    assert "<th>owner</th>" in told
    assert "@media print" in told
    assert "<script" not in told


def test_a_terminal_gets_no_control_character() -> None:
    out = io.StringIO()
    Console(file=out, width=120, color_system=None).print(console(NASTY))
    assert not re.search("[\x1b\u202e]", out.getvalue())
    assert "not graded, columns unknown: x reads" in out.getvalue()
    assert out.getvalue().rstrip().endswith("not complete: limit reached, so there may be more")


def test_a_long_path_is_shown_without_its_middle() -> None:
    nodes = [f"s3://lake/t{number}#c" for number in range(11)]
    told = path([edge(a, b, expression="x") for a, b in pairwise(nodes)])
    assert told == ("t0#c → t1#c [x] → t2#c [x] → t3#c [x] → (4 more) → t8#c [x] → t9#c [x] → t10#c [x]")
    indirect = edge("s3://lake/a#c", "s3://lake/b", type="INDIRECT", subtype="FILTER", expression="c > 0")
    assert path([indirect]) == "a#c → b [filter: c > 0]"
    assert path([edge("a#x", "b#y", masking=True)]) == "a#x → b#y [identity, masked]"
    assert path([]) == ""


@pytest.mark.parametrize(("at", "shown"), [(None, ""), (0, "1970-01-01 00:00Z"), (10**18, "1000000000000000000")])
def test_times_in_text(at: int | None, shown: str) -> None:
    assert moment(at) == shown


def test_every_format_has_a_text_for_an_empty_answer() -> None:
    for name in FORMATS:
        assert text(impact(), name)
