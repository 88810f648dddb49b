"""Which naming rule would join the datasets that a job makes anew in each run. Pure.

Here: from names to a rule of `graphmodel.naming_rules`. Not here: whether they are one dataset; people decide that.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from headwater.graphmodel.naming import canonical
from headwater.graphmodel.naming_rules import Rules

#: So many names of one shape, and fewer are a coincidence (``orders_2024``, ``orders_2025``).
FEWEST = 3


class Suggestion(NamedTuple):
    """Datasets whose names differ in numbers, dates and ids alone.

    `shape` is their common name with placeholders, `rule` the line of ``naming.yaml`` that joins them, empty if none
    does.
    """

    shape: str
    datasets: tuple[str, ...]
    rule: str


def suggestions(datasets: Iterable[str]) -> Iterator[Suggestion]:
    """The groups among these canonical names of which each is at least `FEWEST` datasets, by shape."""
    groups: dict[str, set[str]] = {}
    for uri in datasets:
        groups.setdefault(_shape(uri), set()).add(uri)
    for shape, found in sorted(groups.items()):
        if len(found) >= FEWEST:
            yield Suggestion(shape, tuple(sorted(found)), _rule(shape, found))


def _shape(uri: str) -> str:
    """``s3://lake/run-{number}`` of ``s3://lake/run-17``; the host or bucket, and what is no path, stays as it is."""
    scheme, mark, path = uri.partition("://")
    host, slash, rest = path.partition("/") if mark else ("", "", scheme)
    segments = "/".join(_CHANGING.sub(_placeholder, segment) for segment in rest.split("/"))
    return f"{scheme}://{host}{slash}{segments}" if mark else segments


def _placeholder(match: re.Match[str]) -> str:
    return "*" if match.lastgroup == "id" else f"{{{match.lastgroup}}}"


_HEX = "[0-9A-Fa-f]"
_DATE = r"(?:19|20)[0-9]{2}(?P<s>[-_.]?)(?:0[1-9]|1[0-2])(?P=s)(?:0[1-9]|[12][0-9]|3[01])"
_CLOCK = r"(?:[01][0-9]|2[0-3])(?P<c>[-_:]?)[0-5][0-9](?:(?P=c)[0-5][0-9])?"
#: What changes in a name from run to run. An id is hexadecimal, and has letters and digits.
_CHANGING = re.compile(
    rf"(?P<uuid>{_HEX}{{8}}(?:-{_HEX}{{4}}){{3}}-{_HEX}{{12}}|{_HEX}{{32}})"
    rf"|(?P<timestamp>{_DATE}[T _-]?{_CLOCK}Z?(?![0-9]))"
    rf"|(?P<date>{_DATE.replace('<s>', '<d>').replace('=s', '=d')}(?![0-9]))"
    rf"|(?P<id>(?<![0-9A-Za-z])(?={_HEX}{{0,63}}[0-9])(?={_HEX}{{0,63}}[A-Fa-f]){_HEX}{{7,64}}(?![0-9A-Za-z]))"
    r"|(?P<number>[0-9]{1,20})"
)
#: Folders that are named after what made them: they are left out as a whole.
_OF_RUNS = re.compile(r"[-_.]?(?:run|batch|job|load|attempt|snapshot|version|v|id|try|tmp|exec|execution)?[-_.=]?")


def _rule(shape: str, datasets: set[str]) -> str:
    folder, _, last = shape.rpartition("/")
    if "{" not in last and "*" not in last:
        return ""
    words = re.sub(r"\*|\{[a-z]+\}", "", last)
    own = {"folders": last, "names": last} if _OF_RUNS.fullmatch(words) else {"names": last, "folders": last}
    # A pattern without a word, or with an id, would match what other jobs write: the folder above is named instead.
    rules = own if words.strip("-_. ") and "*" not in last else {"datasets": folder}
    for key, pattern in rules.items():
        if len({canonical(uri, Rules.from_mapping({key: [pattern]})) for uri in datasets}) == 1:
            return f'{key}: ["{pattern}"]'
    return ""
