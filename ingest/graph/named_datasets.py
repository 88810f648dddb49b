"""Which datasets a payload names that could not be brought into the graph: read from its JSON, which is not mapped.

So answers about these can say what they lack. A name that only the mapping could find (a table behind a JDBC URL) is
missed here. Not here: what is done about such an entry (`parking`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from headwater.graphmodel.naming import Rules, canonical, from_openlineage
from headwater.ingest.ledger.entries import Entry

_MOST_BYTES = 16 * 2**20  #: of a body: parsed, it takes some ten times as much, of a process that may just have died
_MOST = 1_000  #: datasets


Named = frozenset[tuple[str, str]]
"""Ids of datasets, each with `WRITTEN` or `READ`: what the payload says was done to it."""

Known = Callable[[str], "Named | None"]
"""An agent's plan id -> the datasets of that plan; None: it is not known."""

WRITTEN, READ = "written", "read"


def datasets_named(entry: Entry, rules: Rules, known: Known) -> Named | None:
    """The datasets that an entry names, or those of the plans that it says ran; None: nobody knows, it may be any."""
    if entry.body is None or entry.damage or len(entry.body) > _MOST_BYTES:
        return None
    try:
        content = json.loads(entry.body)
        if entry.kind == "spline.events":
            plans = [known(event["planId"]) for event in content]
            return None if None in plans else frozenset().union(*filter(None, plans))
        found = frozenset(_FINDERS[entry.kind](content, rules))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return found if 0 < len(found) <= _MOST else None


def _of_plan(plan: Mapping[str, Any], rules: Rules) -> Iterator[tuple[str, str]]:
    operations = plan["operations"]
    yield canonical(operations["write"]["outputSource"], rules), WRITTEN
    for read in operations.get("reads") or ():
        for source in read.get("inputSources") or ():
            yield canonical(source, rules), READ


def _of_openlineage(event: Mapping[str, Any], rules: Rules) -> Iterator[tuple[str, str]]:
    written = [*(event.get("outputs") or ()), *([event["dataset"]] if "dataset" in event else ())]
    for role, datasets in ((WRITTEN, written), (READ, event.get("inputs") or ())):
        for dataset in datasets:
            yield from_openlineage(dataset["namespace"].strip(), dataset["name"].strip(), rules).uri, role


_FINDERS: Mapping[str, Callable[[Any, Rules], Iterator[tuple[str, str]]]] = {
    "spline.plan": _of_plan,
    "openlineage.event": _of_openlineage,
}
