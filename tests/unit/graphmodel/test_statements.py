"""Statements: what is one, what a pattern matches, which one counts."""

from __future__ import annotations

import json

import pytest

from headwater.graphmodel.statements import Statement, StatementError, chosen, parse, tag_edge, text

A, B = "s3://lake/a", "s3://lake/a#email"


def tag(subject: str, value: str = "pii", at: int = 1, *, withdrawn: bool = False) -> Statement:
    return Statement("tag", subject, value, at, "ann", withdrawn=withdrawn)


@pytest.mark.parametrize(
    ("subject", "node", "matches"),
    [
        (A, A, True),
        (A, B, False),
        ("s3://lake/*", A, True),
        ("s3://lake/*", B, False),  # a dataset's pattern is not about its columns
        ("*#email", B, True),
        ("*#*mail", B, True),
        ("s3://*/a#email", B, True),
        ("s3://lake/.*", A, False),  # nothing but * is special
        ("job:*", "job:glue/x", True),
        ("*" * 1_000 + "#email", B, True),
    ],
)
def test_what_a_subject_is_about(subject: str, node: str, *, matches: bool) -> None:
    assert tag(subject).matches(node) == matches


def test_the_later_statement_counts_and_a_pattern_stays_when_the_nodes_own_is_withdrawn() -> None:
    said = [tag(B, at=1), tag(B, at=3, withdrawn=True), tag(B, at=2), tag("*#email", at=0)]
    counting = chosen(said)
    assert {key.subject: one.withdrawn for key, one in counting.items()} == {B: True, "*#email": False}
    edge = tag_edge(B, "pii", counting.values())
    assert edge is not None
    assert edge.properties == {"statedAt": 0, "statedBy": "ann", "reason": "", "pattern": "*#email"}


def test_a_description_replaces_the_one_before() -> None:
    first, second = (Statement("description", A, value, at) for value, at in (("old", 1), ("new", 2)))
    assert [one.value for one in chosen([second, first]).values()] == ["new"]


def test_text_and_back() -> None:
    said = Statement("tag", B, "owner=Zoë", 5, reason="said so", withdrawn=True)
    assert parse(text(said)) == said


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"kind": "note"}, "kind"),
        ({"subject": " "}, "subject"),
        ({"value": "a b#"}, "value"),
        ({"value": "owner="}, "value"),
        ({"value": None}, "value"),
        ({"at": "now"}, "at"),
        ({"at": True}, "at"),
        ({"more": 1}, "more"),
        ({"kind": "description", "subject": "s3://*"}, "subject"),
        ({"reason": "x" * 3_000}, "reason"),
    ],
)
def test_what_is_wrong_is_named(change: dict[str, object], field: str) -> None:
    said = {"kind": "tag", "subject": A, "value": "pii", "at": 1, **change}
    with pytest.raises(StatementError) as refused:
        parse(json.dumps(said).encode())
    assert refused.value.field == field


@pytest.mark.parametrize("body", [b"", b"[]", b"1", b"{", b"\xff", b"[" * 100_000])
def test_what_is_no_object_is_told(body: bytes) -> None:
    with pytest.raises(StatementError, match="JSON object"):
        parse(body)
