"""One OpenLineage event: is it one, what is it about, and when was it. What its facets mean is not here.

Three kinds, told apart by their keys: a RunEvent has a `run`, a JobEvent a `job` and no run, a DatasetEvent a
`dataset`. All released versions of the specification have the same outer form, so one reader serves them all; facets
that nobody knows are kept as they are.
"""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import cached_property
from typing import Any

import orjson

from headwater.graphmodel.accounts import id_of
from headwater.spline_bridge.errors import DecodeError, json_path, shown

#: The states of a run that end it, the one that counts first: a failed Spark write sends FAIL and then COMPLETE.
ENDS = ("FAIL", "ABORT", "COMPLETE")
_STATES = ("START", "RUNNING", *reversed(ENDS), "OTHER")  #: all that the specification has for `eventType`
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")

Json = Mapping[str, Any]


@dataclass(frozen=True)
class LineageEvent:
    """One event. `at` in ns since 1970; `state` in upper case, OTHER where the event says none.

    `group` is what its facts are folded with: all events of one run; of a job without a run, those that replace each
    other. A DatasetEvent is a group of its own: what it says are facts of one moment, and others add to them.
    `account` is that for which it was reported, empty for none: no event of another account is in its group.
    """

    group: str
    at: int
    state: str
    document: Json
    account: str = ""

    @cached_property
    def digest(self) -> str:
        """The same for the same content, however its JSON is written."""
        return digest(self.document)

    @property
    def order(self) -> tuple[int, str]:
        """Its place in time; events of one moment are ordered by their content, never by arrival."""
        return self.at, self.digest

    @property
    def is_run(self) -> bool:
        """Whether it is a RunEvent."""
        return self.group.startswith("run:")

    @property
    def is_dataset(self) -> bool:
        """Whether it is a DatasetEvent."""
        return self.group.startswith("dataset:")

    @property
    def settles(self) -> bool:
        """Whether its group comes to something with it: it ends a run, or tells what holds of the runs in it."""
        kind = self.facets("job").get("jobType", {}).get("jobType")
        return self.state in ENDS or not self.is_run or kind == "APPLICATION"

    @property
    def run_id(self) -> str:
        """The run's id as it was sent; empty without a run."""
        run = self.document.get("run")
        return str(run["runId"]) if isinstance(run, dict) else ""

    @property
    def job(self) -> tuple[str, str]:
        """Namespace and name of its job, as they were sent; both empty without a job."""
        job = self.document.get("job")
        return (str(job["namespace"]), str(job["name"])) if isinstance(job, dict) else ("", "")

    def facets(self, of: str) -> Json:
        """The facets of its ``run`` or ``job``."""
        return objects_in(self.document.get(of), "facets")

    def datasets(self, side: str) -> list[Json]:
        """The datasets at ``inputs`` or ``outputs``; of a DatasetEvent its dataset is the output."""
        if self.is_dataset:
            return [self.document["dataset"]] if side == "outputs" else []
        listed = self.document.get(side) or ()
        return [one if one["namespace"].strip() else {**one, "namespace": nameless(self.job)} for one in listed]


def event(document: Any, account: str = "") -> LineageEvent:
    """The event in a parsed document. DecodeError: the path of what is wrong, and what was expected there."""
    if not isinstance(document, dict):
        raise DecodeError("expected an event as a JSON object")
    group = _group(document)
    at = _time(document.get("eventTime"))
    for side in ("inputs", "outputs"):
        for path, dataset in _listed(document, side):
            _pair(dataset, path, named=False)
            for facets in ("facets", f"{side[:-1]}Facets"):
                _object_or_none(dataset, facets, path)
    for part in ("run", "job", "dataset"):
        if isinstance(document.get(part), dict):
            _object_or_none(document[part], "facets", (part,))
    given = document.get("eventType")
    if given is not None and not isinstance(given, str):
        raise DecodeError("expected a string", "$.eventType")
    return LineageEvent(_of_account(group, account), at, (given or "OTHER").upper(), document, account)


def new_event(document: Any) -> LineageEvent:
    """As `event`, and DecodeError for what earlier versions kept: a ledger that has it can still be read with `event`.

    A state that the specification does not have, a state without a run, and column lineage without a list of inputs:
    the sender means something that would not be in any answer. Facets that nobody knows are not looked at.
    """
    found = event(document)
    if document.get("eventType") is not None:
        if found.state not in _STATES or not document["eventType"]:
            raise DecodeError(f"expected one of {', '.join(_STATES)}", "$.eventType")
        if not found.is_run:
            raise DecodeError("expected an object: an event with an eventType is about a run", "$.run")
    for side in ("inputs", "outputs"):
        for path, dataset in _listed(document, side):
            _check_input_fields(dataset, path)
    if isinstance(document.get("dataset"), dict):
        _check_input_fields(document["dataset"], ("dataset",))
    return found


def _check_input_fields(dataset: Json, path: tuple[str | int, ...]) -> None:
    fields = objects_in(objects_in(dataset, "facets").get("columnLineage"), "fields")
    for column, entry in fields.items():
        given = entry.get("inputFields")
        if given is not None and not (isinstance(given, list) and all(isinstance(one, dict) for one in given)):
            place = (*path, "facets", "columnLineage", "fields", column, "inputFields")
            raise DecodeError("expected an array of objects", json_path(place))


def nameless(job: tuple[str, str]) -> str:
    """The namespace of a dataset of a job for which none was sent: nobody else's dataset has it.

    Flink's listener leaves it empty for tables of connectors that it does not know, such as files.
    """
    return f"{NAMELESS}{uuid.uuid5(_NAMELESS, json.dumps(job))}"


NAMELESS = "unresolved:"
_NAMELESS = uuid.UUID("5d1f2c0e-8a44-4a57-9c3b-0c9a4f6f7b21")  # random once, fixed for ever: names depend on it


def digest(document: Any) -> str:
    """A hash of the content: the order of keys and white space do not matter."""
    try:
        text = orjson.dumps(document, option=orjson.OPT_SORT_KEYS)
    except TypeError:  # orjson writes at most 254 levels; real events have 12
        text = json.dumps(_flat(document), sort_keys=True).encode()
    return hashlib.sha256(text).hexdigest()


def _flat(document: Any) -> list[list[Any]]:
    """The same content without nesting: each plain value with its path. Without recursion."""
    found: list[list[Any]] = []
    waiting: list[tuple[tuple[Any, ...], Any]] = [((), document)]
    while waiting:
        path, node = waiting.pop()
        if isinstance(node, dict) and node:
            waiting += (((*path, key), value) for key, value in node.items())
        elif isinstance(node, list) and node:
            waiting += (((*path, index), value) for index, value in enumerate(node))
        else:
            found.append([list(map(str, path)), node])
    return sorted(found, key=repr)


def group_of(run_id: str, account: str = "") -> str:
    """The group of the run with this id, a UUID in upper or lower case, that was reported for an account."""
    return _of_account(f"run:{run_id.lower()}", account)


def _of_account(group: str, account: str) -> str:
    return id_of(group, account) if account else group


def objects_in(holder: Any, key: str) -> Json:
    """What stands at `key`, without what is no object; nothing if there is no object at all."""
    found = holder.get(key) if isinstance(holder, dict) else None
    return {k: v for k, v in found.items() if isinstance(v, dict)} if isinstance(found, dict) else {}


def _group(document: dict[str, Any]) -> str:
    if document.get("run") is not None:
        run = document["run"]
        if not isinstance(run, dict):
            raise DecodeError("expected an object", "$.run")
        run_id = _text(run, "runId", ("run",))
        namespace, name = _pair(document.get("job"), ("job",))
        # Only a UUID is the id of one run: others ("run_id", "1") are used by many jobs.
        return group_of(run_id) if _UUID.fullmatch(run_id.lower()) else f"run:{run_id} {namespace} {name}"
    if document.get("job") is not None:
        return "job:{} {}".format(*_pair(document["job"], ("job",)))
    if document.get("dataset") is not None:
        _pair(document["dataset"], ("dataset",))
        return f"dataset:{digest(document)}"
    raise DecodeError("expected a run, a job or a dataset")


def _listed(document: Json, side: str) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    found = document.get(side)
    if found is None:  # some clients write null, some leave it out
        return
    if not isinstance(found, list):
        raise DecodeError("expected an array", json_path((side,)))
    for index, dataset in enumerate(found):
        yield (side, index), dataset


def _pair(thing: Any, path: tuple[str | int, ...], *, named: bool = True) -> tuple[str, str]:
    """Namespace and name. Not `named`: the namespace may be empty (`nameless`)."""
    if not isinstance(thing, dict):
        raise DecodeError("expected an object with namespace and name", json_path(path))
    if not named and isinstance(thing.get("namespace"), str) and not thing["namespace"].strip():
        return "", _text(thing, "name", path)
    return _text(thing, "namespace", path), _text(thing, "name", path)


def _text(thing: Json, key: str, path: tuple[str | int, ...]) -> str:
    found = thing.get(key)
    if not isinstance(found, str) or not found.strip():
        raise DecodeError("expected a string that is not empty", json_path((*path, key)))
    return found


def _object_or_none(thing: Json, key: str, path: tuple[str | int, ...]) -> None:
    if not isinstance(thing.get(key), (dict, type(None))):
        raise DecodeError("expected an object", json_path((*path, key)))


_TIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9})\d*)?)?"
    r"\s*([Zz]|[+-]\d\d(?::?\d\d)?)?(?:\[[^\]]*\])?"
)


def _time(given: Any) -> int:
    """Ns since 1970 of an ISO 8601 time with 0 to 9 digits of a second's fraction; without a zone it is UTC."""
    match = _TIME.fullmatch(given.strip()) if isinstance(given, str) else None
    if match is None:
        raise DecodeError("expected a time such as 2026-01-31T08:30:00.000Z", "$.eventTime")
    *numbers, fraction, zone = match.groups()
    year, month, day, hour, minute, second = (int(number or 0) for number in numbers)
    try:
        leap = second == 60  # noqa: PLR2004 - a leap second, which `datetime` does not know
        moment = datetime(year, month, day, hour, minute, 59 if leap else second, tzinfo=timezone.utc)
        moment = moment - _offset(zone) + timedelta(seconds=leap)
    except (ValueError, OverflowError):
        raise DecodeError(f"there is no such time: {shown(given)}", "$.eventTime") from None
    seconds = (moment - _EPOCH) // timedelta(seconds=1)
    if seconds < 0:
        raise DecodeError("expected a time after 1970", "$.eventTime")
    return seconds * 10**9 + int((fraction or "0").ljust(9, "0"))


_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def _offset(zone: str | None) -> timedelta:
    if zone is None or zone in "Zz":
        return timedelta()
    digits = zone[1:].replace(":", "").ljust(4, "0")
    ahead = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return ahead if zone[0] == "+" else -ahead
