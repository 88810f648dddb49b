"""What a model was made of: from its endpoint to the columns of raw CSV, as it stood when it was trained."""

from __future__ import annotations

import json
import shutil
from contextlib import closing
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

import headwater as hw
from headwater.cli import run
from headwater.ingest.intake.statements import snapshot_entry
from headwater.ingest.ledger.entries import NewEntry
from headwater.queries.answers.audit import FINDINGS, ROWS, Audit
from headwater.queries.drawing.audit import page, plain
from headwater.source import open_service
from tests.aws_json import Answer
from tests.sagemaker import account as world
from tests.sagemaker import story
from tests.sagemaker.account import TRAINING_SET

CUSTOMERS, ORDERS = "s3://lake/raw/crm/customers.csv", "s3://lake/raw/shop/orders.csv"
RATES = "s3://lake/raw/fx/rates.csv"


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    scratch = tmp_path_factory.mktemp("story")
    return story.told(scratch, scratch / "data")


@pytest.fixture
def data(original: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(original, tmp_path / "data"))


def audited(data: Path, subject: str, **given: Any) -> hw.Audit:
    with hw.open(data) as graph:
        return graph.audit(subject, **given)


def ms(minutes: float) -> int:
    return int(world.at(minutes).timestamp() * 1_000)


def test_from_the_endpoint_to_the_columns_of_raw_csv(data: Path) -> None:
    found = audited(data, world.ENDPOINT)
    kinds = [(step["kind"], step["name"]) for step in found.steps]
    training = ("training-job", world.TRAINING)
    assert kinds == [("endpoint", "churn-prod"), ("model", "churn"), ("model-package", "churn/1"), training]
    assert [row["asked"] for row in found.inputs] == [
        "s3://labels/churn-2026-11",
        TRAINING_SET,
        "s3://uploads/holdout",
    ]
    read = found.inputs[1]
    assert (read["known"], read["job"], read["readAt"]) == ("yes", "job:spark/pipeline.training_set", ms(12))
    assert {row["job"] for row in found.runs} == {
        f"job:spark/pipeline.{name}"
        for name in ("training_set", "features", "stage_customers", "mart_customer_orders", "stage_orders")
    }
    sources = {row["id"].partition("#")[2]: row["sources"] for row in found.columns}
    assert sources == {
        "customer_id": [f"{CUSTOMERS}#customer_id"],
        "label": [f"{CUSTOMERS}#status"],
        "n_orders": [f"{ORDERS}#order_id"],
        "recency_days": [f"{ORDERS}#order_ts"],
        "total_eur": [f"{RATES}#rate_to_eur", f"{ORDERS}#amount"],
        "web_share": [f"{RATES}#rate_to_eur", f"{ORDERS}#amount", f"{ORDERS}#channel"],
    }
    expressions = {row["id"].partition("#")[2]: row["expressions"] for row in found.columns}
    assert [step["expression"] for step in expressions["total_eur"]] == ["sum(amount_eur)", "amount * rate_to_eur"]
    assert expressions["label"][0]["expression"] == "CASE WHEN is_active THEN 0.0 ELSE 1.0 END"
    assert "NOT status = 'cancelled'" in [row["expression"] for row in found.conditions]  # who is not in the data
    assert {row["kind"] for row in found.findings} == {"unknown"}


@pytest.mark.parametrize(
    ("subject", "first"),
    [
        ("endpoint/churn-prod", "endpoint"),
        ("churn-prod", "endpoint"),
        (world.MODEL, "model"),
        ("model-package/churn/1", "model-package"),
        (world.TRAINING, "training-job"),
        (f"training-job/{world.TRAINING}", "training-job"),
        (world.TRAINING_ARN, "training-job"),
        (world.MODEL_DATA, "training-job"),
        ("s3://scores/churn", "transform-job"),
    ],
)
def test_a_subject_is_an_arn_or_kind_and_name_or_a_name(subject: str, first: str, original: Path) -> None:
    assert audited(original, subject).steps[0]["kind"] == first


def test_the_story_with_openlineage_of_the_same_jobs_and_tags_of_people(data: Path, tmp_path: Path) -> None:
    """OpenLineage reports the same writes, and people tag a column of the raw files: one graph, the same audit."""
    before = audited(data, "endpoint/churn-prod")
    story.load(data, story.openlineage_of_the_jobs(tmp_path / "openlineage"))
    assert run(["tag", f"{CUSTOMERS}#status", "pii", "--data", str(data)]) == 0
    found = audited(data, "endpoint/churn-prod")
    assert [row["id"] for row in found.columns] == [row["id"] for row in before.columns]
    assert [row["sources"] for row in found.columns] == [row["sources"] for row in before.columns]
    label = next(row for row in found.columns if row["id"].endswith("#label"))
    assert label["tags"] == {"pii": [f"{CUSTOMERS}#status"]}
    assert "tagged pii: crm/customers.csv#status" in str(found)


def test_openlineage_alone_leads_to_the_same_raw_columns(tmp_path: Path) -> None:
    story.load(tmp_path / "data", story.openlineage_of_the_jobs(tmp_path / "openlineage"))
    later = {  # the recordings are younger than the account's training
        "TrainingStartTime": datetime(2026, 11, 29, 13, tzinfo=timezone.utc),
        "TrainingEndTime": datetime(2026, 11, 29, 14, tzinfo=timezone.utc),
    }
    story.import_sagemaker(tmp_path / "data", {"DescribeTrainingJob": lambda _: world.TRAININGS[0] | later})
    found = audited(tmp_path / "data", f"training-job/{world.TRAINING}")
    sources = {row["id"].partition("#")[2]: row["sources"] for row in found.columns}
    assert sources["total_eur"] == [f"{RATES}#rate_to_eur", f"{ORDERS}#amount"]
    assert sources["label"] == [f"{CUSTOMERS}#status"]


def test_the_files_of_the_notebook_are_what_an_import_makes() -> None:
    committed = {path.name: path.read_text(encoding="utf-8") for path in story.NOTEBOOK.glob("*.ndjson")}
    assert committed == story.notebook_files(), "run: python -m tests.sagemaker.story"


def test_what_was_written_after_the_training_began_is_no_part_of_it(data: Path, tmp_path: Path) -> None:
    """The job runs again an hour later, and replaces what was read."""
    before = audited(data, "endpoint/churn-prod").inputs[1]
    story.load(data, story.ran_again(tmp_path, "l05_training_set", ms(90)))
    found = audited(data, "endpoint/churn-prod")
    after = found.inputs[1]
    assert after["version"] == before["version"]
    assert (before["changes"], before["overwritten"]) == (0, "no")
    assert (after["changes"], after["changedAt"], after["overwritten"], after["overwrittenAt"]) == (
        1,
        ms(90),
        "yes",
        ms(90),
    )
    assert {"overwritten", "changed"} <= {row["kind"] for row in found.findings}


def test_a_write_before_the_training_is_what_it_read(data: Path, tmp_path: Path) -> None:
    story.load(data, story.ran_again(tmp_path, "l05_training_set", ms(0)))
    read = audited(data, "endpoint/churn-prod").inputs[1]
    assert (read["timestamp"], read["changes"], read["known"]) == (ms(0), 0, "yes")


def test_a_write_during_the_training_makes_it_uncertain_which_state_was_read(data: Path, tmp_path: Path) -> None:
    story.load(data, story.ran_again(tmp_path, "l05_training_set", ms(12) + 1_000))
    found = audited(data, "endpoint/churn-prod")
    assert "changed" in {row["kind"] for row in found.findings}
    assert found.inputs[1]["timestamp"] < ms(12)


@pytest.mark.parametrize(
    ("channel", "relation", "dataset"),
    [
        ("s3://lake/pipe/ml/training_set.parquet/eu/", "above", TRAINING_SET),
        ("s3://lake/pipe/staging/", "below", "s3://lake/pipe/staging/customers"),
    ],
)
def test_a_channel_that_is_a_part_of_a_dataset_or_holds_some_is_partly_known(
    channel: str, relation: str, dataset: str, tmp_path: Path
) -> None:
    source = {"DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": channel}}, "ChannelName": "train"}
    job = world.TRAININGS[0] | {"InputDataConfig": [source]}
    story.load(tmp_path / "data", story.spark_jobs(tmp_path / "spark"))
    nothing: dict[str, Answer] = {"ListAssociations": lambda _asked: {"AssociationSummaries": []}}
    story.import_sagemaker(tmp_path / "data", {"DescribeTrainingJob": lambda _asked: job, **nothing})
    found = audited(tmp_path / "data", "endpoint/churn-prod")
    read = found.inputs[0]
    assert (read["asked"], read["relation"], read["dataset"]) == (channel.rstrip("/"), relation, dataset)
    assert (read["known"], {row["kind"] for row in found.findings}) == ("partly", {"part"})
    assert found.columns


def test_rows_per_group_are_those_of_the_last_profile_before_the_training(data: Path) -> None:
    column = f"{TRAINING_SET}#label"

    def profile(scope: str, minutes: float, counts: dict[str, object]) -> NewEntry:
        listed = [{"kind": "facts", "subject": column, "value": {"rowsByValue": counts}}]
        return snapshot_entry({"source": "profiler", "scope": scope, "statements": listed}, ms(minutes))

    snapshots = [
        profile("older", -90, {"0.0": 1}),
        profile("last", -10, {"0.0": 970, "1.0": 30, "broken": "x"}),
        profile("later", 300, {"0.0": 5, "1.0": 5}),
    ]
    with closing(open_service(data)) as service:
        service.ledger.append(snapshots)
        service.catch_up()
    found = audited(data, "endpoint/churn-prod")
    (groups,) = [row["groups"] for row in found.inputs if row["groups"]]
    assert groups == {"label": {"counts": {"0.0": 970, "1.0": 30}, "at": ms(-10), "source": "profiler"}}
    assert "rows by label: 0.0 970 (97%), 1.0 30 (3%); counted by profiler at 2026-11-24 07:50Z" in str(found)


def test_an_endpoint_as_it_was_before_it_served_another_model(data: Path, tmp_path: Path) -> None:
    other = world.MODELS[0] | {
        "ModelName": "by-hand",
        "ModelArn": f"{world.ROOT}:model/by-hand",
        "PrimaryContainer": {"ModelDataUrl": "s3://somebody/model.tar.gz"},
    }
    endpoint = world.ENDPOINTS[0] | {"EndpointConfigName": "churn-prod-2", "LastModifiedTime": world.at(3_000)}
    config = world.CONFIGS["churn-prod-1"] | {
        "EndpointConfigName": "churn-prod-2",
        "CreationTime": world.at(2_990),
        "ProductionVariants": [{"VariantName": "all", "ModelName": "by-hand"}],
    }
    story.import_sagemaker(
        data,
        {
            "ListModels": lambda _asked: {
                "Models": [{key: other[key] for key in ("ModelName", "ModelArn", "CreationTime")}]
            },
            "DescribeModel": lambda _asked: other,
            "DescribeEndpoint": lambda _asked: endpoint,
            "DescribeEndpointConfig": lambda _asked: config,
        },
    )
    now, then = audited(data, "endpoint/churn-prod"), audited(data, "endpoint/churn-prod", as_of="2026-11-25")
    assert [row["asked"] for row in now.inputs] == ["s3://somebody/model.tar.gz"]
    assert [step["kind"] for step in now.steps] == ["endpoint", "model"]
    assert [step["kind"] for step in then.steps][-1] == "training-job"


def test_a_failed_training_says_so(original: Path) -> None:
    found = audited(original, "training-job/churn-2026-11-20-08-00-00-123")
    assert found.findings[0]["text"] == "the run failed: AlgorithmError: no rows"


def test_a_dataset_of_spark_can_be_audited_too(original: Path) -> None:
    found = audited(original, TRAINING_SET)
    assert (found.steps, {row["dataset"] for row in found.inputs}) == (
        (),
        {"s3://lake/pipe/ml/features.parquet", "s3://lake/pipe/staging/customers"},
    )


def test_the_report_says_findings_first_and_escapes_what_others_named(original: Path) -> None:
    text = str(audited(original, "endpoint/churn-prod"))
    order = ["FINDINGS", "HOW IT CAME TO BE", "WHAT WAS READ", "WHERE THE COLUMNS COME FROM", "THE RUNS BEHIND IT"]
    assert sorted(order, key=text.index) == order
    assert "as spark/pipeline.training_set wrote it at 2026-11-22 22:02Z, run 27eca599" in text
    row = dict.fromkeys(ROWS["steps"], "\x1b[31m<b>") | {"distance": 0, "start": 0, "end": 0, "facts": {}}
    hostile = Audit("arn:x", "endpoint", "<script>", None, steps=(row,))
    assert "\x1b" not in plain(hostile)
    assert "<script>" not in page(hostile)
    assert "<b>" not in page(hostile)


def test_the_command_prints_text_json_and_a_page(
    original: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ["--data", str(original)]
    assert run(["audit", "endpoint/churn-prod", *where, "--json"]) == 1  # two inputs are not known
    found = json.loads(capsys.readouterr().out)
    assert found == Audit.from_dict(found).to_dict()
    assert {row["kind"] for row in found["findings"]} <= FINDINGS.keys()
    assert run(["audit", "endpoint/churn-prod", *where, "--html", str(tmp_path / "audit.html")]) == 1
    assert "not known: no run is known that wrote s3://uploads/holdout" in (tmp_path / "audit.html").read_text()
    assert run(["audit", "endpoint/churn", *where]) == 2
    assert "churn-prod" in capsys.readouterr().err


def test_a_name_that_several_have_is_refused_with_all_of_them(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = world.MODELS[0] | {"ModelName": "churn-prod", "ModelArn": f"{world.ROOT}:model/churn-prod"}
    listed = {key: model[key] for key in ("ModelName", "ModelArn", "CreationTime")}
    story.import_sagemaker(
        data, {"ListModels": lambda _asked: {"Models": [listed]}, "DescribeModel": lambda _asked: model}
    )
    capsys.readouterr()
    assert run(["audit", "churn-prod", "--data", str(data)]) == 2
    said = capsys.readouterr().err
    assert all(arn in said for arn in (world.ENDPOINT, f"{world.ROOT}:model/churn-prod"))
