"""What a manifest of SageMaker lists: the files that a job reads are those, and not the manifest. Pure.

A manifest is a JSON array, ``[{"prefix": "s3://bucket/folder/"}, "a.csv", ...]``; an augmented one has a JSON object a
line, with the file of each under a name that ends in ``-ref``. Not here: reading them (`aws_bridge.manifests`).
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_S3DataSource.html
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from headwater.graphmodel.naming import canonical

PLAIN, AUGMENTED = "ManifestFile", "AugmentedManifestFile"
_KINDS = ("Training", "Processing", "Transform")
MOST_FOLDERS = 200
"""Folders of one manifest; where there are more, the folders above them stand for them."""


class Manifest(NamedTuple):
    """A manifest that a job reads, and when the job began."""

    uri: str
    kind: str
    began: datetime


def manifests_of(answer: Mapping[str, Any]) -> Iterator[Manifest]:
    """The manifests in the answer of a call that describes a training, processing or transform job."""
    channels = (*(answer.get("InputDataConfig") or ()), answer.get("TransformInput") or {})
    sources = [channel.get("DataSource", {}).get("S3DataSource") or {} for channel in channels]
    sources += [one.get("S3Input") or {} for one in answer.get("ProcessingInputs") or ()]
    start = next((f"{kind}StartTime" for kind in _KINDS if f"{kind}JobArn" in answer), "")
    for source in sources:
        if source.get("S3DataType") in {PLAIN, AUGMENTED} and str(source.get("S3Uri", "")).startswith("s3://"):
            yield Manifest(str(source["S3Uri"]), str(source["S3DataType"]), answer.get(start) or answer["CreationTime"])


def folders_in(text: bytes, kind: str) -> list[str]:
    """The folders of the files that a manifest lists, in order, each dataset once. ValueError: it is none."""
    uris = _augmented(text) if kind == AUGMENTED else _plain(text)
    folders = {canonical(_above(uri)) for uri in uris if uri.startswith("s3://")}
    while len(folders) > MOST_FOLDERS:
        above = {canonical(_above(one)) for one in folders}
        if above == folders:  # so many buckets
            break
        folders = above
    return sorted(folders)


def _above(uri: str) -> str:
    """The folder of a file; the bucket of one that lies in it."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    folder = key.rstrip("/").rpartition("/")[0]
    return f"s3://{bucket}/{folder}" if folder else f"s3://{bucket}"


def _plain(text: bytes) -> Iterator[str]:
    listed = json.loads(text)
    if not isinstance(listed, list) or not listed or not isinstance(listed[0], dict) or "prefix" not in listed[0]:
        raise ValueError("it is no array that begins with a prefix")
    prefix = str(listed[0]["prefix"])
    yield from (prefix + one for one in listed[1:] if isinstance(one, str))


def _augmented(text: bytes) -> Iterable[str]:
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            said = json.loads(line)
            if not isinstance(said, dict):
                raise ValueError(f"line {number} is no JSON object")
            yield from (value for key, value in said.items() if key.endswith("-ref") and isinstance(value, str))
