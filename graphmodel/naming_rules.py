"""The rules of dataset names that users can change: which folders and dates are no datasets of their own. Pure.

To fold is to leave the last folders of a path out of the dataset's name: the folders ``dt=2026-01-01`` and
``dt=2026-01-02`` are one dataset. `Rules` says what folds; users change it in ``naming.yaml``. How a spelling becomes a
URI before that is in `graphmodel.naming_schemes`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Any, Protocol

from headwater.graphmodel import name_patterns
from headwater.graphmodel.name_patterns import Glob
from headwater.graphmodel.naming_schemes import BUCKETS, DATABASE_FILES, FILE_SYSTEMS, PORTS, normalise
from headwater.graphmodel.run_names import (
    DATE,
    DAY,
    EXECUTION,
    HOUR,
    MILLISECONDS,
    MONTH,
    MONTH_OF_A_YEAR,
    PERIOD,
    QUARTER,
    TIME,
    UUID,
    WEEK,
    YEAR,
)

_PATH = re.compile(r"([a-z][a-z0-9+.-]*):(//([^/]*))?/?(.*)", re.DOTALL)
_KEY_VALUE = re.compile(r"[^=\s][^=]*=.+", re.DOTALL)
_YEAR, _MONTH, _DAY, _HOUR = map(re.compile, (YEAR, MONTH, DAY, HOUR))
_WEEK, _QUARTER, _ONE_DAY = map(re.compile, (WEEK, QUARTER, DATE))
_DATE = re.compile(rf"{DATE}|{MONTH_OF_A_YEAR}|{TIME}|{PERIOD}|{MILLISECONDS}")
_RUN_ID_TEXT = rf"{UUID}|{DATE}|{TIME}|[0-9]{{1,20}}"
#: A folder that one execution made, by its name: the execution's id, or run_ or batch_ and an id. A UUID alone is no
#: run: Unity Catalog keeps each table in a folder with one for its name.
_RUN = re.compile(rf"{EXECUTION}|(?:run|batch)(?:_?id)?[-_](?:{_RUN_ID_TEXT})")
_RUNS_FOLDER, _RUN_ID = re.compile("runs?|executions|batches"), re.compile(_RUN_ID_TEXT)
#: A stage of a saved pipeline of Spark ML, which is kept below the model under a random uid:
#: stages/0_VectorAssembler_0123456789ab/metadata.
_STAGES, _STAGE, _STAGE_PART = re.compile("stages"), re.compile(r"[0-9]+_\w+_[0-9a-f]{12}"), re.compile("[A-Za-z]+")
#: Hadoop's and Spark's files of one output: part-00000, part-r-00000.gz, part-00000-<uuid>-c000.snappy.parquet.
_PART_FILE = re.compile(r"part-(?:[mr]-)?[0-9]+(?:[-.][\w.=-]*)?")
#: The metadata_location of an Iceberg table: metadata/00001-<uuid>.metadata.json, metadata/v1.metadata.json.
_ICEBERG = (re.compile("metadata"), re.compile(r"v?[0-9][\w.-]*\.metadata\.json"))


class SegmentPattern(Protocol):
    """A pattern of one segment: a regular expression of this module, or a user's `Glob`."""

    def fullmatch(self, string: str, /) -> object:
        """Something true if all of the text matches."""


Shape = tuple[SegmentPattern, ...]  #: one pattern for each of the last folders
_PARTITIONS: tuple[Shape, ...] = ((_KEY_VALUE,),)
_DATES: tuple[Shape, ...] = (
    (_YEAR, _MONTH, _DAY, _HOUR),
    (_YEAR, _MONTH, _DAY),
    (_YEAR, _MONTH),
    (_YEAR, _WEEK),
    (_YEAR, _QUARTER),
    (_ONE_DAY, _HOUR),
    (_DATE,),
)
_RUNS: tuple[Shape, ...] = (
    (_RUNS_FOLDER, _RUN_ID),
    (_RUNS_FOLDER, _RUN),
    (_RUN,),
    (_STAGES, _STAGE),
    (_STAGES, _STAGE, _STAGE_PART),
)
#: A last folder that no shape here ends with but a stage's, so that none is tried: most names are such.
_PLAIN = re.compile(r"(?!run|batch)[^0-9=]+")
_FILES: tuple[Shape, ...] = ((_PART_FILE,), _ICEBERG)
#: An S3 key may have // before the partition: when the partition is left out, an empty folder is the last one.
_EMPTY_FOLDER: tuple[Shape, ...] = ((re.compile(""),),)

_LISTS = ("folders", "names", "datasets")
_NAMESPACES = "namespaces"


class InvalidRules(ValueError):
    """Naming rules that cannot be used. `place` is the path to the wrong part: a key, and in a list an index."""

    def __init__(self, message: str, *place: str | int) -> None:
        super().__init__(message)
        self.place = place


@dataclass(frozen=True)
class Rules:
    """What folds. A change of the rules renames datasets, so the graph has to be built again from the ledger.

    `partitions` folds ``dt=2026-01-01/hour=03``, `dates` folds ``2026/01``, ``2026/01/31``, ``2026/01/31/23``,
    ``2026-01``, ``202601``, ``2026-01-31``, ``20260131``, ``31.01.2026``, each of these days with a time, ``2026-W09``,
    ``2026-Q1`` and milliseconds since 1970 (a year alone is no date: it names too many other things), `files` folds a
    ``part-*`` file and an Iceberg table's metadata file, `runs` folds the folder of one execution, such as
    ``run_<uuid>``, ``runs/7``, ``batch_7``, a Glue job run's ``jr_...``, ``application_...`` or a stage of a pipeline
    that Spark ML saved. The others are patterns (`graphmodel.name_patterns`):
    `folders` are further folders at the end of a path that fold, such as ``run-{uuid}`` or ``runs/{timestamp}``.
    `names` are last segments, or names of tables, of which the text that the placeholders match is left out, such as
    ``*_{date}``. `datasets` are URIs that are datasets exactly as they are written: all folders below one fold into it,
    and its own folders never fold; if several match, the longest counts. `namespaces` are pairs (another name, the name
    that is kept) of a host, account, bucket or folder, which only people can know to be one: the alias of an S3 access
    point and its bucket, a locator of Snowflake and the account's name, a name node and its name service.
    """

    partitions: bool = True
    dates: bool = True
    files: bool = True
    datasets: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    runs: bool = True
    namespaces: tuple[tuple[str, str], ...] = ()

    @classmethod
    def from_mapping(cls, values: Mapping[str, object]) -> Rules:
        """Rules from settings, the absent ones as by default. Raises InvalidRules that names the key at fault."""
        known = {field.name for field in fields(cls)}
        for key, value in values.items():
            if key not in known:
                message = f"unknown naming rule {key!r}: expected one of {', '.join(sorted(known))}"
                raise InvalidRules(message, key)
            if key not in (*_LISTS, _NAMESPACES) and not isinstance(value, bool):
                message = f"naming rule {key!r}: expected true or false"
                raise InvalidRules(message, key)
        checked: dict[str, Any] = dict(values)
        checked.update((key, _patterns(key, values[key])) for key in _LISTS if key in values)
        if _NAMESPACES in values:
            checked[_NAMESPACES] = _namespaces(values[_NAMESPACES])
        return cls(**checked)

    @property
    def text(self) -> str:
        """The rules as JSON, the same text for the same rules; empty for the default. `from_text` reads it."""
        if self == DEFAULT:
            return ""
        changed = {f.name: getattr(self, f.name) for f in fields(self) if getattr(self, f.name) != f.default}
        if self.namespaces:
            changed[_NAMESPACES] = dict(self.namespaces)
        return json.dumps(changed, sort_keys=True, ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def from_text(cls, text: str) -> Rules:
        """The rules of a `text`. InvalidRules: it was made by another version."""
        return cls.from_mapping(json.loads(text)) if text else DEFAULT


def _patterns(key: str, value: object) -> tuple[str, ...]:
    what = "URIs" if key == "datasets" else "patterns"
    if not isinstance(value, (list, tuple)):
        raise InvalidRules(f"naming rule {key!r}: expected a list of {what}", key)
    for number, pattern in enumerate(value):
        if not isinstance(pattern, str):
            raise InvalidRules(f"naming rule {key!r}: expected a list of {what}", key, number)
        try:
            name_patterns.check(pattern)
        except name_patterns.InvalidPattern as error:
            raise InvalidRules(f"naming rule {key!r}: {error}", key, number) from None
        if key == "names":
            _check_name_pattern(pattern, number)
    return tuple(value)


def _namespaces(value: object) -> tuple[tuple[str, str], ...]:
    if not isinstance(value, Mapping):
        raise InvalidRules("naming rule 'namespaces': expected another name and the name that is kept", _NAMESPACES)
    for other, kept in value.items():
        if not isinstance(kept, str) or not isinstance(other, str) or ":" not in other or ":" not in kept:
            message = f"naming rule 'namespaces': {other!r}: expected a URI for a URI, such as s3://alias: s3://bucket"
            raise InvalidRules(message, _NAMESPACES, other)
    pairs = tuple(sorted(value.items()))
    prefixes = _prefixes(pairs)
    for other, kept in pairs:
        if _moved(_prefix(kept), prefixes) is None:
            message = f"naming rule 'namespaces': {other!r} leads to a name that leads back to it"
            raise InvalidRules(message, _NAMESPACES, other)
    return pairs


def _prefix(namespace: str) -> str:
    return normalise(namespace).rstrip("/")


def _prefixes(pairs: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """The pairs with their URIs normalised, the longest other name first."""
    return tuple(sorted(((_prefix(o), _prefix(k)) for o, k in pairs), key=lambda pair: (-len(pair[0]), pair)))


def _moved(uri: str, prefixes: Sequence[tuple[str, str]]) -> str | None:
    """The URI under the namespaces that are kept; None where the pairs lead round in a circle."""
    for _ in range(len(prefixes) + 1):
        pair = next(
            (p for p in prefixes if uri.startswith(p[0]) and (len(uri) == len(p[0]) or uri[len(p[0])] in "/:")), None
        )
        if pair is None:
            return uri
        uri = normalise(pair[1] + uri[len(pair[0]) :])
    return None


def move(uri: str, rules: Rules) -> str:
    """A normalised URI under the namespace that is kept, where `Rules.namespaces` has another name of it."""
    return (_moved(uri, _compiled(rules).namespaces) or uri) if rules.namespaces else uri


def _check_name_pattern(pattern: str, number: int) -> None:
    if "/" in pattern:
        raise InvalidRules(
            f"naming rule 'names': {pattern!r} has a /: it is about the last part of a name", "names", number
        )
    if not any(f"{{{name}}}" in pattern for name in name_patterns.PLACEHOLDERS):
        raise InvalidRules(f"naming rule 'names': {pattern!r} has no placeholder to leave out", "names", number)


DEFAULT = Rules()
#: Nothing folds: for comparing what different rules make of a name.
UNFOLDED = Rules(partitions=False, dates=False, files=False, runs=False)


@dataclass(frozen=True)
class _Compiled:
    """Rules, compiled once for many names. A longer shape comes before a shorter one, which may be its end."""

    shapes: tuple[Shape, ...]
    datasets: tuple[tuple[Glob, ...], ...]
    names: tuple[Glob, ...]
    namespaces: tuple[tuple[str, str], ...]
    built_in: bool  #: there are no shapes but those of this module


@lru_cache(maxsize=64)
def _compiled(rules: Rules) -> _Compiled:
    built_in = (
        (rules.partitions, _PARTITIONS),
        (rules.dates, _DATES),
        (rules.files, _FILES),
        (rules.runs, _RUNS),
    )
    folders: list[Shape] = [name_patterns.globs(pattern.strip("/")) for pattern in rules.folders]
    folders += [shape for holds, shapes in built_in if holds for shape in shapes]
    shapes = _EMPTY_FOLDER + tuple(sorted(folders, key=len, reverse=True))
    datasets = sorted((name_patterns.globs(normalise(uri)) for uri in rules.datasets), key=len, reverse=True)
    names = tuple(map(name_patterns.glob, rules.names))
    return _Compiled(shapes, tuple(datasets), names, _prefixes(rules.namespaces), built_in=not rules.folders)


#: Schemes whose last part is a table, behind the last dot; and those where it is a name without parts.
_TABLE_SCHEMES = frozenset({*PORTS, "snowflake", "bigquery", "hive", "trino", "awsathena", "unitycatalog"} - {"kafka"})
_UNDIVIDED_NAME_SCHEMES = frozenset({"kafka", "arn", *DATABASE_FILES})
_BARE_TABLE = re.compile(r"[\w$-]+(?:\.[\w$-]+)*")  #: a table of a catalog: db.orders


def fold_path(uri: str, rules: Rules) -> tuple[str, str | None]:
    """A normalised URI as (dataset URI, the text of what was folded or None).

    Folders fold only in paths of files; `Rules.names` also apply to the names of tables and topics. Before all that a
    namespace that people gave another name gets it (`Rules.namespaces`).
    """
    uri = move(uri, rules)
    match = _PATH.fullmatch(uri)
    if match is None or not (match[1] in BUCKETS or match[1] in FILE_SYSTEMS):
        return _fold_table(uri, match[1] if match else None, rules)
    compiled = _compiled(rules)
    root = _segments_of_fixed_dataset(uri.split("/"), compiled.datasets) if compiled.datasets else 0
    if root:
        parts = uri.split("/")
        return "/".join(parts[:root]), _partition(parts[root:])
    segments = match[4].split("/")
    minimum = 0 if match[1] in BUCKETS and match[3] and not match[3].startswith("arn:") else 1
    kept, folded = _split_folded(segments, compiled, match[1], minimum)
    if not folded:
        return uri, None
    head = uri[: len(uri) - len(match[4])]
    return (head + "/".join(kept)).rstrip("/"), _partition(folded)


def _segments_of_fixed_dataset(segments: Sequence[str], datasets: Iterable[tuple[Glob, ...]]) -> int:
    """The number of segments of the dataset that `Rules.datasets` names; 0 if none of its patterns matches."""
    for pattern in datasets:
        if len(pattern) <= len(segments) and name_patterns.match_all(pattern, segments[: len(pattern)]):
            return len(pattern)
    return 0


def _split_folded(segments: list[str], compiled: _Compiled, scheme: str, minimum: int) -> tuple[list[str], list[str]]:
    """The segments that stay, at least `minimum`, and those that fold. Goes on until no shape and no name matches."""
    kept, folded = list(segments), []
    while True:
        plain = compiled.built_in and kept and _PLAIN.fullmatch(kept[-1]) and kept[-3:-2] != ["stages"]
        end = len(kept) if plain else _without_last(kept, len(kept), compiled.shapes, minimum)
        if end < len(kept):
            folded.append(kept[end:])
            del kept[end:]
            continue
        shorter = _without_date(kept[-1], compiled.names, scheme) if kept and compiled.names else None
        if shorter is None:
            return kept, [segment for group in reversed(folded) for segment in group]
        folded.append([kept[-1]])
        kept[-1] = shorter


def _without_date(name: str, patterns: Iterable[Glob], scheme: str) -> str | None:
    """The name without what placeholders match; None if no pattern matches, or if no letter or digit would be left."""
    for pattern in patterns:
        shorter = pattern.without_placeholders(name)
        if shorter is not None and shorter != name and any(map(str.isalnum, shorter)):
            alone = f"{scheme}://x/{shorter}"
            if normalise(alone) == alone:  # else the cut is in the middle of an escape
                return shorter
    return None


def fold_table(name: str, rules: Rules) -> str:
    """The name of a table in a catalog, such as ``sales.orders_20260301``, folded by `Rules.names`."""
    return _fold_table(name, None, rules)[0] if rules.names else name


def _fold_table(uri: str, scheme: str | None, rules: Rules) -> tuple[str, str | None]:
    """A table or topic: its name alone can fold. A query or an unresolved dataset has no name of its own."""
    compiled = _compiled(rules)
    whole = scheme in _UNDIVIDED_NAME_SCHEMES
    if not compiled.names or not (whole or scheme in _TABLE_SCHEMES or _BARE_TABLE.fullmatch(uri)) or "?" in uri:
        return uri, None
    segments = uri.split("/")
    if "//" in uri and len(segments) <= len(("scheme:", "", "host")):
        return uri, None
    if _segments_of_fixed_dataset(
        segments, [pattern for pattern in compiled.datasets if len(pattern) == len(segments)]
    ):
        return uri, None
    start = uri.rfind("/") + 1 or uri.rfind(":") + 1
    name = first = uri[start:] if whole else uri[max(start, uri.rfind(".") + 1) :]
    head = uri[: len(uri) - len(name)]
    while (shorter := _without_date(name, compiled.names, "x")) is not None:
        name = shorter
    return (head + name, first) if name != first and normalise(head + name) == head + name else (uri, None)


def _without_last(segments: Sequence[str], end: int, shapes: Sequence[Shape], minimum: int) -> int:
    """The start of the last segments before `end`, if they match one of the shapes; `end` if they match none."""
    for shape in shapes:
        start = end - len(shape)
        if start >= minimum and all(p.fullmatch(s) for p, s in zip(shape, segments[start:end], strict=True)):
            return start
    return end


def _partition(segments: Sequence[str]) -> str | None:
    """The folded folders as the path has them, without the file."""
    end = _without_last(segments, len(segments), _FILES, 0)
    text = "/".join(segment for segment in segments[:end] if segment)
    return text.replace("%23", "#").replace("%25", "%") or None
