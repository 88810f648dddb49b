"""Which datasets a payload names that could not be brought into the graph: read from its JSON, which is not mapped.

So answers about these can say what they lack. A name that only the mapping could find (a table behind a JDBC URL) is
missed here. Not here: the formats (`intake.bridges`), and what is done about such an entry (`parking`).
"""

from __future__ import annotations

import json

from headwater.graphmodel import accounts
from headwater.graphmodel.naming import Rules
from headwater.ingest.intake.accounts import split_type
from headwater.ingest.intake.bridge import Known, Named
from headwater.ingest.intake.bridges import BRIDGES
from headwater.ingest.ledger.entries import Entry

_MOST_BYTES = 16 * 2**20  #: of a body: parsed, it takes some ten times as much, of a process that may just have died
_MOST = 1_000  #: datasets


def datasets_named(entry: Entry, rules: Rules, known: Known) -> Named | None:
    """The datasets that an entry names, or those of the plans that it says ran; None: nobody knows, it may be any."""
    bridge = BRIDGES.get(entry.kind)
    if bridge is None or entry.body is None or entry.damage or len(entry.body) > _MOST_BYTES:
        return None
    try:
        found = bridge.names(json.loads(entry.body), rules, known)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    if found is None or not 0 < len(found) <= _MOST:
        return None
    _plain, account = split_type(entry.content_type)
    return frozenset((accounts.dataset_of(uri, account), role) for uri, role in found) if account else found
