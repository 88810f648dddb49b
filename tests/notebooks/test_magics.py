"""The cells for AWS graph-notebook, against a server on this machine: each draws what its words say."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.door import PATIENCE, PIPELINE, environment, headwater, serving
from tests.notebooks.execution import NOTEBOOKS

#: Made by `make test` beside the environment of the tests; its pins and ours do not agree.
PYTHON = Path(f"{sys.prefix}-graph-notebook") / "bin" / "python"
LAST = "file:///data/lake/pipe/out/churn_by_country"

pytestmark = pytest.mark.skipif(not PYTHON.exists(), reason=f"graph-notebook is not installed: there is no {PYTHON}")


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the cells of each notebook drew."""
    place = tmp_path_factory.mktemp("magics")
    assert headwater("load", "--data", place / "data", *PIPELINE).returncode == 0
    with serving(place / "data") as server:
        host, _, port = server.url.removeprefix("http://").partition(":")
        gremlin = {"traversal_source": "g", "username": "", "password": "", "message_serializer": "graphsonv3"}
        config = place / "config.json"
        config.write_text(json.dumps({"host": host, "port": int(port), "ssl": False, "gremlin": gremlin}))
        variables = {"GRAPH_NOTEBOOK_CONFIG": str(config), "AWS_EC2_METADATA_DISABLED": "true", "HOME": str(place)}
        command = [str(PYTHON), str(Path(__file__).with_name("magics.py")), *map(str, NOTEBOOKS)]
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=2 * PATIENCE, env=environment(**variables)
        )
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def of(drawn: dict[str, Any], number: int) -> Any:
    """The picture of that number; the notebooks draw four, all in the last one."""
    pictures = [picture for name in sorted(drawn) for picture in drawn[name]]
    assert len(pictures) == 4
    return pictures[number - 1]


def test_the_first_look_draws_all_datasets_behind_the_last(drawn: dict[str, Any]) -> None:
    picture = of(drawn, 1)
    assert (len(picture["nodes"]), LAST in picture["nodes"]) == (10, True)
    assert {label[:7] for _, _, label in picture["edges"]} == {"derives"}  # labels are drawn shortened


def test_a_column_is_drawn_up_to_the_raw_files(drawn: dict[str, Any]) -> None:
    picture = of(drawn, 2)
    assert f"{LAST}#avg_score" in picture["nodes"]
    assert "file:///data/lake/raw/shop/orders.csv#amount" in picture["nodes"]
    assert len(picture["nodes"]) == 20


def test_an_impact_is_drawn_down_to_the_last_report(drawn: dict[str, Any]) -> None:
    assert f"{LAST}#avg_score" in of(drawn, 3)["nodes"]


def test_a_run_is_drawn_with_the_versions_behind_it(drawn: dict[str, Any]) -> None:
    picture = of(drawn, 4)
    assert {label for _, _, label in picture["edges"]} == {"used", "generated"}
