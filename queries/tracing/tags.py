"""Tags as several questions need them: a node's, ignored jobs, erased entries, and how a tag spreads along lineage."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from gremlin_python.process.graph_traversal import GraphTraversalSource, __
from gremlin_python.process.traversal import P, TextP

from headwater.graphmodel.ids import JOB, is_shared, tag_id
from headwater.graphmodel.statements.model import ERASED_READ, ERASED_WRITE, IGNORED
from headwater.queries.answers.answer import Reason
from headwater.queries.answers.page import Row
from headwater.queries.tracing.rows import without_carried
from headwater.queries.tracing.walk import Step, chunks


def tags_of(g: GraphTraversalSource, nodes: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """The tags of each of these nodes that has any, in order. One short request if there are no tags at all."""
    if not _any_tags(g):
        return {}
    found: dict[str, set[str]] = {}
    for ids in chunks(nodes):
        edges = g.V(ids).out_e("taggedWith")
        for row in edges.project("node", "tag").by(__.out_v().id_()).by(__.in_v().values("name")).to_list():
            found.setdefault(row["node"], set()).add(row["tag"])
    return {node: tuple(sorted(names)) for node, names in found.items()}


def _any_tags(g: GraphTraversalSource) -> bool:
    """Whether anything is tagged."""
    return bool(g.V().has_label("tag").limit(1).id_().to_list())


def reason_of_erasures(g: GraphTraversalSource, nodes: Iterable[str], writes_of: Iterable[str] = ()) -> Reason | None:
    """Why an answer about these nodes is not complete: how one was written, or what was made from it, was erased.

    `writes_of` are nodes of which it says only how they were written. So it is with the datasets that a job writes,
    which are looked at for the job: no tag names the jobs of what was erased.
    """
    datasets, written = set(nodes), set(writes_of)
    for ids in chunks(sorted(node for node in datasets if node.startswith(JOB))):
        written.update(g.V(ids).out("hasPlan").out("writes").dedup().id_().to_list())
    found = set[int]()
    for some, read in ((datasets, True), (written - datasets, False)):
        for ids in chunks(sorted(some)):
            found |= erasures_in(g.V(ids).out("taggedWith").values("name").to_list(), read=read)
    return erased_reason(found)


def reason_of_all_erasures(g: GraphTraversalSource) -> Reason | None:
    """Why an answer about the whole graph is not complete: of some node it is not known any more how it was written."""
    begins = (TextP.starting_with(f"{key}=") for key in (ERASED_WRITE, ERASED_READ))
    named = g.V().has_label("tag").or_(*(__.has("name", begin) for begin in begins)).where(__.in_("taggedWith"))
    return erased_reason(erasures_in(named.values("name").to_list()))


def erasures_in(tags: Iterable[str], *, written: bool = True, read: bool = True) -> set[int]:
    """The erased entries that tags of a node name: those that said how it was written, or what was made from it."""
    keys = {key for key, counts in ((ERASED_WRITE, written), (ERASED_READ, read)) if counts}
    parts = (tag.partition("=") for tag in tags)
    return {int(entry) for key, _, entry in parts if key in keys and entry.isdecimal()}


def erased_reason(entries: Collection[int]) -> Reason | None:
    """Why an answer is not complete that lacks what these entries said; None for no entries."""
    if not entries:
        return None
    named = ", ".join(map(str, sorted(entries)[:_ENTRIES_NAMED])) + (", ..." if len(entries) > _ENTRIES_NAMED else "")
    return f"{'entry' if len(entries) == 1 else 'entries'} {named} erased"


_ENTRIES_NAMED = 5


def ignored_jobs(g: GraphTraversalSource) -> list[str]:
    """The jobs whose lineage is left out of answers."""
    return sorted(g.V(tag_id(IGNORED)).in_("taggedWith").has_label("job").id_().to_list())


def columns_with_tag(g: GraphTraversalSource, tag: str) -> dict[str, None]:
    """The columns that have a tag, or whose dataset has it."""
    nodes = g.V(tag).in_("taggedWith")
    columns = nodes.union(__.has_label("column"), __.has_label("dataset").out("hasColumn"))
    return dict.fromkeys(sorted(columns.id_().dedup().to_list()))


class TagFlow:
    """The edges along which a tag spreads downstream, for a walk.

    `masked` are the columns where it ends, because they are hashed or masked, each with one of its sources.
    """

    def __init__(self, g: GraphTraversalSource, declared: Mapping[str, None]) -> None:
        self._g = g
        self._declared = declared
        self._ignored = ignored_jobs(g)
        self._from: dict[str, str] = {}
        self.masked: dict[str, str] = {}

    def steps(self, level: Sequence[str], _: int) -> Sequence[Step]:
        """One hop downstream; see `walk.Steps`."""
        next_level: set[str] = set()
        for ids in chunks(level):
            for row in sorted(self.edges(ids), key=lambda row: (row["source"], row["target"])):
                if row["masking"]:
                    self.masked.setdefault(row["target"], row["source"])
                else:
                    next_level.add(row["target"])
                    self._from.setdefault(row["target"], row["source"])
        return [Step((), next_level)]

    def path(self, node: str) -> list[str]:
        """The column ids from a column that has the tag itself to this one."""
        path = [node]
        if node not in self._from and node in self.masked:
            path.append(self.masked[node])
        while path[-1] not in self._declared:
            path.append(self._from[path[-1]])
        return path[::-1]

    def edges(self, ids: list[str]) -> list[Row]:
        """The edges from these columns to those derived from them: `source`, `target`, `masking`."""
        edges = self._g.V(ids).in_e("derivesFrom").has("type", "DIRECT")
        edges = without_carried(edges)
        if self._ignored:
            edges = edges.not_(__.has("job", P.within(self._ignored)))
        rows = edges.project("source", "target", "masking").by(__.in_v().id_()).by(__.out_v().id_()).by("masking")
        found: list[Row] = rows.to_list()
        into: dict[str, list[Row]] = {}
        for row in found:
            if is_shared(row["target"]):
                into.setdefault(row["target"], []).append(row)
        if not into:
            return found
        out = [row for row in found if row["target"] not in into]
        for use in self.edges(sorted(into)):
            for row in into[use["source"]]:
                masking = use["masking"] or row["masking"]
                out.append({"source": row["source"], "target": use["target"], "masking": masking})
        return [row for row in out if row["source"] != row["target"]]
