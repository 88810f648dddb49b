"""What a run came to: written, failed, or one of the reasons for which it makes no lineage. One table's worth of rules.

Most runs of a Spark application write nothing: schema inference, jobs on RDDs, the application itself. They make no
dataset, no schema and no lineage, and are counted by their reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from headwater.openlineage_bridge.columns import SOURCE, is_told
from headwater.openlineage_bridge.events import Json
from headwater.openlineage_bridge.fold import FoldedDataset, FoldedRun
from headwater.sql_bridge.effects import Did, effects


class Outcome(str, Enum):
    """What a run came to."""

    WRITTEN = "written"
    FAILED = "failed"  #: it has outputs, and FAIL or ABORT came
    OPEN = "open"  #: no event has ended it
    APPLICATION = "application"  #: the parent of the runs that read and write
    NO_OUTPUT = "no output"  #: it only read, or its agent does not say what it wrote
    OWN_INPUT = "input as output"  #: an RDD job that reports the file that it read as what it wrote
    REFUSED = "refused"  #: mode=error or ignore on data that exists: START and COMPLETE, and nothing was written
    CREATED = "created"  #: an empty table
    DROPPED = "dropped"
    EMPTIED = "emptied"
    RENAMED = "renamed"
    DECLARED = "declared"  #: a DatasetEvent that says neither of these, nor where columns come from


#: Nodes of a Spark plan that do their work in Spark jobs, each of which is reported by RUNNING. A write by such a node
#: without any was refused. Others (Delta's, JDBC's, CREATE TABLE AS SELECT) write without jobs of their own.
_NEED_JOBS = frozenset({"adaptive_spark_plan", "execute_insert_into_hadoop_fs_relation_command"})
_CREATE_ONLY = frozenset({"create_table", "execute_create_data_source_table_command", "execute_create_table_command"})
#: What ends that which a dataset held. A TRUNCATE that reads or writes rows loads the table anew: a write.
_ENDS = {"DROP": Outcome.DROPPED, "TRUNCATE": Outcome.EMPTIED, "RENAME": Outcome.RENAMED}


def outcome(run: FoldedRun) -> Outcome:
    """What a run came to: the first rule that holds."""
    kind = text(run.job_facets, "jobType", "jobType").upper()
    rules: tuple[tuple[bool, Outcome | None], ...] = (
        (run.end is None, Outcome.OPEN),
        (is_application(run), Outcome.APPLICATION),
        (not run.outputs, Outcome.NO_OUTPUT),
        (run.state in ("FAIL", "ABORT"), Outcome.FAILED),
        (_is_ended(run), next((ending(run, one) for one in run.outputs.values()), None)),
        (_is_untouched(run), _of_untouched(run)),
        (run.is_dataset and not any(is_told(one.facets) for one in run.outputs.values()), Outcome.DECLARED),
        (not is_spark(run), Outcome.WRITTEN),
        (kind == "RDD_JOB" and run.outputs.keys() <= run.inputs.keys(), Outcome.OWN_INPUT),
        (kind == "RDD_JOB", Outcome.WRITTEN),
    )
    return next((what for holds, what in rules if holds), None) or _spark_sql(run)


def _spark_sql(run: FoldedRun) -> Outcome:
    if node(run) in _CREATE_ONLY and lifecycle(run) == "CREATE":
        return Outcome.CREATED
    proven = "RUNNING" in run.states or any(
        "outputStatistics" in one.own or "version" in one.facets for one in run.outputs.values()
    )
    return Outcome.WRITTEN if proven or node(run) not in _NEED_JOBS else Outcome.REFUSED


def is_application(run: FoldedRun) -> bool:
    """Whether it is a Spark application, of which the runs that read and write are parts."""
    return text(run.job_facets, "jobType", "jobType").upper() == "APPLICATION"


def is_spark(run: FoldedRun) -> bool:
    """Whether Spark's agent reports the run."""
    return text(run.job_facets, "jobType", "integration").upper() == "SPARK" or "spark_properties" in run.run_facets


def node(run: FoldedRun) -> str:
    """The root of Spark's plan in the job's name, ``<application>.<node>.<target>``; empty if it is not there."""
    name = run.job[1]
    parent = run.run_facets.get("parent", {}).get("job", {})
    application = parent.get("name") if isinstance(parent, dict) else None
    if isinstance(application, str) and name.startswith(f"{application}."):
        name = name.removeprefix(f"{application}.")
    else:
        name = name.partition(".")[2]
    return name.partition(".")[0]


def lifecycle(run: FoldedRun) -> str:
    """What happened to the output, as the agent says; empty for an append, or for nothing said."""
    return next((state for one in run.outputs.values() if (state := lifecycle_of(one))), "")


def lifecycle_of(output: FoldedDataset) -> str:
    """What happened to one output, in upper case."""
    return text(output.facets, "lifecycleStateChange", "lifecycleStateChange").upper()


def ending(run: FoldedRun, output: FoldedDataset) -> Outcome | None:
    """What ended that which an output held before the run; None: it was written."""
    state = lifecycle_of(output)
    if state == "TRUNCATE" and (run.inputs or is_told(output.facets) or "outputStatistics" in output.own):
        return None
    what = did(run, output)
    return _ENDS.get(state) or (_SQL_ENDS.get(what) if what else None)


#: What ended a table as the statements of a run say.
_SQL_ENDS = {Did.DROPPED: Outcome.DROPPED, Did.EMPTIED: Outcome.EMPTIED}


def _is_ended(run: FoldedRun) -> bool:
    return all(ending(run, one) for one in run.outputs.values())


def did(run: FoldedRun, output: FoldedDataset) -> Did | None:
    """What the SQL of a run did to an output. None: not known, or the producer has its own words for it."""
    integration = text(run.job_facets, "jobType", "integration")
    if is_spark(run) or integration == SOURCE or "dbt_model" in output.facets or lifecycle_of(output):
        return None
    query = text(run.job_facets, "sql", "query")
    system = text(run.job_facets, "sql", "dialect") or min(namespace for namespace, _ in output.pairs).partition(":")[0]
    known = effects(query, system) if query else {}
    names = {name.rpartition(".")[2].strip('"`').lower() for _, name in output.pairs}
    return next((known[name] for name in sorted(names) if name in known), None)


def untouched(run: FoldedRun, output: FoldedDataset) -> bool:
    """Whether a run wrote no rows to an output: it made an empty table, or took something away from it."""
    what = did(run, output)
    return what is Did.CREATED or (what is Did.CHANGED and not run.inputs and not is_told(output.facets))


def _is_untouched(run: FoldedRun) -> bool:
    return all(untouched(run, one) for one in run.outputs.values())


def _of_untouched(run: FoldedRun) -> Outcome:
    created = any(did(run, one) is Did.CREATED for one in run.outputs.values())
    return Outcome.CREATED if created else Outcome.NO_OUTPUT


def text(facets: Mapping[str, Json], facet: str, key: str) -> str:
    """A text in a facet; empty if there is none."""
    found = facets.get(facet, {}).get(key)
    return found if isinstance(found, str) else ""
