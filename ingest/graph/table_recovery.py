"""Table recovery: derived tables for a graph that is there already (Neptune's bulk loader made it, they were lost).

Without them the projector would empty the graph and draw it anew. They are worked out from the ledger up to the entry
that the graph is at, without writing to it; then the elements of both are counted and compared.
"""

from __future__ import annotations

import logging
from collections import Counter
from pathlib import Path

from headwater.graphmodel.naming import DEFAULT, Rules
from headwater.graphstore import GraphStore
from headwater.graphstore.errors import Exceeded, InvalidRequest
from headwater.graphstore.null_store import NullStore
from headwater.ingest.fold.file import RULES, Derived
from headwater.ingest.fold.scan import scanning
from headwater.ingest.graph.decoding import Decoding, decoders
from headwater.ingest.graph.mark import FORMAT, LEDGER, Mark, read_mark
from headwater.ingest.graph.projector import BATCH, GAP, Projector
from headwater.ingest.ledger.ledger import ERASURE, LedgerReader
from headwater.ingest.progress import Progress

log = logging.getLogger(__name__)

_RECOVERING = "adopting"  #: in data folders under this name: set while the tables are being worked out


def recover_tables(
    ledger: LedgerReader,
    store: GraphStore,
    derived: Derived,
    tables: Path,
    progress: Progress,
    rules: Rules = DEFAULT,
) -> int:
    """Make the tables fit the graph of this ledger that is in the store; how many entries were worked out for that.

    0 if they fit already, or if no graph of this ledger is there. `tables` is the file of `derived`. InvalidRequest:
    the graph lacks elements that it should have, or has others; the tables are empty then.
    """
    mark = read_mark(store)
    if mark.ledger != ledger.id or not mark.applied or mark.applied > ledger.head().sequence:
        return 0
    if mark.naming != rules.text:
        return 0  # drawn with other naming rules: the projector draws it anew
    if mark.format != FORMAT:
        return 0  # drawn by another version: as well
    if _fit(derived, mark):
        return 0
    if _goes_on(ledger, derived, mark):  # an older copy of the tables: what came since is all that is missing
        behind = derived.checkpoint
        _step_to(ledger, derived, mark.applied, progress, rules)
        return mark.applied - behind
    _work_out(ledger, derived, mark.applied, progress, rules)
    wrong = _miscounted(ledger, store, tables, rules)
    if wrong and not _erased_since(ledger, mark.applied):
        derived.clear()
        raise InvalidRequest(
            f"the graph says that it is whole, and has {wrong}: a load failed in part, or another version made it"
        )
    derived.set_meta(_RECOVERING, "")
    return mark.applied


def _fit(derived: Derived, mark: Mark) -> bool:
    """Whether the tables are of this graph, and no further from it than `recovery` can bring them together."""
    whole = derived.meta("ledger") == mark.ledger and not derived.meta(_RECOVERING)
    return whole and 0 <= mark.applied - derived.checkpoint <= GAP


def _goes_on(ledger: LedgerReader, derived: Derived, mark: Mark) -> bool:
    """Whether the tables are those of an earlier state of this graph: whole, of this history, with the same rules."""
    if derived.meta("ledger") != mark.ledger or derived.meta(_RECOVERING) or (derived.meta(RULES) or "") != mark.naming:
        return False
    if not 0 < derived.checkpoint < mark.applied:
        return False
    entry = ledger.entry(derived.checkpoint)
    return entry is not None and derived.meta("hash") == entry.hash


def _step_to(ledger: LedgerReader, derived: Derived, applied: int, progress: Progress, rules: Rules) -> None:
    """Bring the tables up to an entry, without writing to the graph. If it is cut off, the next time goes on."""
    projector = Projector(ledger, NullStore(), derived, rules=rules)
    projector.trust_tables()
    while (missing := applied - projector.checkpoint) > 0:
        projector.step(min(BATCH, missing))
        progress(projector.checkpoint, ledger.head().sequence)


def _work_out(ledger: LedgerReader, derived: Derived, applied: int, progress: Progress, rules: Rules) -> None:
    derived.clear()
    derived.set_meta(_RECOVERING, "1")
    projector = Projector(ledger, NullStore(), derived, rules=rules)
    projector.prepare()
    # What was erased after the graph was made is still in it: its erasure asks for a rebuild.
    derived.set_meta("replayed", str(applied))
    while (missing := applied - projector.checkpoint) > 0:
        projector.step(min(BATCH, missing))
        progress(projector.checkpoint, ledger.head().sequence)


def _miscounted(ledger: LedgerReader, store: GraphStore, tables: Path, rules: Rules) -> str | None:
    """A label of which the graph has not as many elements as it should; None if there is none."""
    try:
        found = Counter(store.counts())
    except Exceeded as error:
        log.warning("the graph is too large to be counted, and is taken for whole as it says it is: %s", error)
        return None
    del found[LEDGER]
    expected: Counter[str] = Counter()
    decoding = Decoding(ledger, decoders(rules), rules)
    with scanning(tables, ledger.id, decoding.plan_at, rules.text) as scan:
        decoding.use_names(scan.names)
        decoding.use_members(scan.members)
        for part in scan.parts():
            expected.update(vertex.label for vertex in part.vertices)
            expected.update(edge.label for edge in part.edges)
    for label in sorted(found.keys() | expected.keys()):
        if found[label] != expected[label]:
            return f"{found[label]:,} of {expected[label]:,} {label}"
    return None


def _erased_since(ledger: LedgerReader, after: int) -> bool:
    """Whether the graph shows what was erased after it was made; if so, it is drawn anew in any case."""
    while entries := ledger.read(after, BATCH):
        if any(entry.kind == ERASURE for entry in entries):
            return True
        after = entries[-1].sequence
    return False
