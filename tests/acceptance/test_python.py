"""What one writes in a notebook: `import headwater as hw`, on a data folder and through a server."""

from __future__ import annotations

import json
import pydoc
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

import headwater as hw
from tests.acceptance.door import PAYLOADS, PIPELINE, environment, headwater_in, serving

LAST = "file:///data/lake/pipe/out/churn_by_country#avg_score"
RAW = "file:///data/lake/raw/shop/orders.csv#amount"


@pytest.fixture(scope="module", params=["folder", "server"])
def graph(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[hw.Graph]:
    folder = tmp_path_factory.mktemp("python") / "data"
    if request.param == "folder":
        with hw.open(folder) as opened:
            opened.load(*PIPELINE)
            yield opened
        return
    with serving(folder) as server, hw.open(server=server.url) as opened:
        opened.load(*PIPELINE)
        yield opened


def test_upstream_and_downstream_meet(graph: hw.Graph) -> None:
    up, down = graph.upstream(LAST), graph.downstream(RAW)
    assert RAW in {node.id for node in up.nodes}
    assert LAST in {node.id for node in down.nodes}
    assert repr(up) == f"<Lineage upstream of {LAST}: 20 nodes, 20 edges, complete>"
    assert repr(graph.upstream(LAST, depth=1)).endswith("2 nodes, 1 edges, not complete: depth>")
    both = graph.lineage("/data/lake/pipe/mart/customer_orders", level="dataset")
    assert {node.direction for node in both.nodes} == {"upstream", "downstream", "both"}


def test_parameters_are_named_as_python_names_them(graph: hw.Graph) -> None:
    assert graph.upstream(LAST, as_of="ever", type="all", limit=7).to_dict()["asOf"] == "ever"
    assert len(graph.upstream(LAST, limit=7).nodes) == 7


def test_the_past_is_a_text_a_datetime_or_a_run(graph: hw.Graph) -> None:
    training = "/data/lake/pipe/ml/training_set.parquet"
    written = datetime(2026, 11, 22, 22, 2, 39, 868_000, tzinfo=timezone.utc)
    for time in (written, "2026-11-22T22:02:39.868Z", round(written.timestamp() * 1_000)):
        then = graph.upstream(training, as_of=time)
        assert (len(then.nodes), then.to_dict()["asOf"]) == (8, "2026-11-22T22:02:39.868Z")
    assert len(graph.upstream(training, as_of=written - timedelta(milliseconds=1)).nodes) == 1
    assert len(graph.upstream(training, as_of="local-1795384925246").nodes) == 8


def test_what_a_run_read_and_what_changed(graph: hw.Graph) -> None:
    training = "/data/lake/pipe/ml/training_set.parquet"
    assert [row["distance"] for row in graph.inputs(training)] == [1, 1]
    assert [row["run"] is None for row in graph.inputs(training, depth=99)][-1]
    changed = graph.changes(LAST, upstream=True, from_="2026-11-22T22:02Z")
    assert changed[len(changed) - 1]["id"] == LAST
    assert {row["change"] for row in graph.diff(training, from_="2026-11-22")} == {"added"}


def test_a_lineage_becomes_what_other_tools_take(graph: hw.Graph) -> None:
    found = graph.upstream(LAST)
    frame, network = found.to_pandas(), found.to_networkx()
    assert len(frame) == network.number_of_edges() == len(found.edges)
    assert {"source", "target", "expression", "job"} <= set(frame.columns)
    assert set(network.nodes) == {node.id for node in found.nodes}
    assert found.to_mermaid().startswith("flowchart LR\n")
    assert found.to_dot().startswith("digraph lineage {\n")
    printed = str(found).splitlines()
    assert (printed[0], printed[-1]) == (LAST, "20 columns, 8 datasets, 6 jobs; complete")
    assert str(graph.upstream(LAST, depth=1)).endswith("; not complete: depth reached")
    assert "; not complete: " in str(graph.upstream(LAST, limit=3)).splitlines()[-1]
    assert not [line for line in printed[1:-1] if "spark/pipeline." not in line]  # the job is last: no line is cut
    assert json.loads(json.dumps(found.to_dict()))["root"] == LAST


def test_rows_are_a_sequence(graph: hw.Graph) -> None:
    rows = graph.datasets(limit=5)
    assert (len(rows), rows.columns[0], rows.next is None) == (5, "id", False)
    assert [row["id"] for row in graph.datasets(limit=5, next=rows.next)] > [rows[-1]["id"]]
    assert len(rows.to_pandas()) == 5
    assert [row["id"] for row in graph.search("avg_sc")] == [LAST]
    runs = graph.query("runs", job="spark/pipeline.features")
    assert repr(runs) == "<Rows of runs: 1 row>"


def test_rows_print_as_rows_and_their_times_are_datetimes(graph: hw.Graph) -> None:
    rows = graph.query("runs", job="spark/pipeline.features")
    assert isinstance(rows, hw.Rows)
    assert str(rows).splitlines()[0].split()[:2] == ["id", "time"]
    assert "2026-11-22 22:01:54Z" in str(rows)
    ended = datetime(2026, 11, 22, 22, 1, 54, 908_000, tzinfo=timezone.utc)
    assert rows[0]["timestamp"] == ended == next(iter(rows))["timestamp"]
    assert rows.to_dict()["rows"][0]["timestamp"] == round(ended.timestamp() * 1_000)
    assert str(rows.to_pandas()["timestamp"].dtype) == "datetime64[ms, UTC]"
    assert str(graph.impact(RAW).to_pandas()["lastRun"].dtype) == "datetime64[ms, UTC]"
    assert "None" not in rows._repr_html_()


def test_frames_have_the_parts_of_ids_to_group_by(graph: hw.Graph) -> None:
    edges = graph.upstream(LAST).to_pandas()
    assert set(edges[edges["target"] == LAST]["targetColumn"]) == {"avg_score"}
    assert set(edges["sourceDataset"] + "#" + edges["sourceColumn"]) == set(edges["source"])
    affected = graph.impact(RAW).to_pandas()
    assert affected.groupby("label")["column"].count().to_dict()["job"] == 0
    columns = affected[affected["label"] == "column"]
    assert set(columns["dataset"] + "#" + columns["column"]) == set(columns["id"])
    assert {"sourceDataset", "targetColumn"} <= set(graph.upstream(LAST, depth=0).to_pandas().columns)


def test_jobs_runs_columns_and_the_estate_have_methods(graph: hw.Graph) -> None:
    assert len(graph.jobs()) == 7
    assert len(graph.runs()) == 9
    assert [row["job"] for row in graph.runs("pipeline.features")] == ["job:spark/pipeline.features"]
    assert (len(graph.runs(failed=True)), len(graph.runs(since=timedelta(hours=1)))) == (0, 0)
    assert len(graph.runs(since=datetime(2026, 11, 1, tzinfo=timezone.utc))) == 9
    assert "avg_score" in [row["name"] for row in graph.columns("churn_by_country")]
    assert {row["source"] for row in graph.explain(LAST)} >= {row.source for row in graph.upstream(LAST, depth=1).edges}
    estate = graph.estate()
    assert {"unread-datasets", "stopped-jobs", "coverage"} <= set(estate)
    assert len(estate["unread-datasets"]) > 0


def test_an_impact_is_tables_in_a_notebook(graph: hw.Graph) -> None:
    shown = graph.impact(RAW)._repr_html_()
    assert "<svg" in shown
    assert shown.count("<table>") > 1
    assert "<pre>" not in shown
    assert "text-align:left" in shown


def test_a_graph_says_what_is_in_it(graph: hw.Graph) -> None:
    assert repr(graph) == "<Graph: 11 datasets, 61 columns, 7 jobs, 9 runs>"


WITHOUT_EXTRAS = """
import sys
for name in ("pandas", "networkx", "cronsim", "boto3"):
    sys.modules[name] = None  # as if it were not installed
import headwater as hw
from headwater.cli import run
with hw.example() as graph:
    found = graph.upstream("/data/lake/pipe/out/churn_by_country#avg_score")
    asked = (found.to_pandas, found.to_networkx, graph.datasets().to_pandas, graph.impact(found.root).to_pandas)
    for ask in asked:
        try:
            ask()
        except (hw.WrongUse, ImportError) as error:
            print(error)
for arguments in (["watch", "check", sys.argv[1]], ["watch", "serve", sys.argv[1]], ["glue", "status"]):
    print(run(arguments))
"""


def test_a_missing_package_is_named_with_the_extra_that_brings_it(tmp_path: Path) -> None:
    tell = "{name: a, nodes: [x], question: upstream, tell: [stdout], schedule: '0 6 * * *'}"
    (tmp_path / "watches.yaml").write_text(f"watches: [{tell}]")
    command = [sys.executable, "-c", WITHOUT_EXTRAS, str(tmp_path / "watches.yaml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment(), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    frames = "which is not installed: pip install 'headwater[frames]', or in a clone pip install '.[frames]'"
    needed = ["to_pandas() needs pandas", "to_networkx() needs networkx", *["to_pandas() needs pandas"] * 2]
    assert done.stdout.splitlines() == [*(f"{what}, {frames}" for what in needed), "2", "2", "2"]
    assert done.stderr.count("pip install 'headwater[watch]'") == 2
    assert done.stderr.count("pip install 'headwater[aws]'") == 1


def test_what_there_is_is_counted(graph: hw.Graph) -> None:
    stats = graph.stats()
    assert (stats["entries"], stats["lag"], stats["vertices"]["job"]) == (18, 0, 7)


def test_loading_again_changes_nothing(graph: hw.Graph) -> None:
    before = graph.stats() | {"bytes": 0}  # on the disk: the ledger counts how often a plan came again
    loaded = graph.load(PIPELINE[0], Path(PIPELINE[1]) / "002-plan.json")
    assert (loaded.plans, loaded.events, loaded.known, loaded.refused) == (0, 0, 3, [])
    assert graph.stats() | {"bytes": 0} == before


#: what is asked -> what the error says
MISTAKES: dict[str, tuple[Callable[[hw.Graph], object], str]] = {
    "an unknown node": (lambda graph: graph.upstream("/data/lake/pipe/out/churn_by_countr"), "churn_by_countr"),
    "a negative depth": (lambda graph: graph.upstream(LAST, depth=-1), "depth"),
    "an unknown query": (lambda graph: graph.query("upstrem"), "upstrem"),
    "an unknown parameter": (lambda graph: graph.query("runs", jop="x"), "jop"),
    "a place that is not there": (lambda graph: graph.load("nowhere.json"), "there is no nowhere.json"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes_are_exceptions_with_one_sentence(name: str, graph: hw.Graph) -> None:
    ask, sentence = MISTAKES[name]
    with pytest.raises(hw.WrongUse, match=re.escape(sentence)):
        ask(graph)


def test_near_names_are_suggested(graph: hw.Graph) -> None:
    with pytest.raises(hw.WrongUse) as refused:
        graph.upstream("/data/lake/pipe/out/churn_by_countr")
    assert "file:///data/lake/pipe/out/churn_by_country" in refused.value.suggestions
    assert "\ndid you mean: file:///data/lake/pipe/out/churn_by_country" in str(refused.value)


def test_a_closed_graph_lets_go_of_its_folder_and_an_open_one_does_not(tmp_path: Path) -> None:
    with hw.open(tmp_path / "data"), pytest.raises(hw.Unreachable, match="in use"):
        hw.open(tmp_path / "data")
    hw.open(tmp_path / "data").close()


def test_a_folder_whose_graph_cannot_be_opened_is_let_go_of(tmp_path: Path) -> None:
    with pytest.raises(hw.WrongUse, match="no store"):
        hw.open(tmp_path / "data", store="nonsense:x")
    hw.open(tmp_path / "data").close()


def test_the_environment_says_where_to_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADWATER_DATA", str(tmp_path / "data"))
    with hw.open() as graph:
        assert graph.stats()["entries"] == 0
    assert (tmp_path / "data" / "ledger.sqlite").exists()
    monkeypatch.setenv("HEADWATER_SERVER", "http://127.0.0.1:9")
    with hw.open() as graph, pytest.raises(hw.Unreachable, match="does not answer"):
        graph.stats()


def test_a_notebook_draws_what_other_people_wrote_without_running_it(tmp_path: Path) -> None:
    plan = json.loads((PAYLOADS / "a01_customers_clean" / "002-plan.json").read_bytes())
    event = json.loads((PAYLOADS / "a01_customers_clean" / "003-event.json").read_bytes())
    plan["operations"]["write"]["outputSource"] = "s3://lake/<script>alert(1)</script>"
    (tmp_path / "lines.ndjson").write_text(f"{json.dumps(plan)}\n{json.dumps(event)}\n")
    with hw.open(tmp_path / "data") as graph:
        assert graph.load(tmp_path / "lines.ndjson").refused == []
        drawn: list[hw.Lineage | hw.Rows] = [graph.upstream(plan["operations"]["write"]["outputSource"])]
        drawn.append(graph.datasets())
        for answer in drawn:
            html = answer._repr_html_()
            assert "&lt;script&gt;" in html
            assert "<script" not in html
            assert "http" not in html.replace("xmlns='http://www.w3.org/2000/svg'", "")


@pytest.mark.parametrize("name", ["5ebf4321", "local-1795384968617"])
def test_a_run_in_the_place_of_a_dataset_is_told_by_what_it_wrote(graph: hw.Graph, name: str) -> None:
    with pytest.raises(hw.WrongUse, match="it is a run, ask for a dataset that it wrote") as caught:
        graph.upstream(name)
    assert "file:///data/lake/pipe/ml/predictions.parquet" in caught.value.suggestions


def test_what_is_not_there_is_told_in_words_of_people(graph: hw.Graph) -> None:
    with pytest.raises(hw.WrongUse, match=r"^there is no run, version or dataset 'nope'$"):
        graph.consumers("nope")
    with pytest.raises(hw.WrongUse, match=r"^there is no dataset or column 'nope'$"):
        graph.upstream("nope")


def test_every_public_name_is_there_and_documented() -> None:
    for name in hw.__all__:
        assert name == "__version__" or getattr(hw, name).__doc__
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        hw.nothing  # noqa: B018 - asked for on purpose


def test_editors_and_help_show_every_name() -> None:
    shown = pydoc.render_doc(hw, renderer=pydoc.plaintext)  # type: ignore[attr-defined]  # not in typeshed
    names = set(hw.__all__) - {"__version__"}
    assert names <= set(dir(hw))
    assert [name for name in names if not re.search(rf"^    (class )?{name}\b", shown, re.MULTILINE)] == []
    assert "__getattr__" not in shown
    assert "__dir__" not in shown


@pytest.mark.parametrize("url", ["htp://127.0.0.1:9090", "s3://lake/data", "file:///data", "localhost:9090"])
def test_a_url_that_is_no_source_is_refused_and_no_folder_is_made(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(hw.WrongUse, match="is no data folder"):
        hw.open(url)
    named = headwater_in(tmp_path, "load", PAYLOADS / "l01_stage_customers", "--data", url)
    assert (named.returncode, "is no data folder" in named.stderr) == (2, True)
    assert list(tmp_path.iterdir()) == []
