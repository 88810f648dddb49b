"""Statements: what is one, what a pattern matches, which one counts."""

from __future__ import annotations

import json
from itertools import permutations

import pytest

from headwater.graphmodel.statements.effective import StatementIndex, effective
from headwater.graphmodel.statements.errors import StatementError
from headwater.graphmodel.statements.json_text import parse, snapshot, text
from headwater.graphmodel.statements.model import Snapshot, Statement
from headwater.graphmodel.statements.shown import description, tag_edges
from headwater.graphmodel.statements.shown import facts as statements_facts

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


# what systems list


def listed(at: int, *listings: dict[str, object], scope: str = "sales") -> Snapshot:
    return snapshot({"source": "glue", "scope": scope, "at": at, "statements": list(listings)})


def table(name: str, columns: list[dict[str, object]], **more: object) -> dict[str, object]:
    return {"kind": "dataset", "subject": A, "name": name, "value": {"columns": columns, **more}}


EMAIL: dict[str, object] = {"name": "Email", "type": "string", "comment": "of the buyer"}
DAY: dict[str, object] = {"name": "day", "type": "date", "partitionKey": True}


def told(node: str, *said: Statement | Snapshot) -> dict[str, dict[str, object]]:
    """The facts of a node by key and name; the same in every order of what was said."""
    indexes = [StatementIndex(effective(order).values()) for order in permutations(said)]
    orders = [statements_facts(node, index.about(node)) for index in indexes]
    assert all(order == orders[0] for order in orders)
    return {f"{fact['key']} {fact.get('name', '')}".strip(): fact for fact in json.loads(orders[0] or "[]")}


def test_a_dataset_that_a_system_lists_says_its_format_and_its_columns_their_types() -> None:
    said = listed(5, table("sales.a", [EMAIL, DAY], format="iceberg", names=["sales.a"]))
    assert {key: fact["value"] for key, fact in told(A, said).items()} == {
        "table sales.a": "sales.a",
        "format sales.a": "iceberg",
        "partitionKeys sales.a": ["day"],
    }
    assert told(B, said) == {
        "type sales.a": {
            "key": "type",
            "value": "string",
            "source": "glue",
            "scope": "sales",
            "at": 5,
            "name": "sales.a",
        }
    }
    index = StatementIndex(effective([said]).values())
    assert description(B, index.about(B)) == "of the buyer"
    assert list(index.other_names()) == [("sales.a", A)]
    assert list(index.listed()) == [A]


def test_two_tables_at_one_location_are_both_told() -> None:
    said = listed(5, table("sales.a", [EMAIL]), table("sales.b", [{"name": "email", "type": "varchar(9)"}]))
    types = {key: fact["value"] for key, fact in told(B, said).items()}
    assert types == {"type sales.a": "string", "type sales.b": "varchar(9)"}


def test_what_a_system_lists_no_longer_is_empty_and_is_told_of_no_other_node() -> None:
    first, then = listed(5, table("sales.a", [EMAIL], names=["sales.a"])), listed(6)
    index = StatementIndex(effective([then, first]).values())
    assert (statements_facts(A, index.about(A)), statements_facts(B, index.about(B))) == ("", "")
    assert description(B, index.about(B)) == ""
    assert statements_facts("s3://lake/b", index.about("s3://lake/b")) is None
    assert list(index.listed()) == []
    assert list(index.other_names()) == []


def test_facts_of_several_sources_are_all_told_and_a_snapshot_replaces_those_of_its_scope() -> None:
    def facts(source: str, at: int, **value: object) -> Snapshot:
        said = [{"kind": "facts", "subject": A, "value": value}] if value else []
        return snapshot({"source": source, "scope": "x", "at": at, "statements": said})

    said = (facts("glue", 1, rows=10, owner="ann"), facts("glue", 2, rows=11), facts("lakeformation", 1, rows=9))
    both = [(one["source"], one["value"]) for one in json.loads(statements_facts(A, effective(said).values()) or "")]
    assert both == [("glue", 11), ("lakeformation", 9)]
    assert told(A, *said, facts("lakeformation", 3))["rows"]["source"] == "glue"


@pytest.mark.parametrize(
    "said",
    [
        listed(5, table("sales.a", [EMAIL, DAY], format="delta")),
        listed(5, {"kind": "facts", "subject": B, "value": {"a": [1]}}),
    ],
)
def test_what_is_listed_as_text_and_back(said: Snapshot) -> None:
    assert parse(text(said)) == said


@pytest.mark.parametrize(
    ("said", "field", "message"),
    [
        (table("t", [{"type": "int"}]), "value", r"columns\[0\].name"),
        (table("t", [{"name": " "}]), "value", r"columns\[0\].name"),
        (table("t", [{"name": "a", "types": "int"}]), "value", "no field 'types'"),
        (table("t", [{"name": "a", "partitionKey": 1}]), "value", r"columns\[0\].partitionKey"),
        (table("t", [], names="sales.a"), "value", "names to be a list"),
        ({"kind": "dataset", "subject": B, "value": {}}, "subject", "URI of one dataset"),
        ({"kind": "dataset", "subject": A, "value": "text"}, "value", "JSON object"),
        ({"kind": "facts", "subject": "s3://*", "value": {}}, "subject", "pattern"),
        ({"kind": "facts", "subject": A, "value": {"": 1}}, "value", "keys"),
        ({"kind": "facts", "subject": A, "value": {"a": float("nan")}}, "value", "JSON"),
        ({"kind": "tag", "subject": A, "value": "pii", "name": "x"}, "name", "no name"),
    ],
)
def test_what_is_wrong_in_a_listing_is_named(said: dict[str, object], field: str, message: str) -> None:
    with pytest.raises(StatementError, match=message) as refused:
        listed(1, said)
    assert refused.value.field == field


def test_people_list_nothing() -> None:
    with pytest.raises(StatementError, match="systems state the kind facts"):
        parse(json.dumps({"kind": "facts", "subject": A, "value": {}, "at": 1}).encode())


def test_the_digest_that_a_sender_gives_is_kept_and_makes_no_other_snapshot() -> None:
    given = {"source": "glue", "scope": "x", "at": 1, "statements": []}
    made = snapshot({**given, "digest": "abc"})
    assert (parse(text(made)), made.digest, made.id) == (made, "abc", snapshot(given).id)
    with pytest.raises(StatementError, match="expected digest"):
        snapshot({**given, "digest": "a b"})
