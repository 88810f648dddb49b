"""Entries that say something only together: which groups a batch touches, and what these come to now.

An entry of a group is noted in the tables; the group is folded with all that came before, as soon as one of its entries
can make it come to something. Not here: the fold itself, which is its bridge's.
"""

from __future__ import annotations

from collections.abc import Iterable

from headwater.ingest.fold.reference_counts import MappedGroup
from headwater.ingest.fold.tables import Tables
from headwater.ingest.graph.decoding import Decoding
from headwater.ingest.intake.bridge import Part
from headwater.ingest.ledger.entries import Entry

_OPEN = "open"  #: what a group comes to that was not folded yet


def folded_groups(tables: Tables, decoding: Decoding, parts: Iterable[tuple[Entry, Part]]) -> list[MappedGroup]:
    """Note the entries of a batch; the groups among theirs that can come to something, folded. Raises `Erased`.

    In a transaction of the tables.
    """
    kinds: dict[str, str] = {}
    settled: set[str] = set()
    for entry, part in parts:
        tables.add_part(entry.sequence, entry.kind, part.group, entry.received_ms)
        kinds[part.group] = entry.kind
        if part.settles:
            settled.add(part.group)
    folded = []
    for group, kind in kinds.items():
        known = tables.group(group)
        new = known._replace(settled=known.settled or group in settled, outcome=known.outcome or _OPEN)
        if new != known:
            tables.put_group(new)
        if new.settled:
            folded.append(decoding.group(group, kind, tables.parts_of(group)))
    return folded
