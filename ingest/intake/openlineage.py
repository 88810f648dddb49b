"""The bridge of OpenLineage: single events, as all its clients send them, and batches of them.

One event is one entry. An entry says nothing alone: the events of one run are folded together, in whatever order they
come. The rules are those of `headwater.openlineage_bridge`, which is loaded when the first event needs it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import orjson

from headwater.graphmodel.naming import DEFAULT, Rules, from_openlineage
from headwater.ingest.intake.accounts import OtherAccount, check_account, check_namespace, split_type, typed
from headwater.ingest.intake.body import InvalidBody, dump, parse, parse_and_compare
from headwater.ingest.intake.bridge import (
    READ,
    WRITTEN,
    Accepted,
    Bridge,
    Decoded,
    DecodeError,
    Folded,
    Known,
    Named,
    Part,
    Payload,
    Receipt,
)
from headwater.ingest.ledger.entries import NewEntry
from headwater.spline_bridge.errors import DecodeError as WrongField

if TYPE_CHECKING:
    from headwater.openlineage_bridge.events import LineageEvent

_EVENT = "openlineage.event"
_JSON = "application/json"


def _accept_event(_content_type: str, body: bytes, receipt: Receipt) -> Accepted:
    """One entry; no answer but the status, as OpenLineage's own server."""
    document, repeats_keys = parse_and_compare(body, receipt.limits)
    if isinstance(document, list):
        raise InvalidBody(400, "$: expected one event, as a JSON object: post an array to /api/v1/lineage/batch")
    try:
        entry, about = _entry(document, None if repeats_keys else body, receipt)
    except OtherAccount as error:
        raise InvalidBody(403, str(error)) from None
    except WrongField as error:
        raise InvalidBody(400, str(error)) from None
    return Accepted((entry,), about=about)


def _accept_batch(_content_type: str, body: bytes, receipt: Receipt) -> Accepted:
    """An entry for each event that is one; the answer names those that are none."""
    document = parse(body, receipt.limits)
    if not isinstance(document, list):
        raise InvalidBody(400, "$: expected an array of events")
    if len(document) > receipt.limits.events:
        raise InvalidBody(413, f"more than {receipt.limits.events:,} events in one request: send them in parts")
    entries: list[NewEntry] = []
    failed: list[dict[str, Any]] = []
    for index, one in enumerate(document):
        try:
            entries.append(_entry(one, None, receipt)[0])
        except WrongField as error:
            failed.append({"index": index, "reason": str(error), "retriable": False})
    answer = {
        "status": "partial_success" if failed else "success",
        "summary": {"received": len(document), "successful": len(entries), "failed": len(failed)},
        "failed_events": failed,
    }
    return Accepted(tuple(entries), answer, f"{len(document)} events", status=200)


def _entry(document: Any, body: bytes | None, receipt: Receipt) -> tuple[NewEntry, str]:
    """The entry of an event, and its job for the log. WrongField: it is no event.

    `body`: what is kept if nothing is taken out of it; None: the document, written anew.
    """
    from headwater.openlineage_bridge.events import new_event
    from headwater.openlineage_bridge.redact import redact

    found = new_event(document)
    if receipt.account is not None:
        _check_account(found, receipt.account)
    kept, redactions = redact(document)
    kept_bytes = dump(kept) if redactions or body is None else body
    about = f"job {kept['job']['name']}" if found.job[1] else "a dataset"  # it goes into the log: redacted
    return NewEntry(_EVENT, typed(_JSON, receipt.account), kept_bytes, receipt.sender, redactions), about


def _check_account(event: LineageEvent, account: str) -> None:
    """OtherAccount: what the event says of its job names another one."""
    from headwater.spline_bridge.glue_names import ACCOUNT

    check_namespace(account, event.job[0], "job", "namespace")
    properties = event.facets("run").get("spark_properties", {}).get("properties")
    if isinstance(properties, dict):
        check_account(account, properties.get(ACCOUNT), "run", "facets", "spark_properties", "properties", ACCOUNT)


def _decode(body: bytes, content_type: str, rules: Rules = DEFAULT) -> Decoded:
    from headwater.openlineage_bridge.events import event

    try:
        found = event(orjson.loads(body), split_type(content_type)[1] or "")
    except (WrongField, orjson.JSONDecodeError) as error:
        raise DecodeError(str(error)) from error
    from headwater.openlineage_bridge.declaring import said

    return Decoded(statements=said(found, rules), part=Part(found.group, found, settles=found.settles))


def _fold(contents: Sequence[Any], rules: Rules) -> Folded:
    from headwater.graphmodel.ids import job_id
    from headwater.openlineage_bridge.mapping import mapped

    try:
        found = mapped(contents, rules)
    except WrongField as error:
        raise DecodeError(str(error)) from error
    assert found is not None, "a group has entries"
    job = job_id(found.job.namespace, found.job.name)
    said = (found.plans, found.runs, found.digest, found.outcome.value, job)
    return Folded(*said, found.parent, found.passes_on, found.otherwise, _counts(contents))


def _counts(contents: Sequence[LineageEvent]) -> tuple[int, ...] | None:
    """The one event that counts of those without a run: the latest, and of equal ones the first that came."""
    if contents[0].is_run:
        return None
    last = max(event.order for event in contents)
    return (next(position for position, event in enumerate(contents) if event.order == last),)


def _output_types(
    body: bytes, _content_type: str, _index: int, /, names: Sequence[str] | None = None
) -> dict[str, str]:
    """Types of all output columns that the event says, whichever output has them: nearly always there is one."""
    from headwater.openlineage_bridge.columns import field_types
    from headwater.openlineage_bridge.events import event, objects_in

    outputs = event(orjson.loads(body)).datasets("outputs")
    return {name: kind for one in outputs for name, kind in field_types(objects_in(one, "facets")).items()}


def _in_file(document: object, body: bytes) -> Iterator[Payload]:
    """An event, or an array of them, as OpenLineage's file transport and its tests write them; a page of Marquez's API.

    What DataHub and OpenMetadata export is made into events.
    """
    if isinstance(document, Mapping) and isinstance(document.get("events"), list):
        document = document["events"]
    if _is_event(document):
        yield Payload(_JSON, body)
    elif isinstance(document, list) and document and all(map(_is_event, document)):
        yield from (Payload(_JSON, dump(one)) for one in document)
    elif isinstance(document, (list, Mapping)):
        yield from _exported(document)


def _exported(document: object) -> Iterator[Payload]:
    from headwater.openlineage_bridge import datahub, openmetadata

    try:
        if datahub.is_export(document):
            yield from (Payload(_JSON, dump(one)) for one in datahub.events(document))
        elif isinstance(document, Mapping) and openmetadata.is_export(document):
            yield from (Payload(_JSON, dump(one)) for one in openmetadata.events(document))
    except WrongField as error:
        raise DecodeError(str(error)) from None


def _is_event(document: object) -> bool:
    about = ("run", "job", "dataset")
    return isinstance(document, Mapping) and "eventTime" in document and any(key in document for key in about)


def _named(event: Mapping[str, Any], rules: Rules, _known: Known) -> Named:
    written = [*(event.get("outputs") or ()), *([event["dataset"]] if "dataset" in event else ())]
    return frozenset(
        (from_openlineage(dataset["namespace"].strip(), dataset["name"].strip(), rules).uri, role)
        for role, datasets in ((WRITTEN, written), (READ, event.get("inputs") or ()))
        for dataset in datasets
    )


OPENLINEAGE = Bridge(
    kind=_EVENT,
    title="an OpenLineage event",
    counted="events",
    path="/api/v1/lineage",
    content_types=(_JSON,),
    accept=_accept_event,
    decode=_decode,
    recognise=_in_file,
    output_types=_output_types,
    names=_named,
    fold=_fold,
    batch_path="/api/v1/lineage/batch",
    accept_batch=_accept_batch,
)
