"""The way from one node to another, typed and asked of a server, on the recorded pipeline."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from urllib.parse import quote

import pytest

import headwater as hw
from tests.acceptance.door import PIPELINE, Server, headwater, serving

AMOUNT = "file:///data/lake/raw/shop/orders.csv#amount"
RATE = "file:///data/lake/raw/fx/rates.csv#rate_to_eur"
SCORE = "file:///data/lake/pipe/out/churn_by_country#avg_score"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("paths") / "data") as running:
        assert headwater("load", "--server", running.url, *PIPELINE).returncode == 0
        assert running.get("/api/v1/stats?after=18")[0] == 200
        yield running


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ((AMOUNT, SCORE), 0, "1 path; 7 nodes and 6 edges between the two; complete"),
        ((SCORE, AMOUNT, "--all"), 0, "2 paths; 9 nodes and 9 edges between the two; complete"),
        ((SCORE, AMOUNT, "--all", "--limit", "1"), 0, "not complete: limit reached"),
        ((AMOUNT, RATE), 1, f"no path between {AMOUNT} and {RATE}, in either direction"),
        ((AMOUNT, "s3://lake/nowhere"), 2, ""),
        ((AMOUNT,), 2, ""),
        ((AMOUNT, SCORE, "--format", "mermaid"), 0, "flowchart LR"),
    ],
)
def test_exit_codes(server: Server, arguments: tuple[str, ...], code: int, said: str) -> None:
    shown = headwater("paths", *arguments, "--server", server.url)
    assert shown.returncode == code, shown.stdout + shown.stderr
    assert said in shown.stdout


def test_command_line_http_and_python_give_the_same(server: Server) -> None:
    typed = json.loads(headwater("paths", SCORE, AMOUNT, "--all", "--json", "--server", server.url).stdout)
    ends = f"from={quote(SCORE, safe='')}&to={quote(AMOUNT, safe='')}"
    status, asked = server.get(f"/api/v1/queries/paths?{ends}&ways=all")
    with hw.open(server=server.url) as graph:
        found = graph.paths(SCORE, AMOUNT, ways="all")
        assert (status, typed, found.to_dict()) == (200, asked, asked)
        assert found
        assert (found.direction, len(found.paths), found.complete, found.reason) == ("upstream", 2, True, None)
        assert not graph.paths(AMOUNT, RATE)
        assert str(found).startswith(AMOUNT)
        assert found.to_mermaid().startswith("flowchart LR")
        assert repr(found) == "<Paths: 2 paths; 9 nodes and 9 edges between the two; complete>"
        assert "<pre>file:" in found._repr_html_()
        assert {node.id for node in found.nodes} >= {AMOUNT, SCORE}
        assert len(found.edges) == 9


def test_each_step_is_a_row_of_csv(server: Server) -> None:
    said = headwater("paths", SCORE, AMOUNT, "--all", "--csv", "--server", server.url)
    assert (said.returncode, said.stderr) == (0, "")
    rows = list(csv.DictReader(io.StringIO(said.stdout)))
    assert {row["path"] for row in rows} == {"1", "2"}
    first = [row for row in rows if row["path"] == "1"]
    assert [row["step"] for row in first] == [str(step) for step in range(1, 7)]
    assert (first[0]["source"], first[-1]["target"], first[-1]["expression"]) == (AMOUNT, SCORE, "avg(churn_score)")
    cut = headwater("paths", SCORE, AMOUNT, "--all", "--limit", "1", "--format", "csv", "--server", server.url)
    assert {row["path"] for row in csv.DictReader(io.StringIO(cut.stdout))} == {"1"}
    assert "not complete: limit reached" in cut.stderr
    asked = headwater("query", "paths", f"from={AMOUNT}", f"to={SCORE}", "ways=all", "--csv", "--server", server.url)
    assert asked.stdout == said.stdout
    none = headwater("paths", AMOUNT, RATE, "--csv", "--server", server.url)
    assert (none.returncode, none.stdout.count("\n")) == (1, 1)


def test_the_query_by_its_name(server: Server) -> None:
    shown = headwater("query", "paths", f"from={AMOUNT}", f"to={SCORE}", "--server", server.url)
    assert shown.stdout.startswith(f"{AMOUNT}\n  → ")
