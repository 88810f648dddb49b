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


def datasets_named(entry: Entry, rules: Rules) -> frozenset[str] | None:
    """The ids of the datasets that an entry names; None: nobody knows, so it may be about any."""
    find = _FINDERS.get(entry.kind)
    if find is None or entry.body is None or entry.damage or len(entry.body) > _MOST_BYTES:
        return None
    try:
        found = frozenset(find(json.loads(entry.body), rules))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return found if 0 < len(found) <= _MOST else None


def _of_plan(plan: Mapping[str, Any], rules: Rules) -> Iterator[str]:
    operations = plan["operations"]
    yield canonical(operations["write"]["outputSource"], rules)
    for read in operations.get("reads") or ():
        for source in read.get("inputSources") or ():
            yield canonical(source, rules)


def _of_openlineage(event: Mapping[str, Any], rules: Rules) -> Iterator[str]:
    named = [*(event.get("inputs") or ()), *(event.get("outputs") or ())]
    for dataset in [*named, event["dataset"]] if "dataset" in event else named:
        yield from_openlineage(dataset["namespace"].strip(), dataset["name"].strip(), rules).uri


_FINDERS: Mapping[str, Callable[[Any, Rules], Iterator[str]]] = {
    "spline.plan": _of_plan,
    "openlineage.event": _of_openlineage,
}
