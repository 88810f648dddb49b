"""What a manifest of SageMaker lists, by its two forms."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import Any

import pytest

from headwater.openlineage_bridge.sagemaker_manifests import (
    AUGMENTED,
    MOST_FOLDERS,
    PLAIN,
    Manifest,
    folders_in,
    manifests_of,
)

AT, LATER = datetime(2026, 3, 1, tzinfo=timezone.utc), datetime(2026, 3, 2, tzinfo=timezone.utc)
LINES = b'{"source-ref": "s3://lake/images/a.jpg", "label": 1}\n\n{"source-ref": "s3://lake/more/b.jpg"}\n{"label": 2}'


def plain(prefix: str, *files: object) -> bytes:
    return json.dumps([{"prefix": prefix}, *files]).encode()


@pytest.mark.parametrize(
    ("text", "kind", "expected"),
    [
        (
            plain("s3://lake/train/", "eu/a.csv", "eu/b.csv", "us/c.csv"),
            PLAIN,
            ["s3://lake/train/eu", "s3://lake/train/us"],
        ),
        (plain("s3://lake/train/dt=1/part-", "0.csv", "1.csv", 7), PLAIN, ["s3://lake/train"]),  # a partition of it
        (plain("s3://lake/", "a.csv"), PLAIN, ["s3://lake"]),
        (plain("s3://lake/empty/"), PLAIN, []),
        (LINES, AUGMENTED, ["s3://lake/images", "s3://lake/more"]),
    ],
)
def test_the_folders_of_the_files_that_are_listed(text: bytes, kind: str, expected: list[str]) -> None:
    assert folders_in(text, kind) == expected


def test_of_too_many_folders_those_above_them_are_told() -> None:
    files = [f"customer{number}/image/a.jpg" for number in range(MOST_FOLDERS + 1)]
    assert folders_in(plain("s3://lake/images/", *files), PLAIN) == ["s3://lake/images"]
    buckets = [{"source-ref": f"s3://bucket{number}/a"} for number in range(MOST_FOLDERS + 1)]
    assert len(folders_in("\n".join(map(json.dumps, buckets)).encode(), AUGMENTED)) == MOST_FOLDERS + 1


@pytest.mark.parametrize(
    ("text", "kind", "why"),
    [
        (b"{", PLAIN, "Expecting"),
        (b"{}", PLAIN, "no array"),
        (b"[]", PLAIN, "no array"),
        (b'["a"]', PLAIN, "no array"),
        (b"\xff", PLAIN, "decode"),
        (b"[1]", AUGMENTED, "line 1 is no JSON object"),
    ],
)
def test_what_is_no_manifest(text: bytes, kind: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        folders_in(text, kind)


@pytest.mark.parametrize(
    ("answer", "began"),
    [
        (
            {
                "TrainingJobArn": "a",
                "InputDataConfig": [{"DataSource": {"S3DataSource": {}}}],
                "TrainingStartTime": LATER,
            },
            LATER,
        ),
        ({"TrainingJobArn": "a", "InputDataConfig": [{"DataSource": {"S3DataSource": {}}}]}, AT),
        (
            {
                "TransformJobArn": "a",
                "TransformInput": {"DataSource": {"S3DataSource": {}}},
                "TransformStartTime": LATER,
            },
            LATER,
        ),
        ({"ProcessingJobArn": "a", "ProcessingInputs": [{"S3Input": {}}], "ProcessingStartTime": LATER}, LATER),
    ],
)
def test_the_manifests_of_a_job(answer: dict[str, Any], began: datetime) -> None:
    def filled(value: Any) -> Any:
        if isinstance(value, dict) and not value:
            return {"S3DataType": PLAIN, "S3Uri": "s3://lake/m.json"}
        if isinstance(value, dict):
            return {key: filled(one) for key, one in value.items()}
        return [filled(one) for one in value] if isinstance(value, list) else value

    found = list(manifests_of({"CreationTime": AT, **filled(answer)}))
    assert found == [Manifest("s3://lake/m.json", PLAIN, began)]
    assert (
        list(manifests_of({"CreationTime": AT, "ProcessingJobArn": "a", "ProcessingInputs": [{"InputName": "x"}]}))
        == []
    )
