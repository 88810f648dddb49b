"""Statements: what is one, what a pattern matches, which one counts."""

from __future__ import annotations

import json
from itertools import permutations

import pytest

from headwater.graphmodel.statements import (
    Snapshot,
    Statement,
    StatementError,
    StatementIndex,
    description,
    effective,
    parse,
    snapshot,
    tag_edges,
    text,
)

A, B = "s3://lake/a", "s3://lake/a#email"


def tag(subject: str, value: str = "pii", at: int = 1, *, withdrawn: bool = False) -> Statement:
    return Statement("tag", subject, value, at, "ann", withdrawn=withdrawn)


def catalogued(at: int, *subjects: str, scope: str = "sales") -> Snapshot:
    listed = [{"kind": "tag", "subject": subject, "value": "pii"} for subject in subjects]
    return snapshot({"source": "glue", "scope": scope, "at": at, "statements": listed})


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
    counting = effective(said)
    assert {key.subject: one.withdrawn for key, one in counting.items()} == {B: True, "*#email": False}
    edge = tag_edges(B, counting.values())["pii"]
    told = {"statedAt": 0, "statedBy": "ann", "reason": "", "pattern": "*#email", "sources": "people"}
    assert edge.properties == told


def test_a_description_replaces_the_one_before() -> None:
    first, second = (Statement("description", A, value, at) for value, at in (("old", 1), ("new", 2)))
    assert [one.value for one in effective([second, first]).values()] == ["new"]


@pytest.mark.parametrize(
    "said",
    [
        Statement("tag", B, "owner=Zoë", 5, reason="said so", withdrawn=True),
        Statement("tag", B, "pii", 5, source="glue", scope="sales"),
        catalogued(5, A, B),
        catalogued(5),
    ],
)
def test_text_and_back(said: Statement | Snapshot) -> None:
    assert parse(text(said)) == said


def test_a_statement_of_a_ledger_from_before_there_were_sources_is_by_people_and_keeps_its_bytes() -> None:
    before = b'{"kind": "tag", "subject": "s3://lake/a", "value": "pii", "at": 1, "by": "ann", "withdrawn": false}'
    said = parse(before)
    assert said == Statement("tag", A, "pii", 1, "ann", source="people")
    assert text(said) == before


def tags_of(node: str, *said: Statement | Snapshot) -> dict[str, str]:
    """The tags of a node, each with the sources that give it; the same in every order."""
    told = [tag_edges(node, StatementIndex(effective(order).values()).about(node)) for order in permutations(said)]
    orders = [{tag: edge.properties for tag, edge in edges.items()} for edges in told]
    assert all(order == orders[0] for order in orders)
    return {tag: str(properties["sources"]) for tag, properties in orders[0].items()}


def test_a_snapshot_withdraws_what_its_source_no_longer_lists() -> None:
    assert tags_of(A, catalogued(1, A, B)) == {"pii": "glue"}
    assert tags_of(A, catalogued(1, A, B), catalogued(2, B)) == {}
    assert tags_of(A, catalogued(1, A), catalogued(2), catalogued(3, A)) == {"pii": "glue"}


def test_a_snapshot_withdraws_nothing_of_another_source_or_scope() -> None:
    people = tag(A, at=0)
    assert tags_of(A, people, catalogued(1, A)) == {"pii": "glue, people"}
    assert tags_of(A, people, catalogued(1, A), catalogued(2)) == {"pii": "people"}
    assert tags_of(A, tag(A, at=3, withdrawn=True), people, catalogued(1, A)) == {"pii": "glue"}
    assert tags_of(A, catalogued(1, A), catalogued(2, scope="hr")) == {"pii": "glue"}


def test_a_single_statement_of_a_source_holds_until_its_next_snapshot() -> None:
    single = Statement("tag", A, "pii", 2, source="glue", scope="sales")
    assert tags_of(A, catalogued(1), single) == {"pii": "glue"}
    assert tags_of(A, catalogued(1), single, catalogued(3)) == {}


def test_people_describe_before_systems_do() -> None:
    said = [
        Statement("description", A, "by people", 1),
        Statement("description", A, "by glue", 2, source="glue"),
        Statement("description", A, "", 3, withdrawn=True),
    ]
    told = [description(A, effective(said[:count]).values()) for count in range(4)]
    assert told == [None, "by people", "by people", "by glue"]


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


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"source": "people"}, "source"),
        ({"source": "Glue!"}, "source"),
        ({"source": None}, "source"),
        ({"scope": ""}, "scope"),
        ({"at": "now"}, "at"),
        ({"statements": "all"}, "statements"),
        ({"statements": [7]}, "statements"),
        ({"statements": [{"kind": "tag", "subject": A}]}, "value"),
        ({"statements": [{"kind": "tag", "subject": A, "value": "pii", "at": 2}]}, "at"),
        ({"statements": [{"kind": "same", "subject": A, "value": "s3://b"}]}, "kind"),
        ({"statements": [{"kind": "description", "subject": A, "value": value} for value in "ab"]}, "statements"),
        ({"more": 1}, "more"),
    ],
)
def test_what_is_wrong_in_a_snapshot_is_named(change: dict[str, object], field: str) -> None:
    said = {"source": "glue", "scope": "sales", "at": 1, "statements": [], **change}
    with pytest.raises(StatementError) as refused:
        parse(json.dumps(said).encode())
    assert refused.value.field == field


@pytest.mark.parametrize("body", [b"", b"[]", b"1", b"{", b"\xff", b"[" * 100_000])
def test_a_text_that_is_no_json_object_is_refused(body: bytes) -> None:
    with pytest.raises(StatementError, match="JSON object"):
        parse(body)


@pytest.mark.parametrize("value", ["pii", "personal data", "owner=Ann Other", "a b=c=d, e"])
def test_a_tag_is_words_or_key_and_value(value: str) -> None:
    assert parse(text(tag(A, value))) == tag(A, value)


@pytest.mark.parametrize("value", ["", " pii", "a#b", "a*", "a, b", "=a", "a=", "a\nb"])
def test_what_is_no_tag_is_refused_with_what_is_one(value: str) -> None:
    with pytest.raises(StatementError, match="expected words such as pii or personal data"):
        parse(text(tag(A, value)))
