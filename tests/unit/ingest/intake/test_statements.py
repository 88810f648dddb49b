"""What becomes of a statement before it is kept: its time, and secrets in it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from headwater.graphmodel.statements.effective import effective
from headwater.graphmodel.statements.errors import StatementError
from headwater.graphmodel.statements.model import Statement
from headwater.ingest.intake.statements import Times, said_by_person, snapshot_entry

NODE = "s3://lake/a"
SECRET = "AKIA" + "A" * 16


def statement(**fields: Any) -> Statement:
    return said_by_person({"kind": "tag", "subject": NODE, "value": "pii", **fields})[0]


def test_a_withdrawal_counts_although_the_clock_was_set_back() -> None:
    now = iter([5_000, 1_000])
    times = Times(lambda: next(now))
    given, taken = times.stamp(statement(), 0), times.stamp(statement(withdrawn=True), 0)
    assert (given.at, taken.at) == (5_000, 5_001)
    assert effective([given, taken])[given.key].withdrawn


def test_a_withdrawal_after_a_restart_counts_although_the_clock_was_set_back() -> None:
    given = Times(lambda: 5_000).stamp(statement(), 0)
    taken = Times(lambda: 1_000).stamp(statement(withdrawn=True), after=given.at)  # what the graph knows of
    assert effective([given, taken])[given.key].withdrawn


def test_statements_about_other_nodes_have_the_time_of_the_clock() -> None:
    now = iter([5_000, 1_000])
    times = Times(lambda: next(now))
    assert [times.stamp(statement(subject=f"s3://lake/{i}"), 0).at for i in range(2)] == [5_000, 1_000]


@pytest.mark.parametrize(
    ("fields", "name", "kept"),
    [
        ({"value": "token=monthly"}, "value", "token=monthly"),
        ({"value": "api key=rotated"}, "value", "api key=rotated"),
        ({"value": "password=hunter2"}, "value", "password=*****"),
        ({"value": f"key={SECRET}"}, "value", "key=*****"),
        ({"kind": "description", "value": "jdbc:h2:x;password=hunter2"}, "value", "jdbc:h2:x;password=*****"),
        ({"by": f"ann {SECRET}"}, "by", "ann *****"),
        ({"reason": f"see {SECRET}"}, "reason", "see *****"),
        ({"subject": "postgres://ann:hunter2@h/db.s.t"}, "subject", "postgres://h/db.s.t"),
    ],
)
def test_secrets_are_cleaned_and_the_key_of_a_tag_makes_none(fields: dict[str, str], name: str, kept: str) -> None:
    made, notes = said_by_person({"kind": "tag", "subject": NODE, "value": "pii", **fields})
    assert getattr(made, name) == kept
    assert bool(notes) == (fields[name] != kept)


def test_a_subject_that_names_a_secret_is_refused() -> None:
    with pytest.raises(StatementError, match="holds a secret"):
        statement(subject=f"s3://lake/{SECRET}")


def test_a_snapshot_is_cleaned_and_its_subjects_are_canonical() -> None:
    listed = [{"kind": "tag", "subject": "s3a://lake/a/#Email", "value": "pii", "reason": SECRET}]
    entry = snapshot_entry({"source": "glue", "scope": "db", "statements": listed}, 7)
    assert b'"s3://lake/a#email"' in entry.body
    assert SECRET.encode() not in entry.body
    assert entry.redactions == ("reason: key",)


def test_secrets_in_what_a_system_lists_are_cleaned() -> None:
    columns = [{"name": "k", "comment": SECRET}]
    listed = [
        {"kind": "dataset", "subject": "s3a://lake/a/", "name": "db.a", "value": {"columns": columns}},
        {"kind": "facts", "subject": NODE, "value": {"password": "hunter2", "rows": 3}},
    ]
    entry = snapshot_entry({"source": "glue", "scope": "db", "statements": listed}, 1)
    kept = json.loads(entry.body)["statements"]
    assert [(one["subject"], one["value"]) for one in kept] == [
        (NODE, {"columns": [{"name": "k", "comment": "*****"}]}),
        (NODE, {"password": "*****", "rows": 3}),
    ]
    assert len(entry.redactions) == 2
