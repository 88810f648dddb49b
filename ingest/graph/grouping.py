"""Entries that say something only together: which groups a batch touches, and what these come to now.

An entry of a group is noted in the tables; the group is folded with all that came before, as soon as one of its entries
can make it come to something. A group can be a part of another one, as the runs of a Spark application are: what that
one tells of them is applied to them, and when it tells something else, they are looked at again. Not here: the fold
itself, which is its bridge's.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from headwater.ingest.fold.reference_counts import MappedGroup
from headwater.ingest.fold.tables import Tables
from headwater.ingest.graph.decoding import Decoding
from headwater.ingest.intake.bridge import Folded, Inherited, Part
from headwater.ingest.ledger.entries import Entry

_OPEN = "open"  #: what a group comes to that was not folded yet


def folded_groups(tables: Tables, decoding: Decoding, parts: Iterable[tuple[Entry, Part]]) -> list[MappedGroup]:
    """Note the entries of a batch; the groups of which something else is known now, folded. Raises `Erased`.

    In a transaction of the tables.
    """
    kinds: dict[str, str] = {}
    settled: set[str] = set()
    for entry, part in parts:
        tables.add_part(entry.sequence, entry.kind, part.group, entry.received_ms)
        kinds[part.group] = entry.kind
        if part.settles:
            settled.add(part.group)
    folded: dict[str, Folded] = {}
    for group, kind in kinds.items():
        known = tables.group(group)
        new = known._replace(settled=known.settled or group in settled, outcome=known.outcome or _OPEN)
        if new.settled:
            members = tables.parts_of(group)
            folded[group] = decoding.folded(kind, members)
            if folded[group].counts is not None:
                counts = {members[position] for position in folded[group].counts or ()}
                tables.pass_over(group, (member[0] for member in members if member not in counts))
            new = new._replace(passes_on=json.dumps(folded[group].passes_on) if folded[group].passes_on else "")
        if new != known:
            tables.put_group(new)
        if new.passes_on != known.passes_on:
            kinds_of_parts = tables.parts_of_parent(group)
            folded |= {
                part: decoding.folded(of, tables.parts_of(part))
                for part, of in kinds_of_parts.items()
                if part not in kinds
            }
    return [
        decoding.group(group, one, tables.parts_of(group), _told_by(tables, one.parent))
        for group, one in folded.items()
    ]


def _told_by(tables: Tables, parent: str) -> Inherited:
    """What a group tells of its parts; nothing as long as it is not known."""
    text = tables.group(parent).passes_on if parent else ""
    return tuple((field, value) for field, value in json.loads(text)) if text else ()
