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
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from headwater.errors import WrongUse
from headwater.graphmodel.delta import digest
from headwater.ingest.places.yaml_file import KEY, Fault, InvalidYaml, schema_faults
from headwater.ingest.places.yaml_file import Path as DocumentPath
from headwater.ingest.places.yaml_file import parse as parse_yaml

Change = Literal["added", "removed", "changed"]
CHANGES: tuple[Change, ...] = ("added", "removed", "changed")

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
        """What it is called in reports and in the state: never a secret, and another name for each target.

        Who knows the path or the query of a webhook may post there, so of its URL only the server is shown, and eight
        digits of a SHA-256 tell two of one server apart.
        """
        if self.kind != "webhook":
            return f"{self.kind} {self.target}".strip()
        parts = urlsplit(self.target)
        return f"webhook {parts.scheme}://{parts.netloc.rpartition('@')[2]} ({digest(self.target)[:8]})"

    def is_called(self, name: str) -> bool:
        """Whether this is its name, or was before version 0.2: reports that wait in a state are kept under names."""
        return name in (self.name, f"{self.kind} {self.target.partition('?')[0]}")


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
    try:
        document = parse_yaml(text, name)
    except InvalidYaml as error:
        raise WrongUse(str(error)) from None
    for place, message, near in _faults(document.data):
        line, column = document.mark(place)
        raise WrongUse(f"{name}:{line}:{column}: {message}", near)
    zone = document.data.get("timezone", "UTC")
    return tuple(_watch(row, zone) for row in document.data["watches"])


def _faults(document: Any) -> Iterator[Fault]:
    """What is wrong: by the schema first, then what a schema cannot say."""
    broken = list(schema_faults(document, schema(), _SENTENCES))
    yield from broken
    if not broken:
        yield from _more_faults(document)


_SENTENCES = {"oneOf": "expected stdout, or a mapping with file, webhook or sns"}


def _more_faults(document: Mapping[str, Any]) -> Iterator[Fault]:
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
        yield from _channel_faults(row, place)
        yield from _question_faults(row, place)
        yield from _schedule_faults(row, place)


def _channel_faults(row: Mapping[str, Any], place: DocumentPath) -> Iterator[Fault]:
    names: set[str] = set()
    for number, channel in enumerate(map(_channel, row["tell"])):
        if channel.name in names:
            yield (*place, "tell", number), f"{channel.name} is told twice", ()
        names.add(channel.name)


def _question_faults(row: Mapping[str, Any], place: DocumentPath) -> Iterator[Fault]:
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
            yield (*place, "parameters", name, KEY), f"{row['question']} has no parameter {name!r}", near


def _schedule_faults(row: Mapping[str, Any], place: DocumentPath) -> Iterator[Fault]:
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
