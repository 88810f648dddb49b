"""What was observed of a job -> the names of its findings."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest

from headwater.spline_bridge.glue.attach import ADD_OPENS, agent_for, attach
from headwater.spline_bridge.glue.findings import Connection, ObservedJob, examine

EARLY, CHANGED, LATE = (datetime(2026, 3, day, tzinfo=timezone.utc) for day in (1, 2, 3))
RUN = {"Id": "jr_1", "StartedOn": LATE}
PUBLIC = "https://lineage.example.com"
LISTENER_ONLY = "spark.sql.queryExecutionListeners=za.co.absa.spline.harvester.listener.SplineQueryExecutionListener"


def job(version: str = "4.0", url: str = PUBLIC, agent: str = "jar", **arguments: str | None) -> dict[str, Any]:
    """An attached job; `arguments` replace or (None) remove some."""
    bare = {"Name": "j", "Command": {"Name": "glueetl"}, "GlueVersion": version, "LastModifiedOn": CHANGED}
    place = "s3://b/jars" if agent == "jar" else "s3://b/h.zip"
    attached = attach({}, agent_for(bare, agent, PUBLIC, place))
    given = {
        **{name: value.replace(PUBLIC, url) for name, value in attached.items()},  # attach refuses a loopback URL
        **{f"--{k.replace('_', '-')}": v for k, v in arguments.items()},
    }
    return {**bare, "DefaultArguments": {name: value for name, value in given.items() if value is not None}}


def run(**arguments: str) -> dict[str, Any]:
    return {**RUN, "Arguments": {f"--{name.replace('_', '-')}": value for name, value in arguments.items()}}


def via(*routes: tuple[str, str]) -> tuple[Connection, ...]:
    return (Connection("vpc", "subnet-1", routes),)


BUNDLE_31 = "s3://b/spark-3.1-spline-agent-bundle_2.12-2.2.0.jar"
PRIVATE = job(url="http://10.0.0.5:9090")
OPEN = job("5.0")["DefaultArguments"]["--conf"]

#: what was observed -> names
CASES: dict[str, tuple[ObservedJob, list[str]]] = {
    "all is well": (ObservedJob(job(), (RUN,)), []),
    "all is well on Java 17": (ObservedJob(job("5.1"), (RUN,)), []),
    "not attached": (ObservedJob(job(conf="a=b"), (RUN,)), ["not-attached"]),
    "no URL": (ObservedJob(job(conf=LISTENER_ONLY), (RUN,)), ["no-url"]),
    "the bundle of another Spark": (
        ObservedJob(job(extra_jars=f"{BUNDLE_31},s3://b/snakeyaml-1.33.jar"), (RUN,)),
        ["wrong-bundle"],
    ),
    "no jars at all": (ObservedJob(job(extra_jars=None), (RUN,)), ["wrong-bundle", "no-snakeyaml"]),
    "Java 17 without add-opens": (ObservedJob(job("5.0", conf=OPEN.replace(ADD_OPENS, "-Dx=1")), (RUN,)), ["java-17"]),
    "a run's own conf": (ObservedJob(job(), (run(conf="a=b"), RUN)), ["conf-overwritten"]),
    "a run's own conf with the agent": (ObservedJob(job(), (run(conf=OPEN),)), []),
    "a run's own jars": (ObservedJob(job(), (run(extra_jars="s3://b/x.jar"),)), ["jars-overwritten"]),
    "no run": (ObservedJob(job()), ["no-run"]),
    "no run since": (ObservedJob(job(), ({"Id": "jr_0", "StartedOn": EARLY},)), ["no-run"]),
    "the job's own machine": (ObservedJob(job(url="http://localhost:9090"), (RUN,)), ["no-route"]),
    "loopback": (ObservedJob(job(url="http://127.0.0.1:9090"), (RUN,)), ["no-route"]),
    "private, no connection": (ObservedJob(PRIVATE, (RUN,)), ["no-route"]),
    "private, in the VPC": (ObservedJob(PRIVATE, (RUN,), via(("10.0.0.0/16", "local"))), []),
    "private, another VPC": (ObservedJob(PRIVATE, (RUN,), via(("172.16.0.0/16", "local"))), ["no-route"]),
    "private, routes not readable": (ObservedJob(PRIVATE, (RUN,), (Connection("vpc", "s", None),)), []),
    "public, by NAT": (ObservedJob(job(url="https://8.8.8.8"), (RUN,), via(("0.0.0.0/0", "nat-1"))), []),
    "public, by an internet gateway": (
        ObservedJob(job(url="https://8.8.8.8"), (RUN,), via(("0.0.0.0/0", "igw-1"))),
        ["no-route"],
    ),
    "a name may be private": (ObservedJob(job(), (RUN,), via(("10.0.0.0/16", "local"), ("pl-1", "vpce-1"))), []),
    "a prefix list alone": (ObservedJob(job(), (RUN,), via(("pl-1", "vpce-1"))), ["no-route"]),
    "Python into an inbox, S3's endpoint alone": (
        ObservedJob(job(agent="python", url="s3://b/inbox"), (RUN,), via(("pl-1", "vpce-1"))),
        [],
    ),
    "DynamicFrames only": (
        ObservedJob(job(), (RUN,), script="glueContext.write_dynamic_frame.from_options(f)"),
        ["dynamic-frames"],
    ),
    "DynamicFrames and DataFrames": (
        ObservedJob(job(), (RUN,), script="c.write_dynamic_frame(f); d.write.parquet(p)"),
        [],
    ),
    "Python": (ObservedJob(job(agent="python"), (RUN,), script="import x"), []),
    "Python, no bundle": (ObservedJob(job(agent="python", extra_py_files=None), (RUN,)), ["no-bundle"]),
    "Python, a run's own files": (
        ObservedJob(job(agent="python"), (run(extra_py_files="s3://b/x.zip"),)),
        ["bundle-overwritten"],
    ),
    "Python, a run's own files and the bundle": (
        ObservedJob(job(agent="python"), (run(extra_py_files="s3://b/x.zip, s3://b/h.zip"),)),
        [],
    ),
    "Python, a run's own conf": (ObservedJob(job(agent="python"), (run(conf="a=b"),)), ["conf-overwritten"]),
    "Python, DynamicFrames only": (
        ObservedJob(job(agent="python"), (RUN,), script="c.write_dynamic_frame.from_options(f)"),
        ["dynamic-frames"],
    ),
    "Python, DynamicFrames by the helper": (
        ObservedJob(job(agent="python"), (RUN,), script="headwater.spark.write_dynamic_frame(c, f)"),
        [],
    ),
    "not Spark": (ObservedJob({"Name": "j", "Command": {"Name": "pythonshell"}, "GlueVersion": "3.0"}), ["job-type"]),
}


@pytest.mark.parametrize(("observed", "names"), CASES.values(), ids=CASES)
def test_findings(observed: ObservedJob, names: list[str]) -> None:
    found = examine(observed)
    assert [finding.name for finding in found] == names
    assert all(finding.problem and finding.fix for finding in found)
