"""The shape of an audit: what an endpoint, model or training job was made of, and whether that still stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from headwater.queries.answers.answer import Reason

Row = Mapping[str, Any]

#: The keys of the rows of each list of an audit, in order. Times in ms since 1970; ids as everywhere.
ROWS: Mapping[str, tuple[str, ...]] = {
    # From the subject back to the training: what was made, by which run of SageMaker, when.
    "steps": (
        "distance",
        "kind",
        "name",
        "id",
        "version",
        "run",
        "arn",
        "job",
        "start",
        "end",
        "user",
        "facts",
        "usedBy",
    ),
    # `facts`: what SageMaker says of it now: status, approval, images, hyperParameters.
    # Data that SageMaker read and did not make itself: the version as it stood when the reader started.
    "inputs": (
        *("dataset", "asked", "relation", "version", "readBy", "readAt", "timestamp", "run", "job", "partition"),
        *(
            "rowCount",
            "byteCount",
            "tableVersion",
            "tableFormat",
            "reproduce",
            "versionExists",
            "quality",
            "groups",
            "known",
            "certain",
            "changes",
            "changedAt",
            "changedBy",
        ),
        *("overwritten", "overwrittenAt", "overwrittenBy"),
    ),
    # `groups`: rows by the value of a column, where a profile says so: {column: {"counts", "at", "source"}}.
    # The runs behind these inputs, the nearest first.
    "runs": ("distance", "run", "job", "dataset", "version", "start", "timestamp", "user", "appId", "usedBy"),
    # The columns of the inputs, what was computed on the way, and the columns behind which nothing more is known.
    "columns": ("id", "dataset", "expressions", "sources", "tags", "masked", "exact", "resolved", "origin"),
    # `tags` are those of the column and of its sources: {tag: [column]}.
    # Filters and joins that decided which rows the inputs have, here and further up.
    "conditions": ("dataset", "id", "subtype", "expression", "sources", "job", "plan"),
    # What an auditor must know, in a sentence each; `kind` is one of `FINDINGS`.
    "findings": ("kind", "id", "text"),
}
FINDINGS: Mapping[str, str] = {
    "overwritten": "an input was replaced since it was read",
    "changed": "an input was written since it was read",
    "uncertain": "an input was written while it was read",
    "part": "what was read is a part of a dataset that is known, or holds such datasets",
    "unknown": "no run is known that wrote an input",
    "columns": "of columns of an input it is not known, or not exactly, where they come from",
    "failed": "the run failed",
}


@dataclass(frozen=True)
class Audit:
    """The lists are as in `ROWS`. `kind` is that of the subject: endpoint, model, training-job, ..., or dataset.

    `complete` is False where something was left out; `reason` says why.
    """

    shape: ClassVar[str] = "audit"

    root: str
    kind: str
    name: str
    as_of: str | None
    steps: tuple[Row, ...] = ()
    inputs: tuple[Row, ...] = ()
    runs: tuple[Row, ...] = ()
    columns: tuple[Row, ...] = ()
    conditions: tuple[Row, ...] = ()
    findings: tuple[Row, ...] = ()
    complete: bool = True
    reason: Reason | None = None

    def to_dict(self) -> dict[str, Any]:
        """As JSON, in the documented order of keys."""
        return {
            "shape": self.shape,
            "root": self.root,
            "kind": self.kind,
            "name": self.name,
            "asOf": self.as_of,
            **{key: [dict(row) for row in getattr(self, key)] for key in ROWS},
            "complete": self.complete,
            "reason": self.reason,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Audit:
        """The inverse of `to_dict`."""
        lists: dict[str, Any] = {key: tuple(data[key]) for key in ROWS}
        about: dict[str, Any] = {key: data[key] for key in ("root", "kind", "name", "complete", "reason")}
        return cls(as_of=data["asOf"], **about, **lists)
