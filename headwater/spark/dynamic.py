"""Glue's DynamicFrames: Glue writes them without Spark's listeners, so they are reported by the plan of ``toDF()``.

The plan is that of the same write by Spark: Spark makes the command, and nobody runs it.
Source: https://docs.aws.amazon.com/glue/latest/dg/aws-glue-api-crawler-pyspark-extensions-dynamic-frame-writer.html
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from headwater.spark.capturing import Capture, running
from headwater.spark.listener import first_line
from headwater.spark.logs import LOG

__all__ = ["write_dynamic_frame"]

#: Glue's names for formats of Spark, where they differ.
_FORMATS = {"glueparquet": "parquet", "": "parquet"}


def write_dynamic_frame(glue_context: Any, frame: Any, **how: Any) -> Any:
    """Write a frame by ``glueContext.write_dynamic_frame`` and report it; the answer and the errors are Glue's.

    `how` are the arguments of ``from_options`` (connection_type, connection_options, format, ...), or those of
    ``from_catalog`` (database, table_name, ...). Targets with a path are reported: files and tables on S3.
    """
    writer = glue_context.write_dynamic_frame
    write = writer.from_catalog if "database" in how else writer.from_options
    begin, clock = time.time_ns() // 1_000_000, time.perf_counter_ns()
    try:
        answer = write(frame=frame, **how)
    except Exception as error:
        _report(frame, how, begin, None, first_line(error))
        raise
    _report(frame, how, begin, time.perf_counter_ns() - clock, None)
    return answer


def _report(frame: Any, how: Mapping[str, Any], started_ms: int, duration_ns: int | None, error: str | None) -> None:
    """One line in the log if it cannot be."""
    try:
        data = frame.toDF()
        spark = data.sparkSession
        capture = running(spark)
        if capture is not None:
            _tell(capture, spark, data, _target(spark, how), (started_ms, duration_ns, error))
    except Exception as failure:  # noqa: BLE001 - the frame is written, and that is what the job is for
        LOG.warning("the write of a DynamicFrame is not reported: %s", first_line(failure))


@dataclass(frozen=True)
class _Target:
    path: str
    form: str
    partitions: list[str]
    options: dict[str, str]


def _target(spark: Any, how: Mapping[str, Any]) -> _Target:
    """Path and format of the target, in Spark's terms. ValueError: the target has no path."""
    options = {**how.get("connection_options", {}), **how.get("additional_options", {})}
    partitions = list(options.get("partitionKeys", ()))
    if "database" in how:
        path, form = _table(spark, how["database"], how["table_name"])
    else:
        path, form = str(options.get("path", "")), str(how.get("format") or how.get("connection_type", ""))
    if not path:
        raise ValueError("its target has no path")
    return _Target(path, _FORMATS.get(form, form), partitions, {"path": path})


def _table(spark: Any, database: str, name: str) -> tuple[str, str]:
    """Location and format of a table of the catalog."""
    session = spark._jsparkSession.sessionState()  # noqa: SLF001 - pyspark has no public way
    table = session.catalog().getTableMetadata(session.sqlParser().parseTableIdentifier(f"`{database}`.`{name}`"))
    provider = table.provider()
    return str(table.location().toString()), str(provider.get()) if provider.isDefined() else "parquet"


def _tell(capture: Capture, spark: Any, data: Any, target: _Target, times: tuple[int, int | None, str | None]) -> None:
    """The command that Spark would run for this write: built and analysed, never run."""
    jvm, session = spark.sparkContext._jvm, spark._jsparkSession  # noqa: SLF001 - py4j has no public way
    utils, none = jvm.PythonUtils, jvm.scala.Option.apply(None)
    sql = jvm.org.apache.spark.sql
    source = sql.execution.datasources.DataSource(
        session, target.form, utils.toSeq([]), none, utils.toSeq(target.partitions), none,
        utils.toScalaMap(target.options), none,
    )  # fmt: skip
    command = source.planForWriting(sql.SaveMode.Append, data._jdf.logicalPlan())  # noqa: SLF001 - as above
    skip = sql.execution.CommandExecutionMode.SKIP()
    capture.told(session.sessionState().executePlan(command, skip), *times)
