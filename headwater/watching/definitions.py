"""Reads a file of watches: YAML, checked against its schema. An error names its line and column.

The schema is `watches.schema.json` beside this module. PyYAML and cronsim come with the extra ``watch``.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from headwater.errors import WrongUse

Change = Literal["added", "removed", "changed"]
CHANGES: tuple[Change, ...] = ("added", "removed", "changed")

KeyPath = tuple[object, ...]  #: the keys and list indexes that lead to one part of the document

_LARGEST = 2**20  #: bytes of a file of watches: some thousand of them. YAML is slow to read, and this is no data file
_MIDNIGHT = (2000, 1, 1)


@dataclass(frozen=True)
class Channel:
    """Where reports are delivered: ``stdout``, ``file``, ``webhook`` or ``sns``, its target and options."""

    kind: str
    target: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """What it is called in reports and in the state: never a secret."""
        return f"{self.kind} {self.target.partition('?')[0]}".strip()


@dataclass(frozen=True)
class Watch:
    """A question that is asked regularly. `schedule` None: only by ``headwater watch run``."""

    name: str
    nodes: tuple[str, ...]
    question: str
    parameters: Mapping[str, Any]
    tell: tuple[Channel, ...]
    schedule: str | None = None
    timezone: str = "UTC"
    news: tuple[Change, ...] = CHANGES
    ignore: tuple[str, ...] = ()


def read(path: Path) -> tuple[Watch, ...]:
    """The watches in a file. WrongUse: what is wrong, as ``FILE:LINE:COLUMN: ...``."""
    try:
        text = path.read_bytes()
    except OSError as error:
        raise WrongUse(f"{path} cannot be read: {error.strerror or error}") from None
    if len(text) > _LARGEST:
        raise WrongUse(f"{path} has more than {_LARGEST:,} bytes: a file of watches is smaller")
    return parse(text, str(path))


def parse(text: bytes, name: str) -> tuple[Watch, ...]:
    """The watches in a YAML text; `name` is the file's, for what is said. WrongUse."""
    document, marks = _document(text, name)
    for place, message, near in _faults(document):
        line, column = _mark(marks, place)
        raise WrongUse(f"{name}:{line}:{column}: {message}", near)
    zone = document.get("timezone", "UTC")
    return tuple(_watch(row, zone) for row in document["watches"])


def _document(text: bytes, name: str) -> tuple[Any, dict[KeyPath, tuple[int, int]]]:
    """The data, and where each part of it begins (line and column from 1)."""
    import yaml

    marks: dict[KeyPath, tuple[int, int]] = {}
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{name}:{mark.line + 1}:{mark.column + 1}" if mark else name
        raise WrongUse(f"{where}: not YAML: {getattr(error, 'problem', None) or error}") from None
    except (RecursionError, ValueError) as error:
        raise WrongUse(f"{name}: not YAML: {error}") from None
    _collect(root, (), marks)
    return data, marks


def _collect(node: Any, place: KeyPath, marks: dict[KeyPath, tuple[int, int]]) -> None:
    stack: list[tuple[Any, KeyPath]] = [(node, place)]
    seen: set[int] = set()  # a YAML alias may refer to a node that contains it: without this, an endless loop
    while stack:
        node, place = stack.pop()
        if node is None or id(node) in seen:
            continue
        seen.add(id(node))
        marks[place] = (node.start_mark.line + 1, node.start_mark.column + 1)
        if node.id == "mapping":
            stack.extend((value, (*place, key.value)) for key, value in node.value)
            marks.update(
                ((*place, key.value, _KEY), (key.start_mark.line + 1, key.start_mark.column + 1))
                for key, _ in node.value
            )
        elif node.id == "sequence":
            stack.extend((item, (*place, number)) for number, item in enumerate(node.value))


_KEY = "\0key"  #: after a key in a place: the key itself, not its value


def _mark(marks: Mapping[KeyPath, tuple[int, int]], place: KeyPath) -> tuple[int, int]:
    """Where a part begins, or what is nearest around it."""
    while place and place not in marks:
        place = place[:-1]
    return marks.get(place, (1, 1))


_Fault = tuple[KeyPath, str, "tuple[str, ...]"]


def _faults(document: Any) -> Iterator[_Fault]:
    """What is wrong: by the schema first, then what a schema cannot say."""
    broken = list(_schema_faults(document))
    yield from broken
    if not broken:
        yield from _more_faults(document)


def _schema_faults(document: Any) -> Iterator[_Fault]:
    from jsonschema import Draft202012Validator

    validator = Draft202012Validator(schema())
    for error in sorted(validator.iter_errors(document), key=lambda e: [str(part) for part in e.absolute_path]):
        place: KeyPath = tuple(error.absolute_path)
        if error.validator == "additionalProperties":
            known = sorted(error.schema["properties"])
            unknown = min(set(error.instance) - set(known))
            yield (*place, unknown, _KEY), f"unknown key {unknown!r}", tuple(difflib.get_close_matches(unknown, known))
        elif error.validator == "oneOf":
            yield place, "expected stdout, or a mapping with file, webhook or sns", ()
        else:
            path = ".".join(map(str, place)) or "the file"
            yield place, f"{path}: {error.message}", ()


def _more_faults(document: Mapping[str, Any]) -> Iterator[_Fault]:
    zone = document.get("timezone", "UTC")
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        yield ("timezone",), f"there is no time zone {zone!r}", ()
    names: set[str] = set()
    for number, row in enumerate(document["watches"]):
        place = ("watches", number)
        if row["name"] in names:
            yield (*place, "name"), f"there are two watches {row['name']!r}", ()
        names.add(row["name"])
        yield from _question_faults(row, place)
        yield from _schedule_faults(row, place)


def _question_faults(row: Mapping[str, Any], place: KeyPath) -> Iterator[_Fault]:
    from headwater.queries.catalogue.catalogue import BY_NAME

    query = BY_NAME.get(row["question"])
    if query is None or node_parameter(row["question"]) is None:
        known = [name for name in BY_NAME if node_parameter(name)]
        near = tuple(difflib.get_close_matches(row["question"], known))
        yield (*place, "question"), f"there is no question {row['question']!r} about a node", near
        return
    known = [p.name for p in query.parameters]
    for name in row.get("parameters", {}):
        if name not in known or name == node_parameter(row["question"]):
            near = tuple(difflib.get_close_matches(name, known))
            yield (*place, "parameters", name, _KEY), f"{row['question']} has no parameter {name!r}", near


def _schedule_faults(row: Mapping[str, Any], place: KeyPath) -> Iterator[_Fault]:
    import datetime as dt

    from cronsim import CronSim, CronSimError

    if "schedule" in row:
        try:
            next(CronSim(row["schedule"], dt.datetime(*_MIDNIGHT, tzinfo=dt.timezone.utc)))
        except StopIteration:
            yield (*place, "schedule"), f"the schedule {row['schedule']!r} names no time that ever comes", ()
        except CronSimError as error:
            yield (*place, "schedule"), f"the schedule {row['schedule']!r} is not cron's: {error}", ()


def node_parameter(question: str) -> str | None:
    """The name of the one parameter of a query that is a node; None: it has none, or several."""
    from headwater.queries.catalogue.catalogue import BY_NAME

    names = [p.name for p in BY_NAME[question].parameters if p.type == "node" and "tag" not in p.labels]
    return names[0] if len(names) == 1 else None


def schema() -> dict[str, Any]:
    """The JSON Schema of a watches file."""
    text = files("headwater.watching").joinpath("watches.schema.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


def _watch(row: Mapping[str, Any], zone: str) -> Watch:
    return Watch(
        name=row["name"],
        nodes=tuple(row["nodes"]),
        question=row["question"],
        parameters=row.get("parameters", {}),
        tell=tuple(map(_channel, row["tell"])),
        schedule=row.get("schedule"),
        timezone=zone,
        news=tuple(row.get("news", CHANGES)),
        ignore=tuple(row.get("ignore", ())),
    )


def _channel(given: str | Mapping[str, Any]) -> Channel:
    if isinstance(given, str):
        return Channel(given)
    kind = next(kind for kind in ("file", "webhook", "sns") if kind in given)
    return Channel(kind, given[kind], {key: value for key, value in given.items() if key != kind})
