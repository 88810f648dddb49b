"""Where a dataset or column comes from in one sentence, for people who do not read expressions."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gremlin_python.process.graph_traversal import GraphTraversalSource, __
from gremlin_python.process.traversal import Order, P, T
from gremlin_python.statics import long

from headwater.graphmodel.ids import split_node
from headwater.graphmodel.model import Effect
from headwater.graphmodel.statements.model import RETIRED
from headwater.graphmodel.validity import NO_END
from headwater.queries.answers.answer import Answer, Edge, Node
from headwater.queries.answers.page import Page, Values
from headwater.queries.tracing.as_of import AsOf, PastTime, shown
from headwater.queries.tracing.contributions import validities_of
from headwater.queries.tracing.ended import ENDED
from headwater.queries.tracing.lineage import Question, trace_lineage
from headwater.queries.tracing.rows import rows
from headwater.queries.tracing.tags import ignored_jobs
from headwater.queries.tracing.walk import DeadlinePassed

COLUMNS = ("node", "sentence")
_HOPS = 8  #: that are looked back: a sentence has two parts, and copies between them are passed over
_NODES = 300
_SHOWN = 120  #: characters of an expression
_ENDINGS = (".gz", ".parquet", ".csv", ".json", ".orc", ".avro", ".delta")
#: Names of folders that say nothing without the one above.
_SAY_NOTHING = frozenset({"data", "metadata", "latest", "current", "output", "part"})
_NAMED = 3  #: sources that are named one by one; more are counted

#: What an expression of one function over one column says of that column, which takes the place of ``{}``.
_CALLS: Mapping[str, str] = {
    "avg": "the average of {}",
    "mean": "the average of {}",
    "sum": "the sum of {}",
    "count": "the number of rows with {}",
    "min": "the smallest {}",
    "max": "the largest {}",
    "first": "one value of {}",
    "last": "one value of {}",
    "any_value": "one value of {}",
    "collect_list": "the list of all values of {}",
    "collect_set": "the list of all different values of {}",
    "approx_count_distinct": "about the number of different values of {}",
    "stddev": "the standard deviation of {}",
    "stddev_samp": "the standard deviation of {}",
    "percentile": "a percentile of {}",
    "median": "the median of {}",
    "lower": "{} in lower case",
    "upper": "{} in upper case",
    "trim": "{} without blanks around it",
    "to_timestamp": "the time in {}",
    "to_date": "the date in {}",
    "year": "the year of {}",
    "month": "the month of {}",
    "abs": "{} without its sign",
    "round": "{}, rounded",
}
_DISTINCT = "the number of different values of {}"
_CALL = re.compile(r"(\w+)\((DISTINCT )?([\w.`$]+)(?:, [\w' .:-]*)?\)", re.IGNORECASE)
_CAST = re.compile(r"CAST\(([\w.`$]+) AS ([\w(), ]+)\)", re.IGNORECASE)
_MODEL = re.compile(r"\w+Model\(")
_FUNCTION = re.compile(r"\b(?:python)?udf\b|\bUDF:|\bfunctions\(", re.IGNORECASE)
_ORIGINS: Mapping[str, str] = {
    "generated": "is made anew by its job: a number, a time or a count of rows",
    "conditional": "is one of some fixed values, chosen by a condition",
    "unresolved": "comes from sources that its job does not tell",
}
_TOLD_ORIGINS = frozenset({"constant", *_ORIGINS})


def sentence(g: GraphTraversalSource, values: Values, deadline_passed: DeadlinePassed) -> Page:
    """One row: the node and its sentence."""
    root = values["node"]
    column = split_node(root)[1] is not None
    question = Question(depth=_HOPS if column else 1, as_of=values["asOf"], limit=_NODES)
    answer = trace_lineage(g, root, question, deadline_passed)
    known = any(edge.target == answer.root for edge in answer.edges)
    writing = NOBODY if known else _writing(g, split_node(root)[0], values["asOf"])
    said = of_column(answer, writing) if column else of_dataset(answer, writing)
    return Page([{"node": root, "sentence": said}], None)


@dataclass(frozen=True)
class Writing:
    """Who writes a dataset without known sources, as of a time. Times are in ms since 1970.

    `ignored`: all of these jobs are. `first` is its first write that counts, None: there is none. `holds`: one of its
    writes holds at the time asked about, which is `at`, None: now. `retired` is when people say that it was dropped,
    `ended` when a job dropped, emptied or renamed it, and that job, if nothing wrote it since. `ahead` is the time of a
    write that does not count, as its clock is ahead. `untold`: a column's sources are not told.
    """

    jobs: tuple[str, ...] = ()
    ignored: bool = False
    first: int | None = None
    holds: bool = False
    at: int | None = None
    retired: int | None = None
    ended: tuple[int, str] | None = None
    ahead: int | None = None
    untold: bool = False

    def why_nothing_holds(self) -> str | None:
        """What to say of the dataset where no write of a known job holds; None: one does, or no job writes it."""
        if not self.jobs or self.holds:
            return None
        jobs = _listed([short_job(job) for job in self.jobs], "jobs")
        if self.ignored:
            return f"is only written by {jobs}, whose lineage is left out: people say to ignore it"
        if self.first is not None and self.at is not None and self.at < self.first:
            return f"was not written yet at {shown(self.at)}: its first known write was at {shown(self.first)}"
        if self.retired is not None and (self.at is None or self.retired <= self.at):
            return f"is retired: people said at {shown(self.retired)} that it was dropped, and no job wrote it since"
        return self._why_no_write_holds(f"is written by {jobs}")

    def _why_no_write_holds(self, by: str) -> str:
        if self.ended is not None:
            when, job = self.ended
            said = f"{short_job(job)} dropped, emptied or renamed it at {shown(when)}"
            return f"holds nothing: {said}, and no job wrote it since"
        if self.first is None and self.ahead is not None:
            by += f" with a clock that is ahead ({shown(self.ahead)})"
            return f"{by}: such a write does not count, and no other one is known"
        return f"{by}, of which no write that counts is known{'' if self.at is None else ' at that time'}"


NOBODY = Writing()  #: no known job writes it


def _writing(g: GraphTraversalSource, dataset: str, as_of: AsOf) -> Writing:
    all_jobs = sorted(set(g.V(dataset).in_("writes").values("job").to_list()))
    if not all_jobs:
        return NOBODY
    counted = [job for job in all_jobs if job not in set(ignored_jobs(g))]
    validities = validities_of(g, [dataset])[dataset]
    at = as_of.of_dataset(dataset) if isinstance(as_of, PastTime) else None
    time = NO_END - 1 if at is None else at
    held = validities if as_of == "ever" else [one for one in validities if one.valid_from <= time < one.valid_to]
    tags = rows(g.V(dataset).out_e("taggedWith"), {"tag": __.in_v().values("name"), "at": "statedAt"})
    late = g.V(dataset).in_("writes").in_("executes").has("clockAhead", True).values("timestamp").to_list()  # noqa: FBT003 - the value of a property
    return Writing(
        jobs=tuple(counted or all_jobs),
        ignored=not counted,
        first=min((one.valid_from for one in validities), default=None),
        holds=bool(held and counted),
        at=at,
        retired=next((tag["at"] for tag in tags if tag["tag"] == RETIRED), None),
        ended=None if held else _ended(g, dataset, time),
        ahead=max(late, default=None),
        untold=bool(g.V(dataset).out("hasColumn").has("origin", "unresolved").limit(1).id_().to_list()),
    )


def _ended(g: GraphTraversalSource, dataset: str, time: int) -> tuple[int, str] | None:
    """When the newest version up to a time was left without anything, and by which job."""
    newest = g.V(dataset).in_("versionOf").has("timestamp", P.lte(long(time)))
    newest = newest.order().by("timestamp", Order.desc).by(T.id, Order.desc).limit(1).has("effect", Effect.END.value)
    cells = {"at": "timestamp", "job": __.in_("generated").out("executes").values("job")}
    return next(((row["at"], row["job"]) for row in rows(newest, cells)), None)


def of_dataset(answer: Answer, writing: Writing = NOBODY) -> str:
    """The sentence for the root of an upstream answer of datasets, one hop deep. `writing` is told without sources."""
    name = short_name(answer.root)
    into = [edge for edge in answer.edges if edge.target == answer.root]
    if not into and not writing.jobs:
        return f"{name} comes from outside: no known job writes it from other data."
    if not into:
        jobs = _listed([short_job(job) for job in writing.jobs], "jobs")
        sources = "from sources that are not told" if writing.untold else "and takes no values from other data"
        return f"{name} {writing.why_nothing_holds() or f'is written by {jobs}, {sources}'}."
    jobs = _listed(sorted({short_job(edge.job) for edge in into if edge.job}), "jobs")
    return f"{name} is written by {jobs or 'a job'} from {_datasets(_sources(into), answer.root)}."


def of_column(answer: Answer, writing: Writing = NOBODY) -> str:
    """The sentence for the root of an upstream answer of columns: what it is, and what that is, past mere copies.

    `writing` is told of a column without sources.
    """
    by_target: dict[str, list[Edge]] = {}
    for edge in answer.edges:
        by_target.setdefault(edge.target, []).append(edge)
    nodes = {node.id: node for node in answer.nodes}
    name = _column(answer.root)
    reason = writing.why_nothing_holds()
    if reason and answer.root not in by_target:
        return f"{name} is a column of {short_name(answer.root)}, which {reason}."
    if writing.jobs and answer.root not in by_target and nodes[answer.root].origin not in _TOLD_ORIGINS:
        of = short_name(answer.root)
        return f"{name} has no known sources: no known job tells from what data this column of {of} is."
    first = _part(answer.root, by_target, nodes)
    source = _behind_copies(first.source, by_target)
    second = _part(source, by_target, nodes) if source and by_target.get(source) else None
    if source is None or second is None or (first.copied and second.copied):
        return f"{name} {first.with_place()}."
    if first.copied:
        at = f"{_column(source)} of {_place(source)}" if _column(source) != name else _place(source)
        return f"{name} is copied from {at}, where it {second.with_place()}."
    moved = "" if _column(source) == _column(first.source or "") else f" ({_column(source)} of {_place(source)})"
    return f"{name} {first.alone()}{moved}, which {second.with_place(second.relative)}."


_OF = "\0"  #: stands in a part for where its sources are, and how they were computed with


@dataclass(frozen=True)
class _Part:
    """What a column is (`main`), the same behind "which" where it is said otherwise, and its source if it is one."""

    main: str
    whence: str = ""
    source: str | None = None
    relative: str | None = None
    copied: bool = False

    def with_place(self, text: str | None = None) -> str:
        """With the datasets of its sources."""
        return (text or self.main).replace(_OF, self.whence)

    def alone(self) -> str:
        """Without the datasets of its sources."""
        return self.main.replace(_OF, "")


def _part(column: str, by_target: Mapping[str, Sequence[Edge]], nodes: Mapping[str, Node]) -> _Part:  # noqa: PLR0911 - one rule a return
    edges = by_target.get(column, ())
    if not edges:
        return _Part(_without_sources(nodes.get(column), column))
    sources = _sources(edges)
    names, whence = _columns(sources), f" of {_datasets(sources, column)}"
    source = sources[0] if len(sources) == 1 else None
    ways = _ways(edges)
    if ways > 1:
        jobs = _listed(sorted({short_job(edge.job) for edge in edges if edge.job}), "jobs")
        return _Part(f"is written in {ways} ways by {jobs}, from {names}{_OF}", whence)
    expression = next((edge.expression for edge in edges if edge.expression), "") or ""
    if source and all(edge.subtype == "IDENTITY" for edge in edges):
        return _Part(f"is copied from {names}{_OF}", whence, source, copied=True)
    if _MODEL.search(expression):
        text = f"computed from {names}{_OF}"
        return _Part(f"was computed by a model from {names}{_OF}", whence, source, f"a model {text}")
    if _FUNCTION.search(expression):
        return _Part(f"is computed by a function of the job's own from {names}{_OF}", whence, source)
    call = _CALL.fullmatch(expression)
    if source and call and call[1].lower() in _CALLS:
        said = _DISTINCT if call[2] and call[1].lower() == "count" else _CALLS[call[1].lower()]
        return _Part(f"is {said.replace('{}', f'{names}{_OF}')}", whence, source)
    cast = _CAST.fullmatch(expression)
    if source and cast:
        return _Part(f"is {names}{_OF}, written as {cast[2].lower()}", whence, source)
    how = " over many rows" if any(edge.subtype == "AGGREGATION" for edge in edges) else ""
    shown = expression if len(expression) <= _SHOWN else f"{expression[:_SHOWN]}..."
    return _Part(f"is computed{how} from {names}{_OF}", f"{whence}{f': {shown}' if shown else ''}", source)


def _ways(edges: Sequence[Edge]) -> int:
    """In how many ways these edges make their target: logics that differ elsewhere alone make it in one way."""
    by_plan: dict[str | None, set[tuple[str | None, ...]]] = {}
    for edge in edges:
        by_plan.setdefault(edge.plan, set()).add((edge.source, edge.subtype, edge.expression))
    return len(set(map(frozenset, by_plan.values())))


def _without_sources(node: Node | None, column: str) -> str:
    dataset = short_name(column)
    if node is not None and node.origin == "constant":
        return f"always has the value {node.expression}" if node.expression else "always has the same value"
    if node is not None and node.origin is not None and node.origin in _ORIGINS:
        return _ORIGINS[node.origin]
    if node is not None and node.origin == ENDED:
        return "holds nothing now: its dataset was dropped, emptied, renamed or retired"
    return f"comes from outside: no known job writes {dataset} from other data"


def _behind_copies(column: str | None, by_target: Mapping[str, Sequence[Edge]]) -> str | None:
    """The column itself, or the one from which it was only copied on."""
    seen: set[str] = set()
    while column is not None and column not in seen:
        seen.add(column)
        edges = by_target.get(column, ())
        sources = {edge.source if edge.subtype == "IDENTITY" else None for edge in edges}
        if len(sources) != 1 or None in sources or not by_target.get(edges[0].source):
            return column
        column = edges[0].source
    return column


def _sources(edges: Sequence[Edge]) -> list[str]:
    return list(dict.fromkeys(edge.source for edge in edges))


def _columns(sources: Sequence[str]) -> str:
    names = list(dict.fromkeys(_column(source) for source in sources))
    return _listed(names, "columns")


def _datasets(sources: Sequence[str], target: str) -> str:
    """The names of the datasets of these sources; with their folders where the target has the same name."""
    datasets = dict.fromkeys(split_node(source)[0] for source in sources)
    names = [_place(each) if short_name(each) == short_name(target) else short_name(each) for each in datasets]
    return _listed(names, "datasets")


def _place(node: str) -> str:
    """The last two parts of the name of a dataset, or of a column's dataset."""
    parts = split_node(node)[0].rstrip("/").split("/")
    return "/".join(part for part in parts[-2:] if part)


def _listed(names: Sequence[str], what: str) -> str:
    if len(names) > _NAMED:
        return f"{len(names)} {what}"
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _column(node: str) -> str:
    return split_node(node)[1] or short_name(node)


def short_job(job: str | None) -> str:
    """The name of a job without what stands before the last slash of its id."""
    return (job or "").removeprefix("job:").rpartition("/")[2]


def short_name(node: str) -> str:
    """The last part of the name of a dataset, or of a column's dataset, without a file's ending."""
    above, _, last = split_node(node)[0].rstrip("/").rpartition("/")
    for ending in _ENDINGS:
        last = last.removesuffix(ending)
    return f"{above.rpartition('/')[2]}/{last}" if last in _SAY_NOTHING else last
