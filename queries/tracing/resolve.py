"""From any spelling of a node to its id: as typed first, then canonical, then by alias."""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple
from urllib.parse import parse_qsl

from gremlin_python.process.graph_traversal import GraphTraversal, GraphTraversalSource, __
from gremlin_python.process.traversal import Order, P, T, TextP

from headwater.graphmodel.ids import OPENLINEAGE_PLAN, alias_id, column_id, split_node, tag_id
from headwater.graphmodel.naming import DEFAULT, Rules, canonical
from headwater.graphmodel.run_names import job_name
from headwater.queries.answers.answer import moment
from headwater.queries.answers.errors import NodeNotFound, NothingWritten, QueryError
from headwater.queries.tracing.rows import rows

_SCANNED = 1_000  #: names that are read and compared to find similar ones
_COMPARED = 200  #: characters of a spelling that are compared: the time of the comparison is quadratic in them
_SUGGESTED = 5
_BEGINNING = 4  #: characters of an id that stand for it where they are enough; fewer are a typing error
_BEGINNING_SENT = 8  #: the same of an OpenLineage `runId`: those of one minute begin with the same time


class _Found(NamedTuple):
    label: str
    names: list[str]  #: what it is an alias of


def resolve(g: GraphTraversalSource, spelling: str, labels: Sequence[str], field: str, rules: Rules = DEFAULT) -> str:
    """The id of the vertex, of one of these labels, that `spelling` names.

    Upper and lower case do not matter in the column part, blanks at either end only where a node has them; of a run's
    and a plan's id the beginning is enough. Accepted where no id fits: ``orders.revenue`` for ``orders#revenue``, and
    the bare name of a dataset or the end of its path: ``orders#revenue`` or ``mart/orders#revenue`` for
    ``s3://lake/mart/orders#revenue``; a job by the end of its name after a dot; all of it in quotes, in upper or lower
    case, or as an address of the page. `rules` are the naming rules with which the graph was built, `field` is the
    parameter that has the spelling. Raises NodeNotFound with similar names (NothingWritten: all writes of it failed),
    QueryError if an alias, a bare name, or the beginning of an id, names several nodes.
    """
    found = _found(g, spelling, labels, field, rules)
    for other in () if found else _otherwise(spelling.strip()):
        found = found or _found(g, other, labels, field, rules)
    if not found:
        raise _not_found(g, _of_page(spelling.strip()) or spelling.strip(), labels, field, rules)
    return found


def _found(g: GraphTraversalSource, spelling: str, labels: Sequence[str], field: str, rules: Rules) -> str | None:
    """As `resolve`, of this one spelling; None: there is none."""
    candidates: dict[str, str] = {}
    for text in dict.fromkeys((spelling, spelling.strip())):
        for node, written in _candidates(text, labels, rules):
            candidates.setdefault(node, written)
    found = _look_up(g, list(candidates))
    for candidate, written in candidates.items():
        vertex = found.get(candidate)
        if vertex is None:
            continue
        if vertex.label in labels:
            return candidate
        named = _aliased(g, vertex, written, labels)
        if named:
            return only_one(named, written, field)[0]
    spelling = spelling.strip()
    named = [node for label, find in _BY_PROPERTY.items() if label in labels for node in find(g, spelling)]
    named = named or beginning_with(g, spelling, labels) or (_resources(g, spelling) if "run" in labels else [])
    if named:
        return only_one(named[:_SUGGESTED], spelling, field)[0]
    return None


def _otherwise(spelling: str) -> list[str]:
    """What people may mean by a spelling that no node has, the most likely first.

    A page's address, and what SQL puts in quotes; a bare name, whose case does not matter there, in the usual cases.
    Of a path the case counts.
    """
    meant = _of_page(spelling) or spelling.translate(_QUOTES)
    bare = not meant.startswith("/") and ":" not in meant
    others = (meant, meant.lower(), meant.upper()) if bare else (meant,)
    return [other for other in dict.fromkeys(others) if other and other != spelling]


_QUOTES = str.maketrans("", "", '`"')


def _of_page(spelling: str) -> str | None:
    """The node, job, run or tag that an address of the page in the browser shows; None: it is no such address."""
    if not spelling.startswith(("http://", "https://")) or len(spelling) > _ADDRESS:
        return None
    query = spelling.partition("#")[0].partition("?")[2]
    shown = {name: value for name, value in parse_qsl(query) if name in ("node", "job", "run", "tag")}
    return next(iter(shown.values()), None)


_ADDRESS = 20_000  #: characters of an address that is taken apart


def _not_found(g: GraphTraversalSource, spelling: str, labels: Sequence[str], field: str, rules: Rules) -> NodeNotFound:
    """Why there is none: all writes failed, it is a job, or the column was renamed; else near names."""
    if "dataset" in labels or "column" in labels:
        failed = _only_failed(g, spelling, field, rules)
        if failed:
            return failed
    message = f"there is no {_either(labels)} {spelling[:_COMPARED]!r}"
    if "job" not in labels:
        jobs = g.V([spelling, f"job:{spelling}"]).has_label("job").id_().to_list() or _jobs_of(g, spelling)
        if jobs:
            written_by = g.V(jobs).out("hasPlan").out("writes").dedup().id_().limit(_SUGGESTED).to_list()
            return NodeNotFound(f"{message}: it is a job, ask for a dataset that it writes", field, sorted(written_by))
    if "run" not in labels:
        runs = runs_named(g, spelling) or beginning_with(g, spelling.strip(), ("run",))
        written = g.V(runs[:_SUGGESTED]).out("generated").out("versionOf").dedup().id_().to_list() if runs else []
        if written:
            return NodeNotFound(f"{message}: it is a run, ask for a dataset that it wrote", field, sorted(written))
    renamed = _renamed(g, spelling, rules) if "column" in labels else None
    if renamed is not None:
        return NodeNotFound(f"{message}: {renamed.sentence}", field, [renamed.node])
    near = _suggestions(g, spelling, labels, rules)
    if not near and not g.V().has_label("dataset").limit(1).to_list():
        message = f"{message}: the graph has no datasets yet, as no job has reported"
    return NodeNotFound(message, field, near)


def _either(labels: Sequence[str]) -> str:
    """Labels of the graph as people say them: `run, version or dataset`."""
    *first, last = ("version" if label == "datasetVersion" else label for label in labels)
    return f"{', '.join(first)} or {last}" if first else last


def _only_failed(g: GraphTraversalSource, spelling: str, field: str, rules: Rules) -> NothingWritten | None:
    """Where the graph lacks this dataset because every run that was to write it failed."""
    dataset = split_node(spelling)[0]
    named = [__.has("target", P.within(*dict.fromkeys(_dataset_candidates(dataset, rules))))]
    if dataset and not dataset.startswith("/") and ":" not in dataset:
        named.append(__.has("target", TextP.ending_with(f"/{dataset}")))
    plans = g.V().has_label("plan").or_(*named).not_(__.out_e("writes")).id_().to_list()
    failed = g.V(plans).in_("executes").has("status", "failed").order().by("timestamp", Order.desc).by(T.id).limit(1)
    cells = {"run": T.id, "at": "timestamp", "error": "error", "target": __.out("executes").values("target")}
    for last in rows(failed, {**cells, "job": __.out("executes").values("job")}) if plans else ():
        said = f"no write of {last['target'][:_COMPARED]!r} succeeded; the last one failed {_when(last['at'])}"
        return NothingWritten(f"{said} with: {last['error'] or 'no message'}", field, last["run"], last["job"])
    return None


def _when(at: int) -> str:
    told = moment(at)
    return f"at {told:%Y-%m-%d %H:%M:%SZ}" if told else "at a time that cannot be told"


class _Renamed(NamedTuple):
    node: str  #: the column under its present name
    sentence: str


def _renamed(g: GraphTraversalSource, spelling: str, rules: Rules) -> _Renamed | None:
    """The column that had this name once, where the dataset has successful runs which renamed it."""
    dataset, column = split_node(spelling)
    if not column:
        return None
    try:
        owner = resolve(g, dataset, ("dataset",), "node", rules)
    except QueryError:
        return None
    runs = __.in_("executes").has("status", "success").order().by("timestamp").by(T.id)
    found = g.V(owner).in_("writes").has("renames").project("renames", "runs")
    renaming = found.by("renames").by(runs.project("run", "at").by(T.id).by("timestamp").fold()).to_list()
    steps = sorted(
        (run["at"], run["run"], old, new)
        for row in renaming
        for run in row["runs"]
        for old, new in json.loads(row["renames"])
    )
    name, sentence = column.strip().lower(), ""
    for at, run, old, new in steps:
        if old == name:
            name, sentence = new, f"it was renamed to {new!r} by {run} {_when(at)}; ask for that name, at all times"
    node = column_id(owner, name)
    return _Renamed(node, sentence) if sentence and node in _look_up(g, [node]) else None


def resolve_all(
    g: GraphTraversalSource, spelling: str, labels: Sequence[str], field: str, rules: Rules = DEFAULT
) -> list[str]:
    """As `resolve`, but the id of a Spark application, job run or agent's plan gives all of its runs.

    Where a job is taken too, it stands for its last successful run, with all that its Spark application wrote; a
    dataset of that name comes first.
    """
    runs = runs_named(g, spelling) if "run" in labels else []
    if runs or "job" not in labels:
        return runs or [resolve(g, spelling, labels, field, rules)]
    try:
        return [resolve(g, spelling, [label for label in labels if label != "job"], field, rules)]
    except NothingWritten:
        raise
    except NodeNotFound as error:
        try:
            job = resolve(g, spelling, ("job",), field, rules)
        except NodeNotFound:
            raise error from None
    return _last_runs(g, job, field)


def _last_runs(g: GraphTraversalSource, job: str, field: str) -> list[str]:
    """The last successful run of a job, with all others of its Spark application. NodeNotFound: none succeeded."""
    succeeded = __.out("hasPlan").in_("executes").has("status", "success")
    newest = g.V(job).flat_map(succeeded.clone()).order().by("timestamp", Order.desc).by(T.id).limit(1)
    for last in rows(newest, {"run": T.id, "app": "appId"}):
        if not last["app"]:
            return [last["run"]]
        whole = g.V(job).flat_map(succeeded.clone()).has("appId", last["app"]).order().by("timestamp").by(T.id)
        return list(whole.id_().to_list())
    raise NodeNotFound(f"no run of {job[:_COMPARED]} succeeded", field, ())


def runs_named(g: GraphTraversalSource, spelling: str) -> list[str]:
    """The run with this id, else the runs of the Spark application, job run or agent's plan, ordered by time.

    A job run is Glue's ``jr_...`` or OpenLineage's `runId`: one that wrote several datasets is several runs here.
    """
    spelling = spelling.strip()
    ids = [node for node, _ in _candidates(spelling, ("run",), DEFAULT)]
    return g.V(ids).has_label("run").id_().to_list() or _runs_of(g, spelling)


def _runs_of(g: GraphTraversalSource, spelling: str) -> list[str]:
    spellings = dict.fromkeys((spelling, spelling.lower()))  # OpenLineage's ids are sent in upper case too
    conditions = (__.has(name, P.within(*spellings)) for name in ("jobRun", "runId", "appId", "agentPlanId"))
    found = g.V().has_label("run").or_(*conditions)
    named: list[str] = found.order().by("timestamp").by(T.id).id_().to_list()
    return named


def _resources(g: GraphTraversalSource, spelling: str) -> list[str]:
    """The runs of SageMaker of this name, or of this kind and name: ``churn-1``, ``training-job/churn-1``."""
    if ":" in spelling or len(spelling) < _BEGINNING:
        return []
    ends = [__.has("jobRun", TextP.ending_with(f"{sign}{spelling}")) for sign in ("/", ":")]
    found = g.V().has_label("run").has("jobRun", TextP.starting_with("arn:")).or_(*ends)
    named: list[str] = found.order().by("timestamp", Order.desc).by(T.id).limit(_SUGGESTED).id_().to_list()
    return named


def beginning_with(g: GraphTraversalSource, spelling: str, labels: Sequence[str]) -> list[str]:
    """The ids of runs and plans that begin so, with or without ``run:`` and ``plan:``: people copy them shortened.

    A run of OpenLineage is found by the beginning of its `runId`, too, from 8 characters on.
    """
    found: list[str] = []
    for label in ("run", "plan"):
        begin = spelling.strip().removeprefix(f"{label}:")
        if label in labels and len(begin) >= _BEGINNING:
            begins = [__.has(T.id, TextP.starting_with(f"{label}:{begin}"))]
            if label == "run":
                begins.append(__.has(T.id, TextP.starting_with(f"run:{OPENLINEAGE_PLAN}{begin}")))
            if label == "run" and len(begin) >= _BEGINNING_SENT:
                begins += [__.has(name, TextP.starting_with(begin.lower())) for name in ("jobRun", "runId")]
            runs_or_plans = g.V().has_label(label).or_(*begins)
            found += runs_or_plans.order().by(T.id).limit(_SUGGESTED).id_().to_list()
    return found


def _jobs_of(g: GraphTraversalSource, spelling: str) -> list[str]:
    """By the name, else by the end of it: applications are often called by a package and a name."""
    exact: list[str] = g.V().has_label("job").has("name", spelling).order().by(T.id).id_().to_list()
    if exact or not spelling:
        return exact
    if (job := job_name(spelling)) not in ("", spelling):  # of one run: etl_20260301
        return _jobs_of(g, job)
    ending: list[str] = (
        g.V().has_label("job").has("name", TextP.ending_with(f".{spelling}")).order().by(T.id).id_().to_list()
    )
    return ending


def _datasets_of(g: GraphTraversalSource, spelling: str) -> list[str]:
    return [] if "#" in spelling else _ending_with(g, spelling)


def _columns_of(g: GraphTraversalSource, spelling: str) -> list[str]:
    dataset, column = split_node(spelling)
    if column is None:
        dataset, _, column = spelling.rpartition(".")
    wanted = [column_id(name, column) for name in _ending_with(g, dataset)] if column else []
    return sorted(_look_up(g, wanted)) if wanted else []


def _ending_with(g: GraphTraversalSource, spelling: str) -> list[str]:
    """The datasets with this name, or whose path ends with these folders and name; none for a whole path or URI."""
    name = spelling.rpartition("/")[2]
    if not name or spelling.startswith("/") or ":" in spelling:
        return []
    named: list[str] = g.V().has_label("dataset").has("name", name).order().by(T.id).id_().to_list()
    return named if name == spelling else [node for node in named if node.endswith((f"/{spelling}", f":{spelling}"))]


#: Label -> how its vertices are found by a property, if no vertex has the spelling as its id.
_BY_PROPERTY: Mapping[str, Callable[[GraphTraversalSource, str], list[str]]] = {
    "job": _jobs_of,
    "run": _runs_of,
    "dataset": _datasets_of,
    "column": _columns_of,
}


def only_one(named: list[str], spelling: str, field: str) -> list[str]:
    """The same, one or none. QueryError: there are several; it lists them."""
    if len(named) > 1:
        raise QueryError(f"{spelling.strip()[:_COMPARED]!r} names several: say which", field, named)
    return named


def _candidates(spelling: str, labels: Sequence[str], rules: Rules) -> Iterator[tuple[str, str]]:
    """The ids that the spelling can mean, the most likely first, each with the spelling in which it was read."""
    yield spelling, spelling
    if "column" in labels or "dataset" in labels:
        for name in _dataset_candidates(spelling, rules):
            yield name, spelling
    if "job" in labels:
        yield f"job:{spelling}", spelling
        yield alias_id(spelling), spelling
        yield f"job:{job_name(spelling)}", spelling
    if "tag" in labels:
        yield tag_id(spelling), spelling
    if "plan" in labels:
        yield alias_id(spelling), spelling
    if "run" in labels:
        yield f"run:{spelling}", spelling
    dataset, dot, column = spelling.rpartition(".")
    if "column" in labels and dataset and dot and "#" not in spelling and "/" not in column:
        written = f"{dataset}#{column}"  # as SQL has it
        for name in _dataset_candidates(written, rules):
            yield name, written


def _dataset_candidates(spelling: str, rules: Rules) -> Iterator[str]:
    dataset, column = split_node(spelling)
    for name in (dataset, canonical(dataset, rules)):
        yield name if column is None else column_id(name, column)
    yield canonical(spelling, rules)  # a path may hold a # that separates nothing
    yield alias_id(canonical(dataset, rules))
    # db.table, as Spark does without regard to case
    yield from map(alias_id, (dataset, canonical(dataset.lower(), rules), dataset.lower()))


def _look_up(g: GraphTraversalSource, ids: list[str]) -> dict[str, _Found]:
    found = g.V(ids).project("vertex", "kind", "names")
    found = found.by(T.id).by(T.label).by(__.out("aliasOf").order().by(T.id).id_().fold())
    return {row["vertex"]: _Found(row["kind"], row["names"]) for row in found.to_list()}


def _aliased(g: GraphTraversalSource, alias: _Found, spelling: str, labels: Sequence[str]) -> list[str]:
    """The nodes that an alias names, with the column of the spelling; only those that exist and have such a label."""
    column = split_node(spelling)[1]
    wanted = [column_id(name, column) for name in alias.names] if column else alias.names
    found = _look_up(g, wanted) if wanted else {}
    return [name for name in wanted if name in found and found[name].label in labels]


def _suggestions(g: GraphTraversalSource, spelling: str, labels: Sequence[str], rules: Rules) -> list[str]:
    """Ids similar to the spelling: of columns if the dataset exists, else of vertices with a similar id or name."""
    dataset, column = split_node(spelling)
    if column and "column" in labels:
        try:
            owner = resolve(g, dataset, ("dataset",), "node", rules)
        except QueryError as error:
            named = {column_id(near, column): near for near in error.suggestions}
            return list(_look_up(g, list(named)) if named else ()) or list(error.suggestions)
        columns = sorted(g.V(owner).out("hasColumn").id_().limit(_SCANNED).to_list())
        return _closest(column_id(owner, column), {name: name for name in columns}) or columns[:_SUGGESTED]
    last = spelling.rstrip("/").rpartition("/")[2]
    names: dict[str, str] = {}
    for label in labels:
        if label != "column":
            names.update(_names(g.V().has_label(label).has("name", TextP.starting_with(last[:2]))))
            names.update(_names(g.V().has_label(label)))
    return _closest(spelling, names) or _closest(last, names)


def _names(found: GraphTraversal) -> dict[str, str]:
    """Some ids with their names."""
    rows = found.limit(_SCANNED).project("vertex", "name").by(T.id).by("name").to_list()
    return {row["vertex"]: row.get("name", "") for row in rows}


def _closest(spelling: str, names: dict[str, str]) -> list[str]:
    """The ids whose id or name is most similar to the spelling; `names` maps ids to names."""
    wanted = spelling[:_COMPARED].lower()
    by_text: dict[str, list[str]] = {}
    for node, name in sorted(names.items()):
        for text in {node[:_COMPARED].lower(), name[:_COMPARED].lower()}:
            by_text.setdefault(text, []).append(node)
    near = difflib.get_close_matches(wanted, by_text, n=_SUGGESTED, cutoff=0.6)
    return list(dict.fromkeys(_flat(by_text[text] for text in near)))[:_SUGGESTED]


def _flat(lists: Iterable[Iterable[str]]) -> Iterator[str]:
    for items in lists:
        yield from items
