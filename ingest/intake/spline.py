"""The bridges of the Spline Producer API: execution plans and execution events.

The rules are those of `headwater.spline_bridge`, which is loaded when the first payload needs it: its validators take
a twentieth of a second to load. CPU-heavy on large bodies: about 45 ms a megabyte.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import orjson

from headwater.graphmodel import accounts
from headwater.graphmodel.naming import DEFAULT, Rules, canonical
from headwater.ingest.intake.accounts import OtherAccount, check_account, check_namespace, split_type, typed
from headwater.ingest.intake.body import InvalidBody, dump, parse_and_compare
from headwater.ingest.intake.bridge import (
    READ,
    WRITTEN,
    Accepted,
    Bridge,
    Decoded,
    DecodeError,
    Known,
    Named,
    Payload,
    Receipt,
)
from headwater.ingest.ledger.entries import NewEntry
from headwater.spline_bridge.errors import DecodeError as SplineError
from headwater.spline_bridge.versions import CONTENT_TYPES

_PLAN = "spline.plan"
_EVENTS = "spline.events"
_FLAT = "application/vnd.absa.spline.producer.v1.2+json"
_NESTED = "application/json"


def _accept_plan(content_type: str, body: bytes, receipt: Receipt) -> Accepted:
    """One entry; the answer is the plan's id: its own, or the one that it gets for its bytes."""
    from headwater.spline_bridge.identity import agent_plan_id
    from headwater.spline_bridge.validate import validate_plan

    def validate(document: Any, version: str) -> None:
        validate_plan(document, version)
        if receipt.account is not None:
            _check_account(document, receipt.account)

    document, entry = _accepted(_PLAN, validate, content_type, body, receipt)
    return Accepted((entry,), agent_plan_id(document, entry.body), f"job {document.get('name') or '(no name)'}")


def _accept_events(content_type: str, body: bytes, receipt: Receipt) -> Accepted:
    """One entry for the whole array, none for an empty one."""
    from headwater.spline_bridge.validate import validate_events

    def validate(document: Any, version: str) -> None:
        if isinstance(document, list) and len(document) > receipt.limits.events:
            raise InvalidBody(413, f"more than {receipt.limits.events:,} events in one request: send them in parts")
        validate_events(document, version)

    document, entry = _accepted(_EVENTS, validate, content_type, body, receipt)
    return Accepted((entry,) if document else (), about=f"of plan {document[0]['planId']}" if document else "")


def _accepted(
    kind: str, validate: Callable[[Any, str], None], content_type: str, body: bytes, receipt: Receipt
) -> tuple[Any, NewEntry]:
    """The document and its entry: its own bytes, or where something was taken out of it, what is left."""
    from headwater.spline_bridge.redact import redact

    document, repeats_keys = parse_and_compare(body, receipt.limits)
    try:
        validate(document, CONTENT_TYPES[content_type])
    except OtherAccount as error:
        raise InvalidBody(403, str(error)) from None
    except SplineError as error:
        raise InvalidBody(400, str(error)) from None
    kept, redactions = redact(document)
    kept_bytes = dump(kept) if redactions or repeats_keys else body
    return kept, NewEntry(kind, typed(content_type, receipt.account), kept_bytes, receipt.sender, redactions)


def _check_account(plan: Mapping[str, Any], account: str) -> None:
    """OtherAccount: what the plan says of its job names another one."""
    from headwater.spline_bridge.glue_names import ACCOUNT
    from headwater.spline_bridge.jobs import NAMESPACES

    for part in ("labels", "extraInfo"):
        said = plan.get(part)
        for key, value in said.items() if isinstance(said, Mapping) else ():
            check = check_account if key == ACCOUNT else check_namespace if key in NAMESPACES else None
            for each in (value if isinstance(value, list) else [value]) if check else ():
                check(account, each, part, key)  # type: ignore[misc]


def _decode_plan(body: bytes, content_type: str, rules: Rules = DEFAULT) -> Decoded:
    from headwater.spline_bridge.decode import decode_plan

    plain, account = split_type(content_type)
    try:
        plan = decode_plan(body, plain, rules)
        return Decoded(plans=(accounts.plan_of(plan, account) if account else plan,))
    except SplineError as error:
        raise DecodeError(str(error)) from error


def _decode_events(body: bytes, content_type: str, rules: Rules = DEFAULT) -> Decoded:
    from headwater.spline_bridge.decode import decode_events

    plain, account = split_type(content_type)
    try:
        runs = decode_events(body, plain, rules)
        return Decoded(runs=tuple(accounts.run_of(run, account) for run in runs) if account else runs)
    except SplineError as error:
        raise DecodeError(str(error)) from error


def _output_types(body: bytes, content_type: str, _index: int, /, names: Sequence[str] | None = None) -> dict[str, str]:
    from headwater.spline_bridge.schema import output_types

    return output_types(body, content_type, names)


def _input_types(body: bytes, content_type: str, _index: int, rules: Rules = DEFAULT) -> dict[str, dict[str, str]]:
    from headwater.spline_bridge.schema import input_types

    plain, account = split_type(content_type)
    found = input_types(body, plain, rules)
    return {accounts.dataset_of(uri, account): types for uri, types in found.items()} if account else found


def _named_by_plan(plan: Mapping[str, Any], rules: Rules, _known: Known) -> Named:
    operations = plan["operations"]
    read = {source for each in operations.get("reads") or () for source in each.get("inputSources") or ()}
    written = (canonical(operations["write"]["outputSource"], rules), WRITTEN)
    return frozenset({written, *((canonical(source, rules), READ) for source in read)})


def _named_by_plans_of(events: Sequence[Mapping[str, Any]], _rules: Rules, known: Known) -> Named | None:
    found: set[tuple[str, str]] = set()
    for event in events:
        plan = known(event["planId"])
        if plan is None:
            return None
        found |= plan
    return frozenset(found)


# files ----------------------------------------------------------------------------------------------------------------


def _plan_in(document: object, body: bytes) -> Iterator[Payload]:
    """A plan as posted, or the one in a `_LINEAGE` file, which the agent's `hdfs` dispatcher writes beside the data."""
    if isinstance(document, Mapping) and "executionPlan" in document:
        plan = document["executionPlan"]
        if not isinstance(plan, Mapping):
            raise DecodeError("its executionPlan is no object")
        yield Payload(_version_of(plan), orjson.dumps(plan))
    elif isinstance(document, Mapping) and isinstance(document.get("operations"), Mapping):
        yield Payload(_version_of(document), body)


def _events_in(document: object, body: bytes) -> Iterator[Payload]:
    """An array of events, a single event, or the one in a `_LINEAGE` file, which need not name its plan."""
    if isinstance(document, Mapping) and "executionPlan" in document:
        plan, event = document["executionPlan"], document.get("executionEvent")
        if isinstance(plan, Mapping) and isinstance(event, Mapping):
            named = event if event.get("planId") else {**event, "planId": plan.get("id")}
            yield Payload(_FLAT, orjson.dumps([named]))
    elif isinstance(document, Mapping) and isinstance(document.get("operations"), Mapping):
        return  # a plan, whatever else stands in it
    elif _is_event(document):
        yield Payload(_FLAT, b"[" + body.strip() + b"]")
    elif isinstance(document, list) and document and all(map(_is_event, document)):
        yield Payload(_FLAT, body)


def _is_event(document: object) -> bool:
    return isinstance(document, Mapping) and "planId" in document and "timestamp" in document


def _version_of(plan: Mapping[str, Any]) -> str:
    """The content type: API 1.0 numbers its operations, later versions name them."""
    write = plan["operations"].get("write") if isinstance(plan.get("operations"), Mapping) else None
    return _NESTED if isinstance(write, Mapping) and isinstance(write.get("id"), int) else _FLAT


PLANS = Bridge(
    kind=_PLAN,
    title="a Spline execution plan",
    counted="plans",
    path="/producer/execution-plans",
    content_types=tuple(CONTENT_TYPES),
    accept=_accept_plan,
    decode=_decode_plan,
    recognise=_plan_in,
    output_types=_output_types,
    input_types=_input_types,
    names=_named_by_plan,
    repeats=True,
)

EVENTS = Bridge(
    kind=_EVENTS,
    title="execution events",
    counted="events",
    path="/producer/execution-events",
    content_types=tuple(CONTENT_TYPES),
    accept=_accept_events,
    decode=_decode_events,
    recognise=_events_in,
    names=_named_by_plans_of,
)
