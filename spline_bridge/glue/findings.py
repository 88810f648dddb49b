"""Why the lineage of a job is missing: each check is a function from the observed job to a finding or None."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from headwater.spline_bridge.glue.attach import (
    ADD_OPENS,
    CONF,
    JARS,
    JAVA_OPTIONS,
    LISTENER,
    LISTENERS,
    PY_FILES,
    PYTHON_URL,
    URL,
    is_agent_jar,
    items,
    java_needs_opening,
)
from headwater.spline_bridge.glue.chain import value_of
from headwater.spline_bridge.glue.versions import SNAKEYAML, CannotAttach, runtime

__all__ = ["CHECKS", "Connection", "Finding", "ObservedJob", "examine"]

_ATTACH_AGAIN = "run `headwater glue attach JOB --url URL` again"


@dataclass(frozen=True)
class Finding:
    """What is wrong, and what to do about it. Scripts may rely on `name`: it stays the same in later versions."""

    name: str
    problem: str
    fix: str

    def to_dict(self) -> dict[str, str]:
        """As JSON."""
        return {"name": self.name, "said": self.problem, "fix": self.fix}


@dataclass(frozen=True)
class Connection:
    """A Glue connection with its subnet, and the subnet's routes as (CIDR block, target); None if not readable."""

    name: str
    subnet: str
    routes: tuple[tuple[str, str], ...] | None


@dataclass(frozen=True)
class ObservedJob:
    """All that was read of a job: `definition` as GetJob gives it, the latest runs as GetJobRuns gives them.

    `script` is None if it could not be read.
    """

    definition: Mapping[str, Any]
    runs: tuple[Mapping[str, Any], ...] = ()
    connections: tuple[Connection, ...] = ()
    script: str | None = None

    @property
    def arguments(self) -> Mapping[str, str]:
        """The job's default arguments; the non-overridable ones take precedence, as in Glue."""
        return {**self.definition.get("DefaultArguments", {}), **self.definition.get("NonOverridableArguments", {})}

    @property
    def has_listener(self) -> bool:
        """Whether Spline's listener is set."""
        return LISTENER in self.setting(LISTENERS)

    @property
    def url(self) -> str:
        """The URL to which the agent sends; empty if there is none."""
        return self.setting(URL) or self.setting(PYTHON_URL)

    def setting(self, key: str) -> str:
        """The value of a Spark setting of the job; empty if it is not set."""
        return value_of(self.arguments.get(CONF, ""), key)


def examine(job: ObservedJob) -> tuple[Finding, ...]:
    """All findings; if there are none, no reason for missing lineage was found."""
    try:
        runtime(job.definition)
    except CannotAttach as error:
        return (Finding("job-type", str(error), "use a Spark job on one of these versions"),)
    return tuple(found for check in CHECKS for found in (check(job),) if found is not None)


def _not_attached(job: ObservedJob) -> Finding | None:
    if job.has_listener or job.setting(PYTHON_URL):
        return None
    return Finding(
        "not-attached",
        f"{CONF} of the job names no agent",
        f"headwater glue attach {job.definition['Name']} --url http://HOST:9090 --jars s3://BUCKET/PREFIX",
    )


def _no_url(job: ObservedJob) -> Finding | None:
    if not job.has_listener or job.url:
        return None
    return Finding("no-url", f"{CONF} has no {URL}: the agent knows no receiver", _ATTACH_AGAIN)


def _bundle(job: ObservedJob) -> Finding | None:
    if not job.has_listener:
        return None
    fits = runtime(job.definition)
    wanted = f"spark-{fits.spark}-spline-agent-bundle_2.12-"
    jars = [item.rsplit("/", 1)[-1] for item in items(JARS, job.arguments.get(JARS, "")) if is_agent_jar(item)]
    if jars and all(jar.startswith(wanted) for jar in jars):
        return None
    has = f"{JARS} has {', '.join(jars)}" if jars else f"{JARS} has no bundle of Spline's agent"
    problem = f"{has}; GlueVersion {job.definition['GlueVersion']} runs Spark {fits.spark}"
    return Finding("wrong-bundle", problem, f"put {fits.bundle} there: {_ATTACH_AGAIN}")


def _snakeyaml(job: ObservedJob) -> Finding | None:
    if not job.has_listener or "snakeyaml" in job.arguments.get(JARS, ""):
        return None
    return Finding("no-snakeyaml", f"{JARS} has no snakeyaml, and Glue has none", f"add {SNAKEYAML}: {_ATTACH_AGAIN}")


def _java(job: ObservedJob) -> Finding | None:
    if not job.has_listener or not java_needs_opening(job.definition):
        return None
    if ADD_OPENS.partition("=")[2] in job.setting(JAVA_OPTIONS):
        return None
    problem = (
        f"GlueVersion {job.definition['GlueVersion']} runs Java 17 and {JAVA_OPTIONS} lacks the agent's --add-opens"
    )
    return Finding("java-17", f"{problem}: creating the session can fail", f"add {ADD_OPENS} to it: {_ATTACH_AGAIN}")


def _conf_overwritten(job: ObservedJob) -> Finding | None:
    """An argument of a run replaces the whole value of the job's argument: so a run can lose the agent."""
    key = LISTENER if job.has_listener else PYTHON_URL
    if key not in job.arguments.get(CONF, ""):
        return None
    lost = [run["Id"] for run in job.runs if CONF in run.get("Arguments", {}) and key not in run["Arguments"][CONF]]
    if not lost or CONF in job.definition.get("NonOverridableArguments", {}):
        return None
    problem = (
        f"{len(lost)} of the last {len(job.runs)} runs came with a {CONF} of their own without the agent: {lost[0]}"
    )
    return Finding(
        "conf-overwritten", problem, f"start the runs without {CONF}, or put the job's pairs into theirs too"
    )


def _jars_overwritten(job: ObservedJob) -> Finding | None:
    if not job.has_listener:
        return None
    return _overwritten_files("jars-overwritten", job, JARS, lambda given: any(map(is_agent_jar, given)))


def _bundle_overwritten(job: ObservedJob) -> Finding | None:
    wanted = set(items(PY_FILES, job.arguments.get(PY_FILES, "")))
    if not job.setting(PYTHON_URL) or not wanted:
        return None
    return _overwritten_files("bundle-overwritten", job, PY_FILES, wanted.issubset)


def _overwritten_files(
    name: str, job: ObservedJob, argument: str, has_agent: Callable[[list[str]], bool]
) -> Finding | None:
    """A finding for runs that have a list of files of their own, without the files of the agent."""
    given = [(run["Id"], run["Arguments"][argument]) for run in job.runs if argument in run.get("Arguments", {})]
    lost = [run for run, value in given if not has_agent(items(argument, value))]
    if not lost:
        return None
    problem = f"{len(lost)} of the last {len(job.runs)} runs came with {argument} without the agent's bundle: {lost[0]}"
    return Finding(name, problem, f"start the runs without {argument}, or with the job's files as well")


def _route(job: ObservedJob) -> Finding | None:
    host = urlsplit(job.url).hostname or ""
    if not host or job.url.startswith("s3://"):  # S3 is reached by an endpoint, which is no route to an address
        return None
    address = _address(host)
    if host == "localhost" or (address is not None and address.is_loopback):
        fix = "attach with the URL by which the job can reach the receiver"
        return Finding("no-route", f"{host} is the job's own machine, not the receiver's", fix)
    if not job.connections:
        if address is None or address.is_global:
            return None
        fix = "give the job a connection of type NETWORK into the receiver's VPC"
        return Finding("no-route", f"{host} is a private address and the job has no VPC connection", fix)
    first = job.connections[0]  # Glue takes the subnet of one connection for the whole job
    if first.routes is None or any(_may_lead_to(block, target, address) for block, target in first.routes):
        return None
    problem = f"connection {first.name}: no route of subnet {first.subnet} leads to {host}"
    return Finding(
        "no-route", problem, "add the route, a NAT gateway for a public address, or take a subnet that has it"
    )


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _may_lead_to(block: str, target: str, address: ipaddress.IPv4Address | ipaddress.IPv6Address | None) -> bool:
    """Whether a route may lead to an address. None is a host name: its address is not known, so any route may do."""
    try:
        network = ipaddress.ip_network(block)
    except ValueError:  # a prefix list
        return False
    if address is None:
        return True
    if target.startswith("igw-"):  # Glue's interfaces have no public address
        return False
    return address.version == network.version and address in network


def _dynamic_frames(job: ObservedJob) -> Finding | None:
    script = job.script
    if script is None or not _DYNAMIC.search(script) or _SPARK.search(script):
        return None
    fix = _TO_DF if job.has_listener else f"{_TO_DF}, or call headwater.spark.write_dynamic_frame instead"
    return Finding("dynamic-frames", "the script writes DynamicFrames only, which Spark's listener is not told of", fix)


_TO_DF = "write with frame.toDF().write ...: the agent sees DataFrames and SQL alone"
_DYNAMIC = re.compile(r"write_dynamic_frame|\.getSink\(|write_from_options|getSinkWithFormat|writeDynamicFrame")
_SPARK = re.compile(
    r"headwater\.spark\.write_dynamic_frame|\.write\b|\.writeTo\(|\.saveAsTable\(|\.insertInto\(|\.writeStream\b|\.sql\(|forName\("
)


def _no_bundle(job: ObservedJob) -> Finding | None:
    if not job.setting(PYTHON_URL) or items(PY_FILES, job.arguments.get(PY_FILES, "")):
        return None
    return Finding("no-bundle", f"{PY_FILES} has no bundle of the agent in Python", _ATTACH_AGAIN)


def _no_run(job: ObservedJob) -> Finding | None:
    changed = job.definition.get("LastModifiedOn")
    if not (job.has_listener or job.setting(PYTHON_URL)) or not isinstance(changed, datetime):
        return None
    if any(run["StartedOn"] >= changed for run in job.runs if "StartedOn" in run):
        return None
    problem = f"no run since the job was last changed ({changed:%Y-%m-%d %H:%M} UTC)"
    return Finding("no-run", problem, f"aws glue start-job-run --job-name {job.definition['Name']}")


#: All checks, the most likely reasons first.
CHECKS: tuple[Callable[[ObservedJob], Finding | None], ...] = (
    _not_attached,
    _no_url,
    _bundle,
    _snakeyaml,
    _java,
    _conf_overwritten,
    _no_bundle,
    _jars_overwritten,
    _bundle_overwritten,
    _route,
    _dynamic_frames,
    _no_run,
)
