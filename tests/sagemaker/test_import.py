"""`headwater sagemaker import`: an account of SageMaker becomes runs and datasets, each only once."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from headwater.cli import run
from headwater.openlineage_bridge.events import new_event
from tests.aws_json import Answer, FakeService, Refused, running
from tests.sagemaker import account as world
from tests.sagemaker.account import account

Import = Callable[..., tuple[int, dict[str, Any], str]]


@pytest.fixture
def import_(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Import:
    """One import into the test's data folder: exit code, report, standard error."""

    def imported(service: FakeService, *more: str) -> tuple[int, dict[str, Any], str]:
        for name, value in service.environment().items():
            monkeypatch.setenv(name, value)
        with running(service):
            code = run(["sagemaker", "import", "--json", "--endpoint-url", service.url, "--data", str(tmp_path), *more])
        said = capsys.readouterr()
        return code, json.loads(said.out) if said.out else {}, said.err

    return imported


@pytest.fixture
def asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    """The JSON that a command prints."""

    def ask(*arguments: str) -> Any:
        assert run([*arguments, "--json", "--data", str(tmp_path)]) == 0
        return json.loads(capsys.readouterr().out)

    return ask


def test_an_endpoint_comes_from_what_its_model_was_trained_on(import_: Import, asked: Callable[..., Any]) -> None:
    code, report, _ = import_(account())
    assert (code, report["refused"], report["denied"]) == (0, [], {})
    edges = {(edge["source"], edge["target"]) for edge in asked("upstream", world.ENDPOINT)["edges"]}
    assert edges == {
        (world.MODEL, world.ENDPOINT),
        (world.PACKAGE, world.MODEL),
        (world.MODEL_DATA, world.PACKAGE),
        ("s3://labels/churn-2026-11", world.MODEL_DATA),  # a lineage artifact alone tells of the labels
        (world.TRAINING_SET, world.MODEL_DATA),
        ("s3://uploads/holdout", world.MODEL_DATA),
    }


def test_a_job_is_found_by_its_arn_and_is_a_step_of_its_pipeline(import_: Import, asked: Callable[..., Any]) -> None:
    import_(account())
    (row,) = asked("query", "find-runs", f"id={world.TRAINING_ARN}")["rows"]
    assert row["job"] == f"job:{world.NAMESPACE}/pipeline/churn/Train"
    (run_,) = asked("query", "runs", f"job={row['job']}")["rows"]
    assert (run_["timestamp"], run_["durationNs"]) == (int(world.at(30).timestamp() * 1_000), 18 * 60 * 10**9)
    assert run_["parentJob"] == f"{world.NAMESPACE}/pipeline/churn"


def test_jobs_that_failed_or_still_run_make_no_lineage(import_: Import, asked: Callable[..., Any]) -> None:
    import_(account())
    job = f"job:{world.NAMESPACE}/training-job/churn"  # without the time that the SDK puts into a name
    (failed,) = asked("query", "runs", f"job={job}")["rows"]
    assert (failed["status"], failed["error"]) == ("failed", "AlgorithmError: no rows")
    assert len(asked("query", "dataset-versions", f"dataset={world.MODEL_DATA}")["rows"]) == 1
    assert not [row for row in asked("datasets")["rows"] if "churn-2026-11-25" in row["id"]]


def test_the_feature_store_is_its_path_in_s3_and_the_table_of_glue(import_: Import, asked: Callable[..., Any]) -> None:
    import_(account())
    sources = [edge["source"] for edge in asked("upstream", "sagemaker_featurestore.customers_1795000000")["edges"]]
    assert sources == ["s3://lake/pipe/mart/customer_orders"]  # the script is no data
    assert asked("upstream", f"{world.ROOT}:feature-group/customers")["root"] == world.OFFLINE


def test_a_second_import_adds_no_entry_and_a_job_that_ended_meanwhile_adds_its_end(
    import_: Import, asked: Callable[..., Any], tmp_path: Path
) -> None:
    first, again = import_(account())[1], import_(account())[1]
    assert (again["events"], again["known"]) == (0, first["events"])
    ended = [
        *world.TRAININGS[:2],
        world.TRAININGS[2] | {"TrainingJobStatus": "Completed", "TrainingEndTime": world.at(1500)},
    ]
    later = import_(account({"DescribeTrainingJob": _named(ended, "TrainingJobName")}))[1]
    assert (later["events"], later["known"]) == (1, first["events"])


def _named(items: list[dict[str, Any]], key: str) -> Answer:
    return lambda asked: next(item for item in items if item[key] == asked[key])


def test_status_and_approval_are_facts_of_the_model_and_change_with_it(
    import_: Import, asked: Callable[..., Any]
) -> None:
    def facts() -> dict[str, Any]:
        rows = asked("query", "facts", f"node={world.PACKAGE}")["rows"]
        return {row["key"]: row["value"] for row in rows}

    import_(account())
    first = facts()
    assert (first["approval"], first["status"]) == ("Approved", "Completed")
    rejected = [world.PACKAGES[0] | {"ModelApprovalStatus": "Rejected"}]
    import_(account({"DescribeModelPackage": lambda _asked: rejected[0]}), "--name", "churn*")
    assert facts() == first  # a part of the account says nothing of what it does not list
    import_(account({"DescribeModelPackage": lambda _asked: rejected[0]}))
    assert facts()["approval"] == "Rejected"
    steps = asked_audit(asked)["steps"]
    assert [step["facts"].get("approval") for step in steps] == [None, None, "Rejected", None]
    assert steps[3]["facts"]["hyperParameters"] == {"max_depth": "6", "num_round": "100"}


def asked_audit(asked: Callable[..., Any]) -> Any:
    return asked("query", "audit", f"node={world.ENDPOINT}")


def test_calls_that_are_not_allowed_are_left_out_and_named(import_: Import, asked: Callable[..., Any]) -> None:
    def deny(_asked: dict[str, Any]) -> dict[str, Any]:
        raise Refused("AccessDeniedException", message="User is not authorized")

    service = account({"ListAssociations": deny, "DescribeEndpointConfig": deny})
    code, report, _ = import_(service)
    denied = {name: f"sagemaker:{name}" for name in ("DescribeEndpointConfig", "ListAssociations")}
    assert (code, report["denied"]) == (1, denied)
    sources = {edge["source"] for edge in asked("upstream", world.MODEL)["edges"]}
    assert sources == {world.PACKAGE, world.MODEL_DATA, world.TRAINING_SET, "s3://uploads/holdout"}
    code, report, _ = import_(account())  # the permission came: the same import brings the rest
    assert (code, report["denied"]) == (0, {})
    assert len(asked("upstream", world.ENDPOINT)["edges"]) == 6


def test_calls_that_aws_sends_back_are_repeated_and_counted(import_: Import) -> None:
    sent: list[int] = []

    def throttled(asked: dict[str, Any]) -> dict[str, Any]:
        sent.append(1)
        if len(sent) <= 1:
            raise Refused("ThrottlingException", message="Rate exceeded")
        return world.answers()["ListModels"](asked)

    code, report, _ = import_(account({"ListModels": throttled}))
    assert (code, report["repeated"], report["found"]["models"]) == (0, 1, 1)


def test_what_came_before_aws_failed_is_kept_and_the_next_import_goes_on(
    import_: Import, asked: Callable[..., Any]
) -> None:
    def broken(_asked: dict[str, Any]) -> dict[str, Any]:
        raise Refused("InvalidParameterValue", message="no")

    code, report, error = import_(account({"DescribeModel": broken}))
    assert (code, "InvalidParameterValue for DescribeModel" in error) == (3, True)
    assert report["events"] > 0
    assert asked("upstream", world.PACKAGE)["complete"]
    assert import_(account())[0] == 0
    assert len(asked("upstream", world.ENDPOINT)["edges"]) == 6


def test_a_region_without_lineage_and_a_job_that_is_deleted_meanwhile_are_told(import_: Import) -> None:
    def gone(_asked: dict[str, Any]) -> dict[str, Any]:
        raise Refused("ValidationException", message="Could not find model")

    service = account({"DescribeModel": gone})
    service.answers = {name: answer for name, answer in service.answers.items() if name != "ListAssociations"}
    code, report, _ = import_(service)
    assert (code, report["gone"], report["unavailable"]) == (0, 1, ["ListAssociations"])


def test_a_name_chooses_an_endpoint_and_what_it_serves(import_: Import, asked: Callable[..., Any]) -> None:
    service = account()
    code, report, _ = import_(service, "--name", "churn-pr*")
    assert (code, report["found"]["endpoints"], report["found"]["models"], report["found"]["model packages"]) == (
        0,
        1,
        1,
        1,
    )
    assert ("ListEndpoints", "churn-pr") in {(name, given.get("NameContains")) for name, given in service.calls}
    assert "DescribeTrainingJob" not in service.operations


def test_only_what_was_created_since(import_: Import) -> None:
    _, report, _ = import_(account(), "--since", "2026-11-24T08:46Z")
    assert (report["found"].get("models"), report["found"]["endpoints"]) == (None, 1)
    code, _, error = import_(account(), "--since", "yesterday")
    assert (code, error.strip()) == (
        2,
        "headwater: --since must be a time (2026-11-01, 2026-11-01T08:00Z), not 'yesterday'",
    )


def test_each_event_is_one_by_the_bridge_and_its_facet_by_the_schema(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from headwater.aws_bridge.sagemaker import SageMaker

    service = account()
    for name, value in service.environment().items():
        monkeypatch.setenv(name, value)
    with running(service):
        events = list(SageMaker(endpoint=service.url).events())
    schema = json.loads(
        files("headwater.openlineage_bridge").joinpath("schemas/headwater_sagemaker-1-0-0.json").read_text()
    )
    facets = [
        event["run"]["facets"]["headwater_sagemaker"] for event in map(_checked, events) if event["run"]["facets"]
    ]
    for facet in facets:
        jsonschema.validate(facet, schema)
    by_name = {facet["name"]: facet for facet in facets}
    assert by_name[world.TRAINING]["hyperParameters"] == {"max_depth": "6", "num_round": "100"}
    assert by_name["customer-features"]["code"] == ["s3://code/features.py"]
    assert by_name["churn/1"]["approval"] == "Approved"


def _checked(event: dict[str, Any]) -> dict[str, Any]:
    new_event(event)
    return event
