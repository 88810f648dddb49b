"""What docs/sagemaker.md tells its readers to type, on the account of the story."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from headwater.cli import run
from tests.acceptance.documented import commands, programs
from tests.acceptance.door import serving
from tests.aws_json import running
from tests.sagemaker import story
from tests.sagemaker.account import account

PAGE = "sagemaker.md"


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The data folder, with the jobs of Spark, in an empty folder with what the page takes as given: an anchor."""
    folder = tmp_path / "data"
    story.load(folder, story.spark_jobs(tmp_path / "spark"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HEADWATER_DATA", str(folder))
    service = account()
    for name, value in service.environment().items():
        monkeypatch.setenv(name, value)
    with running(service):
        monkeypatch.setenv("AWS_ENDPOINT_URL_SAGEMAKER", service.url)
        yield folder


def test_the_commands_of_the_page_and_its_program(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    typed = commands(PAGE)
    assert [words[0] for words in typed] == ["sagemaker", "audit", "sagemaker", "evidence"]
    for words in typed:
        if words[0] == "evidence":  # its anchor covers what it rests on
            assert run(["verify", "--anchor", "anchor.json"]) == 0
        findings = words[0] == "audit"
        assert run(words) == findings, words
    assert (data.parent / "audit.zip").exists()
    capsys.readouterr()
    assert run(["query", "audit", "node=endpoint/churn-prod", "--csv"]) == 2  # it printed text
    assert "an audit is no table" in capsys.readouterr().err
    exec(compile(programs(PAGE)[0], PAGE, "exec"), {})
    assert "no run is known that wrote s3://uploads/holdout" in capsys.readouterr().out


def test_its_client_of_aws_is_answered(data: Path) -> None:
    assert run(["sagemaker", "import"]) == 0
    told: dict[str, dict[str, list[dict[str, str]]]] = {}
    with serving(data) as server:
        exec(compile(programs(PAGE)[1].replace("http://127.0.0.1:9090", server.url), PAGE, "exec"), told)
    arns = {vertex["Arn"] for vertex in told["found"]["Vertices"]}
    assert any(arn.endswith("lake/raw/shop/orders.csv%23amount") for arn in arns)
