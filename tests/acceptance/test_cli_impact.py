"""What breaks if it changes: typed, asked of a server, and in Python, on the recorded pipeline."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

import headwater as hw
from tests.acceptance.door import PIPELINE, Server, headwater, serving

AMOUNT = "file:///data/lake/raw/shop/orders.csv#amount"
LAST = "file:///data/lake/pipe/out/churn_by_country"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("impact") / "data") as running:
        loaded = headwater("load", "--server", running.url, *PIPELINE)
        assert loaded.returncode == 0, loaded.stderr
        assert running.get("/api/v1/stats?after=18")[0] == 200
        yield running


def test_totals_come_first_and_exit_code_1_says_that_something_breaks(server: Server) -> None:
    shown = headwater("impact", AMOUNT, "--server", server.url)
    assert (shown.returncode, shown.stderr) == (1, "")
    lines = shown.stdout.splitlines()
    assert lines[0] == f"drop of {AMOUNT}"
    assert [cell.strip() for cell in lines[4].split("│")] == ["breaks", "11", "6", "6"]
    assert "orders.csv#amount → orders#amount_eur [amount * rate_to_eur]" in shown.stdout
    assert lines[-1] == "complete"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ((AMOUNT, "--change", "semantics"), 0),  # values change, nothing breaks
        ((AMOUNT, "--change", "retype"), 1),
        ((f"{LAST}#avg_score",), 0),  # nothing is made of it
        ((AMOUNT.partition("#")[0],), 1),  # a whole dataset
        (("file:///data/lake/raw/shop/orders.csv#amont",), 2),
        ((AMOUNT, "--change", "destroy"), 2),
        ((AMOUNT, "--depth", "-1"), 2),
        ((), 2),
    ],
)
def test_exit_codes(server: Server, arguments: tuple[str, ...], code: int) -> None:
    shown = headwater("impact", *arguments, "--server", server.url)
    assert shown.returncode == code, shown.stdout + shown.stderr
    assert (shown.stdout == "") == (code == 2)


def test_whom_to_tell_and_what_of_theirs(server: Server) -> None:
    for node, owner in ((LAST, "BI team"), ("/data/lake/pipe/ml/features.parquet", "science")):
        assert headwater("own", node, owner, "--server", server.url).returncode == 0
    try:
        shown = headwater("impact", AMOUNT, "--owners", "--server", server.url)
        assert (shown.returncode, shown.stderr) == (1, "")
        lines = shown.stdout.splitlines()
        graded = {grade: [line.split("  ")[0] for line in lines if grade in line] for grade in ("breaks", "may-change")}
        assert graded == {"breaks": ["(nobody is named)", "science", "BI team"], "may-change": ["BI team"]}
        rows = csv.DictReader(
            io.StringIO(headwater("impact", AMOUNT, "--owners", "--format", "csv", "--server", server.url).stdout)
        )
        found = {row["owner"]: row for row in rows if row["grade"] == "breaks"}
        assert found["science"]["columns"] == "3"  # the columns of what is theirs
        assert found["BI team"]["names"].split("; ")[0].startswith(LAST)
        jobs = headwater("impact", AMOUNT, "--only", "jobs", "--json", "--server", server.url)
        listed = json.loads(jobs.stdout)
        assert (jobs.returncode, {item["label"] for item in listed["affected"]}) == (1, {"job"})
        assert listed["totals"]["breaks"]["column"] == 11  # of all, whatever is listed
        assert headwater("impact", AMOUNT, "--owners", "--format", "html", "--server", server.url).returncode == 2
    finally:
        for node, owner in ((LAST, "BI team"), ("/data/lake/pipe/ml/features.parquet", "science")):
            headwater("own", node, owner, "--withdraw", "--server", server.url)


def test_command_line_http_and_python_give_the_same(server: Server) -> None:
    typed = json.loads(headwater("impact", AMOUNT, "--json", "--server", server.url).stdout)
    status, asked = server.get(f"/api/v1/queries/impact?node={quote(AMOUNT, safe='')}")
    with hw.open(server=server.url) as graph:
        found = graph.impact(AMOUNT)
        assert (status, typed, found.to_dict()) == (200, asked, asked)
        assert repr(found) == f"<Impact of drop of {AMOUNT}: 23 breaks, 1 may-change-rows, complete>"
        assert found.to_markdown().startswith("### Impact: drop of")
        assert list(found.to_pandas()["grade"])[-1] == "may-change-rows"
        assert "breaks" in found._repr_html_()
        assert found.affected[-1].grade == "may-change-rows"
        assert found.path(found.affected[-1])[0].source == AMOUNT
    assert list(asked)[:6] == ["shape", "root", "change", "depth", "asOf", "totals"]


def test_an_unknown_node_is_404_with_near_names(server: Server) -> None:
    status, said = server.get(f"/api/v1/queries/impact?node={quote(AMOUNT[:-1], safe='')}")
    assert (status, said["field"], said["suggestions"][0]) == (404, "node", AMOUNT)
    status, said = server.get(f"/api/v1/queries/impact?node={quote(AMOUNT, safe='')}&change=drp")
    assert (status, said["field"], said["suggestions"]) == (400, "change", ["drop"])


def test_csv_has_a_row_for_each(server: Server) -> None:
    shown = headwater("impact", AMOUNT, "--format", "csv", "--server", server.url)
    rows = list(csv.DictReader(io.StringIO(shown.stdout)))
    assert len(rows) == 24
    assert {row["what"] for row in rows} == {"column", "dataset", "job"}


def test_markdown_shows_jobs_and_datasets_and_folds_the_columns(server: Server) -> None:
    shown = headwater("impact", AMOUNT, "--format", "markdown", "--server", server.url).stdout
    open_, _, folded = shown.partition("<details>")
    assert "| job | `spark/pipeline.stage_orders` | 1 |" in open_
    assert "| column |" not in open_
    assert "| column | `file:///data/lake/pipe/staging/orders#amount_eur` | 1 |" in folded


def test_the_query_by_its_name(server: Server, tmp_path: Path) -> None:
    shown = headwater("query", "impact", f"node={AMOUNT}", "change=rename", "depth=1", "--server", server.url)
    assert shown.returncode == 0
    assert shown.stdout.startswith(f"rename of {AMOUNT}\n")
    assert shown.stdout.endswith("not complete: depth reached, so there may be more\n")
