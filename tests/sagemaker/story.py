"""The story of the audit in one data folder: raw CSV, recorded Spark jobs, and SageMaker down to an endpoint."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

from headwater.cli import run
from tests.aws_json import Answer, running
from tests.sagemaker.account import account

RECORDED = Path(__file__).parents[1] / "payloads"
LAKE = "s3://lake"


def spark_jobs(folder: Path) -> Path:
    """The recorded payloads of the example's jobs, with the paths that they have in the account's lake."""
    for file in sorted(RECORDED.glob("l0*/*-*.json")):
        copy = folder / file.parent.name / file.name
        copy.parent.mkdir(parents=True, exist_ok=True)
        text = file.read_text(encoding="utf-8")
        copy.write_text(text.replace("file:/data/lake", LAKE).replace('"/data/lake', f'"{LAKE}'), encoding="utf-8")
    return folder


def ran_again(folder: Path, job: str, at_ms: int) -> Path:
    """The event of a further run of a recorded job, which ended at this time."""
    (event,) = json.loads(next((RECORDED / job).glob("*-event.json")).read_text(encoding="utf-8"))
    event["timestamp"] = at_ms
    event["extra"]["appId"] = f"local-{at_ms}"
    file = folder / f"{job}-{at_ms}.json"
    file.write_text(json.dumps([event]), encoding="utf-8")
    return file


def load(data: Path, *places: Path) -> None:
    """Into the data folder."""
    assert run(["load", *map(str, places), "--data", str(data)]) == 0


def import_sagemaker(data: Path, changed: Mapping[str, Answer] | None = None) -> None:
    """The account into the data folder."""
    service = account(changed)
    before = dict(os.environ)
    os.environ.update(service.environment())
    try:
        with running(service):
            assert run(["sagemaker", "import", "--endpoint-url", service.url, "--data", str(data)]) == 0
    finally:
        os.environ.clear()
        os.environ.update(before)


def told(scratch: Path, data: Path) -> Path:
    """The whole story in a data folder."""
    load(data, spark_jobs(scratch / "spark"))
    import_sagemaker(data)
    return data
