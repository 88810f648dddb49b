"""Two schemas of one dataset: what is read as a schema, and what differs."""

from __future__ import annotations

import json

import pytest

from headwater.check.difference import Difference
from headwater.check.schemas import differences, read_schema
from headwater.errors import WrongUse

D = "s3://lake/raw/customers"


def spark(*fields: tuple[str, object]) -> str:
    listed = [{"name": name, "type": type_, "nullable": True, "metadata": {}} for name, type_ in fields]
    return json.dumps({"type": "struct", "fields": listed})


INNER = {"type": "struct", "fields": [{"name": "City", "type": "string"}, {"name": "zip", "type": "integer"}]}

#: a schema as text, the columns and types that it means
SCHEMAS = [
    (spark(("ID", "long"), ("at", "timestamp")), {"id": "bigint", "at": "timestamp"}),
    (spark(("price", "decimal(10, 2)")), {"price": "decimal(10,2)"}),
    (spark(("address", INNER)), {"address": "struct<City:string,zip:int>"}),
    (
        spark(("tags", {"type": "array", "elementType": {"type": "map", "keyType": "string", "valueType": "short"}})),
        {"tags": "array<map<string,smallint>>"},
    ),
    (spark(("v", {"type": "udt", "sqlType": "double"})), {"v": "double"}),
    ('{"id": "LONG", "name": "string"}', {"id": "bigint", "name": "string"}),
]


@pytest.mark.parametrize(("text", "expected"), SCHEMAS)
def test_schemas_in_either_form(text: str, expected: dict[str, str]) -> None:
    assert read_schema(text, "new.json") == expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "new.json is not JSON"),
        ("[]", "new.json is no schema"),
        ("{}", "new.json is no schema"),
        ('{"a": 1}', "new.json: a: 1 is no type"),
        ('{"a": "int", "A": "int"}', "new.json names a column twice"),
        ('{"type": "struct", "fields": [{"type": "int"}]}', "new.json: a field needs a name and a type"),
        (spark(("a", {"type": "array"})), "new.json: a: null is no type"),
        (spark(("a", {"type": "set"})), 'new.json: a: {"type": "set"} is no type'),
    ],
)
def test_what_is_no_schema_is_refused_by_name(text: str, said: str) -> None:
    with pytest.raises(WrongUse) as refused:
        read_schema(text, "new.json")
    assert refused.value.message.startswith(said)


OLD = {"id": "bigint", "email": "string", "age": "int"}


@pytest.mark.parametrize(
    ("new", "guess", "expected"),
    [
        (OLD, False, []),
        (dict(reversed(OLD.items())), False, []),  # order is no difference
        ({"id": "bigint", "age": "int"}, False, [Difference(D, "email", "drop", "string")]),
        ({**OLD, "age": "bigint"}, False, [Difference(D, "age", "retype", "int", "bigint")]),
        ({**OLD, "city": "string"}, False, [Difference(D, "city", "add", None, "string")]),
        (
            {"id": "bigint", "mail": "string", "age": "int"},
            False,
            [Difference(D, "email", "drop", "string"), Difference(D, "mail", "add", None, "string")],
        ),
        (
            {"id": "bigint", "mail": "string", "age": "int"},
            True,
            [Difference(D, "email", "rename", "email", "mail", guessed=True)],
        ),
        (  # another type at its place is no rename
            {"id": "bigint", "mail": "int", "age": "int"},
            True,
            [Difference(D, "email", "drop", "string"), Difference(D, "mail", "add", None, "int")],
        ),
    ],
)
def test_differences(new: dict[str, str], guess: bool, expected: list[Difference]) -> None:
    assert differences(D, OLD, new, guess_renames=guess) == expected
