"""From all events of a run to plans and runs: for each output what one plan and one run of Spline would be. Read first.

One pair for each output of a run that ended. What its producer does not tell stays open: columns without an entry are
unresolved, and edges without a transformation are not exact.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from headwater.graphmodel.accounts import job_of
from headwater.graphmodel.delta import digest
from headwater.graphmodel.ids import OPENLINEAGE_PLAN
from headwater.graphmodel.model import (
    Dataset,
    DependencyType,
    Derivation,
    Effect,
    Job,
    Operation,
    OutputColumn,
    Plan,
    Role,
    Run,
    Subtype,
)
from headwater.graphmodel.naming import Rules
from headwater.openlineage_bridge import names
from headwater.openlineage_bridge.columns import OWN, OWN_RUN, SOURCE, columns, field_names, is_told
from headwater.openlineage_bridge.events import LineageEvent, group_of, nameless
from headwater.openlineage_bridge.events import digest as digest_of
from headwater.openlineage_bridge.facts import inputs_facts, version_facts
from headwater.openlineage_bridge.fold import FoldedDataset, FoldedRun, fold
from headwater.openlineage_bridge.outcome import (
    Outcome,
    did,
    ending,
    is_application,
    is_spark,
    lifecycle_of,
    node,
    outcome,
    text,
    untouched,
)
from headwater.openlineage_bridge.sagemaker import FACET as SAGEMAKER
from headwater.spline_bridge import jobs
from headwater.spline_bridge.errors import DecodeError
from headwater.sql_bridge.effects import Did

_NAMESPACE = uuid.UUID("0b8f6a4e-3f0c-4f43-9d5e-6f1d7a1c52aa")  # random once, fixed for ever: ids of plans depend on it
_MS = 1_000_000
#: Pairs of an output and an input that one run may have where no column lineage tells which of them belong together.
#: Each is an edge, which costs the graph some 1.5 ms: a body of 150 kB can have 250,000 pairs.
MOST_PAIRS = 50_000


@dataclass(frozen=True)
class Mapped:
    """What the events of one run come to. `digest` is the same for the same set of events.

    `parent` is the group of the run that it is a part of. `passes_on` is what it tells of the runs that are parts of
    it, and `otherwise` what holds of its own runs if neither they nor the parent tell it: fields of `Run` with values.
    """

    outcome: Outcome
    job: Job
    plans: tuple[Plan, ...]
    runs: tuple[Run, ...]
    digest: str
    parent: str = ""
    passes_on: tuple[tuple[str, str], ...] = ()
    otherwise: tuple[tuple[str, str], ...] = ()


def mapped(events: Iterable[LineageEvent], rules: Rules) -> Mapped | None:
    """Plans and runs of the events of one group; None for no events. DecodeError: the run is too large."""
    run = fold(events, rules)
    if run is None:
        return None
    what = outcome(run)
    job, job_run = job_of_run(run)
    if what not in _DRAWN:
        passes_on = _passes_on(run) if is_application(run) else ()
        return Mapped(what, job, (), (), run.digest, passes_on=passes_on)
    common = _Common(run, job, rules)
    effects = _effects(common)
    plans = tuple(_plan(common, output, kind, job_run) for output, kind in effects)
    runs = tuple(_run(run, output, plan, what) for (output, _), plan in zip(effects, plans, strict=True))
    parent, root = _ancestors(run)
    if not parent or not is_spark(run):
        return Mapped(what, job, plans, runs, run.digest)
    # Older agents tell the application's id with its START alone: its run is as good to tell applications apart.
    otherwise = {"app_id": parent.run}
    if root and root.run != parent.run:
        otherwise |= {"parent_job": root.job, "parent_run": root.run}
    return Mapped(what, job, plans, runs, run.digest, group_of(parent.run, run.account), otherwise=_told(otherwise))


def _passes_on(run: FoldedRun) -> tuple[tuple[str, str], ...]:
    """What a Spark application tells of the runs in it: its own id and user, and the task that started it."""
    parent, _ = _ancestors(run)
    return _told(
        {
            "app_id": text(run.run_facets, "spark_applicationDetails", "applicationId"),
            "user": text(run.run_facets, "spark_applicationDetails", "userName"),
            "parent_job": parent.job if parent else "",
            "parent_run": parent.run if parent else "",
        }
    )


def _told(values: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((name, value) for name, value in values.items() if value))


def job_of_run(run: FoldedRun) -> tuple[Job, str | None]:
    """The job as all agents call it, in its account, and the id of Glue's run of it, or the ARN of SageMaker's.

    A Spark application is what Spline's agent makes of it: OpenLineage's own names of its jobs change with the plan.
    """
    job, job_run = _job(run)
    return job_of(job, run.account) if run.account else job, job_run


def _job(run: FoldedRun) -> tuple[Job, str | None]:
    if is_spark(run):
        properties = run.run_facets.get("spark_properties", {}).get("properties")
        known = properties if isinstance(properties, dict) else {}
        application = known.get("spark.app.name") or text(run.run_facets, "spark_applicationDetails", "appName")
        return jobs.identify(str(application or run.job[1].partition(".")[0]), known)
    if run.is_dataset:  # nobody's job: what is declared is one logic after the other of the dataset itself
        return Job("declared", next(iter(run.outputs), "")), None
    told = _own(run).get("job")
    if isinstance(told, dict) and all(isinstance(told.get(key), str) and told[key] for key in ("namespace", "name")):
        return Job(told["namespace"], told["name"]), None
    model = text(run.job_facets, "dbt_node", "unique_id")
    return (Job("dbt", model) if model else Job(*run.job)), text(run.run_facets, SAGEMAKER, "arn") or None


class _Common:
    """What all plans of a run are made of, made once: a run can have some thousand outputs, and as many inputs."""

    def __init__(self, run: FoldedRun, job: Job, rules: Rules) -> None:
        """DecodeError: so many outputs of so many inputs that the graph would be busy with this run alone."""
        self.run, self.job, self.rules = run, job, rules
        untold = sum(not is_told(one.facets) for one in run.outputs.values()) if len(run.outputs) > 1 else 0
        if untold * len(run.inputs) > MOST_PAIRS:
            raise DecodeError(
                f"the run has {untold:,} outputs without column lineage and {len(run.inputs):,} inputs, each of which"
                f" can have gone into each output: more than {MOST_PAIRS:,} pairs"
            )

    @cached_property
    def schemas(self) -> dict[str, frozenset[str]]:
        """The columns of each dataset in lower case, by URI."""
        every = (*self.run.inputs.items(), *self.run.outputs.items())
        return {uri: frozenset(name.lower() for name in field_names(one.facets)) for uri, one in every}

    @cached_property
    def names(self) -> _Names:
        """The datasets that column lineage names."""
        return _Names(self.run, self.rules)

    @cached_property
    def inputs(self) -> dict[str, Dataset]:
        """The inputs by URI."""
        return {uri: _dataset(one, self.rules) for uri, one in self.run.inputs.items()}

    @cached_property
    def digest(self) -> str:
        """A hash of all that plans are made of, but for the output, and for what differs from run to run."""
        run, job = self.run, self.job
        datasets = [
            (
                uri,
                one.name.partition,
                one.pairs,
                {name: one.facets[name] for name in _OF_DATASETS if name in one.facets},
            )
            for side in (run.inputs, run.outputs)
            for uri, one in side.items()
        ]
        facets = {name: run.run_facets[name] for name in _OF_RUNS if name in run.run_facets}
        inexact = sorted(_inexact(run))
        effects = [what.value if (what := did(run, one)) else "" for one in run.outputs.values()]
        about = (job.namespace, job.name, node(run), is_spark(run), self.rules.text, len(run.inputs), inexact, effects)
        return digest_of([about, datasets, facets, run.job_facets.get("jobType"), run.others])


#: What becomes plans and runs.
_DRAWN = (Outcome.WRITTEN, Outcome.FAILED, Outcome.DROPPED, Outcome.EMPTIED, Outcome.RENAMED)


def _effects(common: _Common) -> list[tuple[FoldedDataset, Outcome]]:
    """The datasets that a run did something to, each once, with what: written, or one of those that end it."""
    found: dict[str, tuple[FoldedDataset, Outcome]] = {}
    failed = common.run.state != "COMPLETE"
    for output in common.run.outputs.values():
        if untouched(common.run, output) and not failed:
            continue
        how = ending(common.run, output) or Outcome.WRITTEN
        if how in (Outcome.DROPPED, Outcome.EMPTIED):
            output = replace(output, name=replace(output.name, uri=_dropped(common.run, output.name.uri)))  # noqa: PLW2901 - under its own name
        found.setdefault(output.name.uri, (output, how))
    for output, how in list(found.values()):
        before = names.previous(output.pairs, output.facets, common.rules) if how is Outcome.RENAMED else None
        if before is not None:
            found.setdefault(before.uri, (FoldedDataset(before, (), {}, {}), Outcome.DROPPED))
    return list(found.values())


def _dropped(run: FoldedRun, uri: str) -> str:
    """The table that was dropped: Spark's agent says the database's folder twice, ``sales.db/sales.db/orders``."""
    return _DATABASE_TWICE.sub(r"/\1/", uri) if is_spark(run) else uri


_DATABASE_TWICE = re.compile(r"/([^/]+\.db)/\1/")


def _plan(common: _Common, output: FoldedDataset, what: Outcome, job_run: str | None) -> Plan:
    """The plan of one output. A job runs again and again with the same logic, so what was mapped last is kept."""
    key = digest(common.digest, output.name.uri, what.value)
    plan = _known_plans.get(key)
    if plan is None:
        if what in (Outcome.DROPPED, Outcome.EMPTIED):
            plan = _end(common, output, what, key)
        elif what is Outcome.RENAMED:
            plan = _renamed(common, output, key)
        else:
            plan = _mapped_plan(common, output, key)
        if len(_known_plans) >= _MOST_KNOWN:
            _known_plans.clear()
        if len(plan.derivations) <= _LARGEST_KNOWN:
            _known_plans[key] = plan
    return replace(plan, agent_plan_id=_plan_id(common.run.group, output.name.uri), job_run=job_run)


#: Plans by key: of 20 columns each takes some 20 kB.
_known_plans: dict[str, Plan] = {}
_MOST_KNOWN, _LARGEST_KNOWN = 2_000, 200
#: Facets of datasets and runs that plans are made of.
_OF_DATASETS = (
    *("schema", "columnLineage", "lineage", "lifecycleStateChange", "symlinks", "storage", "catalog", "dbt_model"),
    OWN,
)
_OF_RUNS = ("processing_engine", "extractionError")


def _unwritten(common: _Common, output: FoldedDataset, command: str, key: str) -> Plan:
    """A plan of one output, with what all kinds of plans have: it has yet to say what it did to it, and out of what."""
    run, job = common.run, common.job
    return Plan(
        agent_plan_id="",
        job=job,
        target=_dataset(output, common.rules),
        effect=Effect.KEEP,
        command=node(run) if is_spark(run) else command,
        inputs=(),
        columns=(),
        derivations=(),
        dependencies=(),
        api_version="0",
        agent=_agent(run),
        job_names=_job_names(run, job),
        key=key,
    )


def _end(common: _Common, output: FoldedDataset, what: Outcome, key: str) -> Plan:
    """What was there is gone: the dataset is as if nothing had written it, until something does again."""
    plan = _unwritten(common, output, "truncate" if what is Outcome.EMPTIED else "drop", key)
    return replace(plan, target=replace(plan.target, columns=()), effect=Effect.END)


def _renamed(common: _Common, output: FoldedDataset, key: str) -> Plan:
    """The new name has what the old one had: each column is the same column there."""
    plan = _unwritten(common, output, "rename", key)
    before = names.previous(output.pairs, output.facets, common.rules)
    if before is None or before.uri == plan.target.uri:
        return plan
    same = (Derivation(name, before.uri, name, DependencyType.DIRECT, Subtype.IDENTITY) for name in plan.target.columns)
    return replace(
        plan,
        effect=Effect.ALL,
        inputs=(Dataset(before.uri),),
        columns=tuple(map(OutputColumn, plan.target.columns)),
        derivations=tuple(same),
    )


def _mapped_plan(common: _Common, output: FoldedDataset, key: str) -> Plan:
    run = common.run
    found = columns(
        output.facets,
        common.schemas,
        common.names,
        exact_roles=_is_headwater(run),
        as_queried=text(run.job_facets, "jobType", "integration").upper() == "AIRFLOW",
    )
    # With several outputs, what one of them comes from is known if its columns are told; else it is each input.
    inexact = _inexact(run)
    told = found.told and len(run.outputs) > 1
    sources = found.sources if told else found.sources | run.inputs.keys()
    engine = (text(run.run_facets, "processing_engine", name) for name in ("name", "version"))
    return replace(
        _unwritten(common, output, text(run.job_facets, "jobType", "jobType") or "write", key),
        effect=_effect(run, output),
        inputs=tuple(common.inputs.get(uri) or Dataset(uri) for uri in sorted(sources)),
        columns=found.columns,
        derivations=tuple(replace(d, exact=d.exact and d.target not in inexact) for d in found.derivations)
        if inexact
        else found.derivations,
        dependencies=found.dependencies,
        operations=_unread(run),
        system=" ".join(filter(None, engine)) or None,
        role=_role(run),
        secondary=True,
    )


def _job_names(run: FoldedRun, job: Job) -> tuple[str, ...]:
    """OpenLineage's own names of the job, as ``namespace/name``, where they are others than the job's."""
    others = (job_of(Job(*other), run.account) if run.account else Job(*other) for other in run.others)
    return tuple(f"{other.namespace}/{other.name}" for other in others if other != job)


def _plan_id(group: str, output: str) -> str:
    """No UUID, as the ids of Spline's plans are: the two can never meet."""
    return f"{OPENLINEAGE_PLAN}{uuid.uuid5(_NAMESPACE, digest(group, output))}"


def _agent(run: FoldedRun) -> str:
    version = text(run.run_facets, "processing_engine", "openlineageAdapterVersion")
    return f"openlineage {version}".strip()


def _run(run: FoldedRun, output: FoldedDataset, plan: Plan, what: Outcome) -> Run:
    assert run.end is not None, "a run that came to something has ended"
    error = None
    if what is Outcome.FAILED:
        message = text(run.run_facets, "spark.exception", "message") or text(run.run_facets, "errorMessage", "message")
        error = message.strip().partition("\n")[0] or f"the run ended with {run.state}"
    # The parent of a run of Spark is its application; the task that started that one, the application tells.
    parent = None if is_spark(run) else _ancestors(run)[0]
    application = text(run.run_facets, "spark_applicationDetails", "applicationId")
    return Run(
        agent_plan_id=plan.agent_plan_id,
        timestamp=run.end // _MS,
        duration_ns=run.end // _MS * _MS - run.start // _MS * _MS,
        app_id=application or None,
        user=text(run.run_facets, "spark_applicationDetails", "userName") or None,
        error=error,
        job_run=plan.job_run or _sent_id(run),
        parent_job=parent.job if parent else None,
        parent_run=(parent.run or None) if parent else None,
        facts=() if error else (*version_facts(output), *inputs_facts(run.inputs)),
        run_id=_sent_id(run) if plan.job_run else None,
    )


def _sent_id(run: FoldedRun) -> str:
    """The `runId` of the sender, by which people look for the run; a UUID in lower case, as its group has it."""
    lower = run.run_id.lower()
    return lower if group_of(lower, run.account) == run.group else run.run_id


@dataclass(frozen=True)
class _Ancestor:
    """A run that started another: its job as ``namespace/name``, and its id."""

    job: str
    run: str


def _ancestors(run: FoldedRun) -> tuple[_Ancestor | None, _Ancestor | None]:
    """The run that started this one, and the one that all began with. A Spark application is the parent of its runs."""
    parent = run.run_facets.get("parent", {})
    root = parent.get("root")
    return _ancestor(parent), _ancestor(root) if isinstance(root, dict) else None


def _ancestor(facet: Mapping[str, Any]) -> _Ancestor | None:
    job, run = facet.get("job"), facet.get("run")
    if not isinstance(job, dict) or not isinstance(run, dict):
        return None
    named = [str(job[key]) for key in ("namespace", "name") if job.get(key)]
    return _Ancestor("/".join(named), str(run.get("runId") or "")) if named else None


def _dataset(one: FoldedDataset, rules: Rules) -> Dataset:
    return Dataset(
        uri=one.name.uri,
        spellings=names.spellings(one.pairs, one.facets, one.name.uri, rules),
        partition=one.name.partition or text(one.facets, OWN, "partition") or None,
        partition_columns=_partition_columns(one.facets),
        columns=tuple(dict.fromkeys(field_names(one.facets))),
        format=text(one.facets, "storage", "storageLayer") or None,
    )


def _is_headwater(run: FoldedRun) -> bool:
    """Whether another Headwater published the run."""
    return text(run.job_facets, "jobType", "integration") == SOURCE


def _own(run: FoldedRun) -> Mapping[str, Any]:
    """What another Headwater that published the run says of it beyond OpenLineage's words."""
    return run.run_facets.get(OWN_RUN, {}) if _is_headwater(run) else {}


def _inexact(run: FoldedRun) -> frozenset[str]:
    """The columns of which another Headwater says that code hides how they come about."""
    told = _own(run).get("inexactColumns")
    return frozenset(one for one in told if isinstance(one, str)) if isinstance(told, list) else frozenset()


def _partition_columns(facets: Mapping[str, Any]) -> tuple[str, ...]:
    """The columns by which another Headwater says that a dataset is partitioned."""
    told = facets.get(OWN, {}).get("partitionColumns")
    return tuple(one for one in told if isinstance(one, str)) if isinstance(told, list) else ()


class _Names:
    """The datasets that column lineage names: by their own names, or by other ones of the run's datasets."""

    def __init__(self, run: FoldedRun, rules: Rules) -> None:
        self._run = run
        self._rules = rules
        self._known: dict[tuple[str, str], str | None] = {}
        pairs = {pair for one in (*run.inputs.values(), *run.outputs.values()) for pair in one.pairs}
        self._parts: dict[str, int] = {}
        for namespace, name in pairs:
            self._parts[namespace] = min(_parts(name), self._parts.get(namespace, _parts(name)))

    def __call__(self, namespace: str, name: str) -> str | None:
        """The dataset's URI. None: it is temporary, or the alias of a subquery that a parser took for a table."""
        pair = namespace, name
        if pair not in self._known:
            self._known[pair] = self._uri(namespace, name)
        return self._known[pair]

    def _uri(self, namespace: str, name: str) -> str | None:
        found = names.name(namespace if namespace.strip() else nameless(self._run.job), name, self._rules)
        if found is None:
            return None
        uri = self._run.symlinks.get(found.uri, found.uri)
        if uri in self._run.inputs or uri in self._run.outputs:
            return uri
        # `o`, where all tables of the database are `shop.main.orders`: what a WITH calls its query.
        return None if _parts(name) < self._parts.get(namespace, 1) else uri


def _parts(name: str) -> int:
    """How many parts a table's name has; a path counts as one."""
    return 1 if "/" in name else name.count(".") + 1


def _unread(run: FoldedRun) -> tuple[Operation, ...]:
    """Why the producer could not tell the columns, if it says so: what lacks lineage then has a cause."""
    errors = run.run_facets.get("extractionError", {}).get("errors")
    told = [one.get("errorMessage") for one in errors if isinstance(one, dict)] if isinstance(errors, list) else []
    reasons = dict.fromkeys(one.strip()[:_MOST_REASON] for one in told if isinstance(one, str) and one.strip())
    listed = enumerate(list(reasons)[:_MOST_REASONS])
    return tuple(Operation(f"unread-{number}", reason, "write", resolved=False) for number, reason in listed)


_MOST_REASON, _MOST_REASONS = 300, 10  #: characters of one, and how many: producers send whole stack traces here

# effect and role ------------------------------------------------------------------------------------------------------

_LIFECYCLES = {"OVERWRITE": Effect.OVERWRITE, "TRUNCATE": Effect.ALL}
#: How dbt makes a model: what is not here adds to what is there, or is not known.
_DBT = {"table": Effect.ALL, "view": Effect.ALL, "seed": Effect.ALL, "materialized_view": Effect.ALL}


def _effect(run: FoldedRun, output: FoldedDataset) -> Effect:
    """What the run did to what the output held. Spark's CREATE is no sign of a whole write: a Delta append says it."""
    if is_spark(run) and "table_as_select" in node(run):
        return Effect.ALL
    config = output.facets.get("dbt_model", {}).get("config")
    made: Any = config.get("materialized") if isinstance(config, dict) else None
    if isinstance(made, str):
        return _DBT.get(made, Effect.KEEP)
    if run.is_dataset or did(run, output) is Did.REPLACED:  # of a view: what it was defined by before holds no longer
        return Effect.ALL
    state = lifecycle_of(output)  # of this output, not of another one
    if state == "CREATE" and not is_spark(run):
        return Effect.ALL
    return _LIFECYCLES.get(state, Effect.KEEP)


#: Nodes of Spark that hand the write to a command inside them, which is reported as a run of its own.
_WRAPPERS = ("table_as_select", "insert_into_data_source_dir_command", "insert_into_hive_dir_command")


def _role(run: FoldedRun) -> Role:
    if not is_spark(run) or text(run.job_facets, "jobType", "jobType") == "RDD_JOB":
        return Role.NONE
    return Role.WRAPPER if any(part in node(run) for part in _WRAPPERS) else Role.INNER
