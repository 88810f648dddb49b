"""Why a job's lineage is missing: each check is a function of what was seen of the job; it gives a finding or none."""

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
from headwater.spline_bridge.glue.versions import SNAKEYAML, Unfit, runtime

__all__ = ["CHECKS", "Connection", "Finding", "Seen", "examine"]

_AGAIN = "run `headwater glue attach JOB --url URL` again"


@dataclass(frozen=True)
class Finding:
    """What is wrong, under a name that scripts can rely on, and what to do about it."""

    name: str
    said: str
    fix: str

    def to_dict(self) -> dict[str, str]:
        """As JSON."""
        return {"name": self.name, "said": self.said, "fix": self.fix}


@dataclass(frozen=True)
class Connection:
    """A connection's subnet, and where its route table leads: (CIDR block, target); None if it could not be read."""

    name: str
    subnet: str
    routes: tuple[tuple[str, str], ...] | None


@dataclass(frozen=True)
class Seen:
    """A job as GetJob gives it, its latest runs as GetJobRuns gives them, and what else could be read (else None)."""

    job: Mapping[str, Any]
    runs: tuple[Mapping[str, Any], ...] = ()
    connections: tuple[Connection, ...] = ()
    script: str | None = None

    @property
    def arguments(self) -> Mapping[str, str]:
        """The job's own arguments; those that runs cannot override win."""
        return {**self.job.get("DefaultArguments", {}), **self.job.get("NonOverridableArguments", {})}

    @property
    def listens(self) -> bool:
        """Whether Spline's listener is set."""
        return LISTENER in self.setting(LISTENERS)

    @property
    def url(self) -> str:
        """Where the agent sends to."""
        return self.setting(URL) or self.setting(PYTHON_URL)

    def setting(self, key: str) -> str:
        """A Spark setting of the job."""
        return value_of(self.arguments.get(CONF, ""), key)


def examine(seen: Seen) -> tuple[Finding, ...]:
    """All findings; none means that nothing speaks against lineage."""
    try:
        runtime(seen.job)
    except Unfit as error:
        return (Finding("job-type", str(error), "use a Spark job on one of these versions"),)
    return tuple(found for check in CHECKS for found in (check(seen),) if found is not None)


def _not_attached(seen: Seen) -> Finding | None:
    if seen.listens or seen.setting(PYTHON_URL):
        return None
    return Finding(
        "not-attached",
        f"{CONF} of the job names no agent",
        f"headwater glue attach {seen.job['Name']} --url https://HOST:9090 --jars s3://BUCKET/PREFIX",
    )


def _no_url(seen: Seen) -> Finding | None:
    if not seen.listens or seen.url:
        return None
    return Finding("no-url", f"{CONF} has no {URL}: the agent knows no receiver", _AGAIN)


def _bundle(seen: Seen) -> Finding | None:
    if not seen.listens:
        return None
    fits = runtime(seen.job)
    wanted = f"spark-{fits.spark}-spline-agent-bundle_2.12-"
    jars = [item.rsplit("/", 1)[-1] for item in items(JARS, seen.arguments.get(JARS, "")) if is_agent_jar(item)]
    if jars and all(jar.startswith(wanted) for jar in jars):
        return None
    has = f"{JARS} has {', '.join(jars)}" if jars else f"{JARS} has no bundle of Spline's agent"
    said = f"{has}; GlueVersion {seen.job['GlueVersion']} runs Spark {fits.spark}"
    return Finding("wrong-bundle", said, f"put {fits.bundle} there: {_AGAIN}")


def _snakeyaml(seen: Seen) -> Finding | None:
    if not seen.listens or "snakeyaml" in seen.arguments.get(JARS, ""):
        return None
    return Finding("no-snakeyaml", f"{JARS} has no snakeyaml, and Glue has none", f"add {SNAKEYAML}: {_AGAIN}")


def _java(seen: Seen) -> Finding | None:
    if not seen.listens or not java_needs_opening(seen.job):
        return None
    if ADD_OPENS.partition("=")[2] in seen.setting(JAVA_OPTIONS):
        return None
    said = f"GlueVersion {seen.job['GlueVersion']} runs Java 17 and {JAVA_OPTIONS} lacks the agent's --add-opens"
    return Finding("java-17", f"{said}: creating the session can fail", f"add {ADD_OPENS} to it: {_AGAIN}")


def _overwritten(seen: Seen) -> Finding | None:
    """A run's argument replaces the job's whole value; that is how most agents get lost."""
    key = LISTENER if seen.listens else PYTHON_URL
    if key not in seen.arguments.get(CONF, ""):
        return None
    lost = [run["Id"] for run in seen.runs if CONF in run.get("Arguments", {}) and key not in run["Arguments"][CONF]]
    if not lost or CONF in seen.job.get("NonOverridableArguments", {}):
        return None
    said = f"{len(lost)} of the last {len(seen.runs)} runs came with a {CONF} of their own without the agent: {lost[0]}"
    return Finding("conf-overwritten", said, f"start the runs without {CONF}, or put the job's pairs into theirs too")


def _jars_overwritten(seen: Seen) -> Finding | None:
    if not seen.listens:
        return None
    return _lost("jars-overwritten", seen, JARS, lambda given: any(map(is_agent_jar, given)))


def _bundle_overwritten(seen: Seen) -> Finding | None:
    wanted = set(items(PY_FILES, seen.arguments.get(PY_FILES, "")))
    if not seen.setting(PYTHON_URL) or not wanted:
        return None
    return _lost("bundle-overwritten", seen, PY_FILES, wanted.issubset)


def _lost(name: str, seen: Seen, argument: str, has_agent: Callable[[list[str]], bool]) -> Finding | None:
    """Runs that came with a list of files of their own, without those of the agent."""
    given = [(run["Id"], run["Arguments"][argument]) for run in seen.runs if argument in run.get("Arguments", {})]
    lost = [run for run, value in given if not has_agent(items(argument, value))]
    if not lost:
        return None
    said = f"{len(lost)} of the last {len(seen.runs)} runs came with {argument} without the agent's bundle: {lost[0]}"
    return Finding(name, said, f"start the runs without {argument}, or with the job's files as well")


def _route(seen: Seen) -> Finding | None:
    host = urlsplit(seen.url).hostname or ""
    if not host:
        return None
    address = _address(host)
    if host == "localhost" or (address is not None and address.is_loopback):
        fix = "attach with the URL by which the job can reach the receiver"
        return Finding("no-route", f"{host} is the job's own machine, not the receiver's", fix)
    if not seen.connections:
        if address is None or address.is_global:
            return None
        fix = "give the job a connection of type NETWORK into the receiver's VPC"
        return Finding("no-route", f"{host} is a private address and the job has no VPC connection", fix)
    first = seen.connections[0]  # Glue takes the subnet of one connection for the whole job
    if first.routes is None or any(_leads(block, target, address) for block, target in first.routes):
        return None
    said = f"connection {first.name}: no route of subnet {first.subnet} leads to {host}"
    return Finding("no-route", said, "add the route, a NAT gateway for a public address, or take a subnet that has it")


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _leads(block: str, target: str, address: ipaddress.IPv4Address | ipaddress.IPv6Address | None) -> bool:
    """May a route lead there? A name can be private: then any route out, the VPC's own included, may do."""
    try:
        network = ipaddress.ip_network(block)
    except ValueError:  # a prefix list
        return False
    if address is None:
        return True
    if target.startswith("igw-"):  # Glue's interfaces have no public address
        return False
    return address.version == network.version and address in network


def _dynamic_frames(seen: Seen) -> Finding | None:
    script = seen.script
    if script is None or not _DYNAMIC.search(script) or _SPARK.search(script):
        return None
    fix = _TO_DF if seen.listens else f"{_TO_DF}, or call headwater.spark.write_dynamic_frame instead"
    return Finding("dynamic-frames", "the script writes DynamicFrames only, which Spark's listener is not told of", fix)


_TO_DF = "write with frame.toDF().write ...: the agent sees DataFrames and SQL alone"
_DYNAMIC = re.compile(r"write_dynamic_frame|\.getSink\(|write_from_options|getSinkWithFormat|writeDynamicFrame")
_SPARK = re.compile(
    r"headwater\.spark\.write_dynamic_frame|\.write\b|\.writeTo\(|\.saveAsTable\(|\.insertInto\(|\.writeStream\b|\.sql\(|forName\("
)


def _no_bundle(seen: Seen) -> Finding | None:
    if not seen.setting(PYTHON_URL) or items(PY_FILES, seen.arguments.get(PY_FILES, "")):
        return None
    return Finding("no-bundle", f"{PY_FILES} has no bundle of the agent in Python", _AGAIN)


def _no_run(seen: Seen) -> Finding | None:
    changed = seen.job.get("LastModifiedOn")
    if not (seen.listens or seen.setting(PYTHON_URL)) or not isinstance(changed, datetime):
        return None
    if any(run["StartedOn"] >= changed for run in seen.runs if "StartedOn" in run):
        return None
    said = f"no run since the job was last changed ({changed:%Y-%m-%d %H:%M} UTC)"
    return Finding("no-run", said, f"aws glue start-job-run --job-name {seen.job['Name']}")


#: In the order in which one would look.
CHECKS: tuple[Callable[[Seen], Finding | None], ...] = (
    _not_attached,
    _no_url,
    _bundle,
    _snakeyaml,
    _java,
    _overwritten,
    _no_bundle,
    _jars_overwritten,
    _bundle_overwritten,
    _route,
    _dynamic_frames,
    _no_run,
)
