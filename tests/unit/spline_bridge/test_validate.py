"""What real senders send is taken; what is malformed is refused, with its path and what was expected there."""

from __future__ import annotations

import copy
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.spline_bridge.errors import DecodeError
from headwater.spline_bridge.validate import validate_events, validate_plan

PAYLOADS = Path(__file__).parents[2] / "payloads"
PLANS = sorted(PAYLOADS.glob("*/*-plan.json"))
EVENTS = sorted(PAYLOADS.glob("*/*-event.json"))

PLAN_ID = "96dbe69a-7668-5f19-a99c-90eec557905a"

# The smallest plan, and the smallest one of the Spline agent for Python (PyPI spline-agent 0.1.2): no attributes.
PLAN: dict[str, Any] = {
    "operations": {"write": {"outputSource": "file:/out", "append": False, "id": "op-0", "childIds": []}},
    "systemInfo": {"name": "spark", "version": "3.5.9"},
}
PYTHON_AGENT_PLAN: dict[str, Any] = {
    "id": PLAN_ID,
    "name": "my job",
    "operations": {
        "write": {"outputSource": "s3://b/out", "append": True, "id": "write-0", "childIds": ["func-0"], "name": None},
        "reads": [{"inputSources": ["s3://b/in"], "id": "read-0", "name": None, "output": None, "params": None}],
        "other": [
            {"id": "func-0", "name": "f", "childIds": ["read-0"], "output": None, "extra": {"source": "def f()"}}
        ],
    },
    "attributes": None,
    "expressions": None,
    "systemInfo": {"name": "Python", "version": "3.11"},
    "agentInfo": {"name": "spline", "version": "0.1.2"},
    "extraInfo": None,
}
NESTED_PLAN: dict[str, Any] = {
    "operations": {
        "write": {"outputSource": "file:/out", "append": False, "id": 0, "childIds": [1], "schema": None},
        "reads": [{"inputSources": ["file:/in"], "id": 1, "childIds": [], "schema": ["attr-0"]}],
    },
    "systemInfo": {"name": "spark", "version": "3.5.9"},
    "extraInfo": {"attributes": [{"id": "attr-0", "name": "a", "dataTypeId": None}]},
}
EVENT: dict[str, Any] = {"planId": PLAN_ID, "timestamp": 1795385406773}


def version_of(path: Path) -> str:
    return "1.0" if "api_1_0" in path.parent.name else "1.2"


def changed(document: Any, path: str, value: Any) -> Any:
    """A copy with `value` at the dotted path; `...` removes what is there."""
    document = copy.deepcopy(document)
    *outer, last = (int(step) if step.isdigit() else step for step in path.split("."))
    node = document
    for step in outer:
        node = node[step]
    if value is ...:
        del node[last]
    else:
        node[last] = value
    return document


def refusal(document: Any, version: str = "1.2", *, events: bool = False) -> str:
    with pytest.raises(DecodeError) as refused:
        (validate_events if events else validate_plan)(document, version)
    return str(refused.value)


@pytest.mark.parametrize("path", PLANS, ids=lambda p: f"{p.parent.name}/{p.name}")
def test_a_recorded_plan_is_taken(path: Path) -> None:
    validate_plan(json.loads(path.read_bytes()), version_of(path))


@pytest.mark.parametrize("path", EVENTS, ids=lambda p: f"{p.parent.name}/{p.name}")
def test_a_recorded_event_is_taken(path: Path) -> None:
    validate_events(json.loads(path.read_bytes()), version_of(path))


@pytest.mark.parametrize(
    ("document", "version"),
    [
        (PLAN, "1.2"),
        (PLAN, "1.1"),
        (PYTHON_AGENT_PLAN, "1.1"),  # null stands for absent
        (NESTED_PLAN, "1.0"),
        (changed(PLAN, "nobodyKnowsThis", [1]), "1.2"),  # unknown fields are ignored
        (changed(PLAN, "labels", {"team": ["a", "b"]}), "1.2"),
        (changed(PLAN, "attributes", [{"id": "a", "name": "a", "dataType": {"any": [1]}}]), "1.2"),  # any dataType
        (
            changed(PLAN, "attributes", [{"id": "a", "name": "a", "childRefs": [{"__exprId": "gone"}]}]),
            "1.2",
        ),  # dangling
        (changed(PLAN, "operations.write.childIds", ["gone"]), "1.2"),  # dangling
        (
            changed(PLAN, "attributes", [{"id": "a", "name": "", "childRefs": [{"__attrId": "a", "__exprId": None}]}]),
            "1.2",
        ),
        (changed(PLAN, "expressions", {"constants": [{"id": "e", "value": None}]}), "1.2"),  # the literal null
        (changed(PLAN, "operations.write.params", {"deep": [[[[None]]]]}), "1.2"),
        (changed(PLAN, "id", PLAN_ID.upper()), "1.2"),
    ],
)
def test_a_lenient_reading_takes_a_plan(document: Any, version: str) -> None:
    validate_plan(document, version)


@pytest.mark.parametrize(
    ("document", "version"),
    [
        ([], "1.2"),
        ([EVENT, EVENT], "1.0"),
        ([{**EVENT, "error": {"any": "thing"}, "extra": None, "durationNs": None}], "1.2"),
        ([{**EVENT, "extra": {"durationNs": "7051773107"}}], "1.0"),
        ([{**EVENT, "timestamp": 2**63 - 1, "durationNs": 0, "labels": {"a": []}}], "1.2"),
    ],
)
def test_a_lenient_reading_takes_events(document: Any, version: str) -> None:
    validate_events(document, version)


OPS = {"write": {"outputSource": "o", "append": True, "id": "w", "childIds": ["a"]}}
UUID_WRONG = "$.id: expected a UUID, got another string"

MALFORMED_PLANS = [
    ([], "$: expected an execution plan, got an array"),
    ("text", "$: expected an execution plan, got a string"),
    (None, "$: expected an execution plan, got null"),
    (changed(PLAN, "operations", ...), "$.operations: expected an object, got nothing"),
    (changed(PLAN, "operations.write", ...), "$.operations.write: expected an object, got nothing"),
    (changed(PLAN, "operations.write.append", "yes"), "$.operations.write.append: expected a boolean, got a string"),
    (changed(PLAN, "operations.write.id", 0), "$.operations.write.id: expected a string, got an integer"),
    (
        changed(PLAN, "operations.write.childIds", None),
        "$.operations.write.childIds: expected an array of strings, got null",
    ),
    (
        changed(PLAN, "operations.write.childIds", ["a", 1.5]),
        "$.operations.write.childIds[1]: expected a string, got a number",
    ),
    (changed(PLAN, "operations.reads", {}), "$.operations.reads: expected an array, got an object"),
    (
        changed(PYTHON_AGENT_PLAN, "operations.reads.0.id", None),
        "$.operations.reads[0].id: expected a string, got null",
    ),
    (
        changed(PYTHON_AGENT_PLAN, "operations.reads.0.inputSources", ...),
        "$.operations.reads[0].inputSources: expected an array of strings, got nothing",
    ),
    (
        changed(PYTHON_AGENT_PLAN, "operations.other.0.params", []),
        "$.operations.other[0].params: expected an object, got an array",
    ),
    (changed(PLAN, "systemInfo", "spark"), "$.systemInfo: expected an object with name and version, got a string"),
    (changed(PLAN, "systemInfo.version", ...), "$.systemInfo.version: expected a string, got nothing"),
    (changed(PLAN, "id", "x"), UUID_WRONG),
    (changed(PLAN, "id", PLAN_ID + "\n"), UUID_WRONG),
    (changed(PLAN, "id", PLAN_ID.replace("-", "")), UUID_WRONG),
    (changed(PLAN, "id", 7), "$.id: expected a UUID, got an integer"),
    (changed(PLAN, "labels", {"team lead": "x"}), '$.labels["team lead"]: expected an array of strings, got a string'),
    (
        changed(PLAN, "attributes", [{"id": "a", "name": "n", "childRefs": [{"__attrId": "b", "__exprId": "e"}]}]),
        "$.attributes[0].childRefs[0]: expected exactly one of __attrId and __exprId, got both",
    ),
    (
        changed(PLAN, "attributes", [{"id": "a", "name": "n", "childRefs": [{}]}]),
        "$.attributes[0].childRefs[0]: expected exactly one of __attrId and __exprId, got neither",
    ),
    (
        changed(PLAN, "attributes", [{"id": "a", "name": "n", "childRefs": ["b"]}]),
        "$.attributes[0].childRefs[0]: expected exactly one of __attrId and __exprId, got a string",
    ),
    (
        changed(PLAN, "expressions", {"functions": [{"id": "e", "name": "f", "childRefs": [{"__attrId": 1}]}]}),
        (
            "$.expressions.functions[0].childRefs[0].__attrId: expected a string, got an integer\n"
            "$.expressions.functions[0].childRefs[0]: expected exactly one of __attrId and __exprId, got neither"
        ),
    ),
    (
        changed(PLAN, "expressions", {"constants": [{"id": "e"}]}),
        "$.expressions.constants[0].value: expected any value or null, got nothing",
    ),
    # what a schema cannot say
    (changed(PYTHON_AGENT_PLAN, "operations.other.0.id", "read-0"), "$.operations: Duplicated operation IDs: read-0"),
    (
        changed(PLAN, "attributes", [{"id": i, "name": i} for i in "aabbccdd"]),
        "$.attributes: Duplicated attribute IDs: a, b, c",
    ),
    (
        changed(PLAN, "expressions", {"functions": [{"id": "e", "name": "f"}], "constants": [{"id": "e", "value": 1}]}),
        "$.expressions: Duplicated expression IDs: e",
    ),
    (changed(PLAN, "attributes", [{"id": "a\nb", "name": "x"}] * 2), "$.attributes: Duplicated attribute IDs: a?b"),
    (
        changed(PLAN, "operations.write.childIds", ["op-0"]),
        "$.operations: Inconsistent entity: the operations are cyclic: op-0 -> op-0",
    ),
    (
        changed(PLAN, "operations", {**OPS, "other": [{"id": "a", "childIds": ["b"]}, {"id": "b", "childIds": ["a"]}]}),
        "$.operations: Inconsistent entity: the operations are cyclic: a -> b -> a",
    ),
    (
        changed(
            PLAN,
            "operations",
            {**OPS, "other": [{"id": c, "childIds": [n]} for c, n in zip("abcdef", "bcdefa", strict=True)]},
        ),
        "$.operations: Inconsistent entity: the operations are cyclic: a -> b -> c -> ... -> a",
    ),
]


@pytest.mark.parametrize(("document", "message"), MALFORMED_PLANS, ids=[message[:70] for _, message in MALFORMED_PLANS])
def test_a_malformed_plan_is_refused(document: Any, message: str) -> None:
    assert refusal(document) == message


MALFORMED_NESTED_PLANS = [
    (changed(NESTED_PLAN, "operations.write.id", "op-0"), "$.operations.write.id: expected an integer, got a string"),
    (
        changed(NESTED_PLAN, "operations.write.childIds", ["1"]),
        "$.operations.write.childIds[0]: expected an integer, got a string",
    ),
    (
        changed(NESTED_PLAN, "operations.reads.0.schema", "a"),
        "$.operations.reads[0].schema: expected an array of strings, got a string",
    ),
    (changed(NESTED_PLAN, "operations.reads.0.id", 0), "$.operations: Duplicated operation IDs: 0"),
    (
        changed(NESTED_PLAN, "operations.reads.0.childIds", [0]),
        "$.operations: Inconsistent entity: the operations are cyclic: 0 -> 1 -> 0",
    ),
    (
        changed(NESTED_PLAN, "extraInfo.attributes", [{"id": "a", "name": "x"}] * 2),
        "$.extraInfo.attributes: Duplicated attribute IDs: a",
    ),
]


@pytest.mark.parametrize(("document", "message"), MALFORMED_NESTED_PLANS)
def test_a_malformed_plan_of_api_1_0_is_refused(document: Any, message: str) -> None:
    assert refusal(document, "1.0") == message


MALFORMED_EVENTS = [
    (EVENT, "$: expected an array of execution events, got an object"),
    ([1], "$[0]: expected an object, got an integer"),
    ([EVENT, {"planId": PLAN_ID}], "$[1].timestamp: expected a 64-bit integer, got nothing"),
    ([{"timestamp": 1}], "$[0].planId: expected a UUID, got nothing"),
    ([{**EVENT, "planId": "plan-1"}], "$[0].planId: expected a UUID, got another string"),
    ([{**EVENT, "timestamp": "1795385406773"}], "$[0].timestamp: expected a 64-bit integer, got a string"),
    ([{**EVENT, "timestamp": True}], "$[0].timestamp: expected a 64-bit integer, got a boolean"),
    ([{**EVENT, "timestamp": 1.5}], "$[0].timestamp: expected a 64-bit integer, got a number"),
    ([{**EVENT, "timestamp": 2**63}], "$[0].timestamp: expected a 64-bit integer, got an integer out of its range"),
    (
        [{**EVENT, "timestamp": 2**63, "extra": 1}],
        (
            "$[0].timestamp: expected a 64-bit integer, got an integer out of its range\n"
            "$[0].extra: expected an object, got an integer"
        ),
    ),
    (
        [{**EVENT, "timestamp": 5.0}],
        "$[0].timestamp: expected a 64-bit integer, got a number with a fraction or an exponent",
    ),
    (
        [{**EVENT, "durationNs": -(2.0**63)}],
        "$[0].durationNs: expected a 64-bit integer, got a number with a fraction or an exponent",
    ),
    ([{**EVENT, "extra": []}], "$[0].extra: expected an object, got an array"),
    ([{**EVENT, "labels": {"a": [1]}}], "$[0].labels.a[0]: expected a string, got an integer"),
]


@pytest.mark.parametrize(("document", "message"), MALFORMED_EVENTS)
def test_malformed_events_are_refused(document: Any, message: str) -> None:
    assert refusal(document, events=True) == message


def test_three_faults_are_named_and_the_others_counted() -> None:
    plan = changed(PLAN, "attributes", [{"id": i} for i in range(10)])
    first, *others, more = refusal(plan).splitlines()
    assert first.startswith("$.attributes[0].")
    assert len(others) == 2
    assert more == "and 17 more"


def test_a_plan_of_a_hundred_thousand_faults_is_refused_in_a_few_words() -> None:
    assert len(refusal(changed(PLAN, "attributes", [0] * 100_000))) < 300


def test_a_refusal_shows_no_values_and_no_endless_keys() -> None:
    secret = "hunter2" * 1000
    assert "hunter2" not in refusal(changed(PLAN, "operations.write.append", secret))
    assert len(refusal(changed(PLAN, "labels", {"k" * 10_000: 1}))) < 200


def test_a_deep_plan_is_validated_without_recursion() -> None:
    deep: Any = []
    for _ in range(900):
        deep = [deep]
    validate_plan(changed_params(deep), "1.2")


def changed_params(value: Any) -> Any:
    return {**PLAN, "operations": {"write": {**PLAN["operations"]["write"], "params": {"deep": value}}}}


def test_a_long_chain_of_operations_is_no_cycle() -> None:
    other = [{"id": str(i), "childIds": [str(i + 1)]} for i in range(20_000)]
    validate_plan(changed(PLAN, "operations.other", other), "1.2")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["id", "name", "childIds", "write", "reads", "other", "planId", "x"]), inner)
    ),
    max_leaves=20,
)


@given(document=JSON, parts=st.dictionaries(st.sampled_from(["operations", "attributes", "expressions", "id"]), JSON))
def test_whatever_comes_is_taken_or_refused(document: Any, parts: dict[str, Any]) -> None:
    for version in ("1.0", "1.1", "1.2"):
        for candidate in (document, {**PLAN, **parts}):
            for validate in (validate_plan, validate_events):
                with suppress(DecodeError):
                    validate(candidate, version)
