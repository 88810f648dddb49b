"""A job's default arguments with an agent, and without it again.

Laws: ``detach(attach(x)) == x``; attaching twice is attaching once; arguments that are not named here stay as they are.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from headwater.spline_bridge.glue.chain import Pair, find, parse, text_of, value_of
from headwater.spline_bridge.glue.record import RECORD, Record, read, written
from headwater.spline_bridge.glue.versions import SNAKEYAML, Unfit, runtime

__all__ = ["ADD_OPENS", "JAVA_OPTIONS", "LISTENER", "LISTENERS", "PY_FILES", "URL", "PYTHON_URL", "Agent", "agent_for"]
__all__ += ["attach", "attached", "detach", "files", "is_agent_jar", "items", "java_needs_opening", "parameters"]

CONF = "--conf"
JARS = "--extra-jars"
PY_FILES = "--extra-py-files"
JARS_FIRST = "--user-jars-first"

LISTENERS = "spark.sql.queryExecutionListeners"
LISTENER = "za.co.absa.spline.harvester.listener.SplineQueryExecutionListener"
DISPATCHER = "spark.spline.lineageDispatcher"
URL = "spark.spline.lineageDispatcher.http.producer.url"
HEADER = "spark.spline.lineageDispatcher.http.header.X-API-Key"
PYTHON_URL = "spark.headwater.url"
PYTHON_TOKEN = "spark.headwater.token"  # noqa: S105 - the name of a setting
JAVA_OPTIONS = "spark.driver.extraJavaOptions"
ADD_OPENS = "--add-opens=java.base/sun.net.www.protocol.jar=ALL-UNNAMED"

#: The first Java whose modules are closed to the agent; observed on 17, the only one above 8 that Glue has.
_CLOSED_JAVA = 17

#: The first Python that runs the agent in Python.
_PYTHON = (3, 10)

#: Values that are lists; what stands between their items.
_LISTS = {LISTENERS: ",", JAVA_OPTIONS: " ", JARS: ",", PY_FILES: ","}

_AGENT_JAR = re.compile(r"spline-agent-bundle|spline-spark-agent", re.IGNORECASE)
_UNSAFE = re.compile(r"[\s\"',\\]")


@dataclass(frozen=True)
class Agent:
    """What to put into a job: Spark settings (key -> value, or the items of a list) and arguments likewise."""

    name: str
    conf: tuple[tuple[str, str], ...]
    arguments: tuple[tuple[str, str], ...]


def agent_for(job: Mapping[str, Any], name: str, url: str, place: str, token: str = "") -> Agent:
    """The agent `name` (jar or python) for a job, from the jars' prefix or the bundle at `place`; raises `Unfit`."""
    runs, base = runtime(job), _checked(url)
    for argument in (CONF, JARS if name == "jar" else PY_FILES):
        if argument in job.get("NonOverridableArguments", {}):
            raise Unfit(f"NonOverridableArguments has {argument}: it wins over what could be set here")
    if not place.startswith("s3://") or _UNSAFE.search(place):
        option = "--jars s3://BUCKET/PREFIX" if name == "jar" else "--bundle s3://BUCKET/KEY.zip"
        raise Unfit(f"{option} is needed: Glue loads the agent from S3")
    if _UNSAFE.search(token):
        raise Unfit("the token has a blank, a quote or a comma in it: that is no token of Headwater")
    if name == "python":
        return _python(job, base, place, token)
    return _jar(runs.bundle, base, place, token, opens=runs.java >= _CLOSED_JAVA)


def parameters(version: str, url: str, prefix: str) -> list[tuple[str, str]]:
    """What a job of a Glue version needs for the jar, to be shown: job parameters, and what is chained in ``--conf``.

    `prefix` is the S3 prefix of the jars. Raises `Unfit` for a version that no agent fits.
    """
    agent = agent_for({"Command": {"Name": "glueetl"}, "GlueVersion": version}, "jar", url, prefix)
    chained = [(f"  {CONF}" if number else CONF, f"{key}={value}") for number, (key, value) in enumerate(agent.conf)]
    return [*agent.arguments, *chained]


def files(agent: Agent) -> list[str]:
    """The S3 paths of the agent's jars, or of its zip."""
    return [file for name, value in agent.arguments if name in (JARS, PY_FILES) for file in items(name, value)]


def _jar(bundle: str, url: str, prefix: str, token: str, *, opens: bool) -> Agent:
    producer = url if url.endswith("/producer") else f"{url}/producer"
    conf = [(LISTENERS, LISTENER), (DISPATCHER, "http"), (URL, producer)]
    conf += [(HEADER, token)] if token else []
    conf += [(JAVA_OPTIONS, ADD_OPENS)] if opens else []
    jars = ",".join(f"{prefix.rstrip('/')}/{file}" for file in (bundle, SNAKEYAML))
    return Agent("jar", tuple(conf), ((JARS, jars), (JARS_FIRST, "true")))


def _python(job: Mapping[str, Any], url: str, bundle: str, token: str) -> Agent:
    if job.get("DefaultArguments", {}).get("--job-language", "python") != "python":
        raise Unfit("DefaultArguments has --job-language scala: the agent in Python needs a script in Python")
    if runtime(job).python < _PYTHON:
        raise Unfit(f"GlueVersion {job['GlueVersion']} runs Python 3.7: the agent in Python needs 3.10, so Glue 4.0")
    if not bundle.endswith(".zip"):
        raise Unfit("--bundle names no .zip file, as `headwater spark-bundle` writes it")
    conf = ((PYTHON_URL, url), *(((PYTHON_TOKEN, token),) if token else ()))
    return Agent("python", conf, ((PY_FILES, bundle),))


def _checked(url: str) -> str:
    try:
        parts = urlsplit(url)
        fine = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        fine = False
    if not fine or _UNSAFE.search(url):
        raise Unfit("--url is no URL like https://HOST:9090")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise Unfit("--url is the server's address alone: no password, no query")
    if _is_loopback(parts.hostname or ""):
        raise Unfit(
            f"--url {url} is the job's own machine, and the server is not there. Give the address by which"
            " the job's VPC reaches the server, and start that with --host"
        )
    return url.rstrip("/")


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def attach(arguments: Mapping[str, str], agent: Agent) -> dict[str, str]:
    """The arguments with the agent; one that was attached before is taken off first."""
    plain = detach(arguments)
    kept = {name: _merged(name, plain.get(name), value) for name, value in agent.arguments}
    before = plain.get(CONF)
    pairs: tuple[Pair, ...] = () if before is None or not before.strip() else parse(before)
    replaced: list[tuple[str, str | None]] = []
    for key, value in agent.conf:
        pairs, old = _set(pairs, key, value)
        replaced += old
    rows = tuple((name, plain.get(name)) for name in kept)
    rows += ((CONF, before),) if before is None or not before.strip() else ()
    record = written(Record(agent.name, tuple(replaced), rows))
    return {**plain, **kept, CONF: text_of(_appended(pairs, record))}


def _set(pairs: tuple[Pair, ...], key: str, value: str) -> tuple[tuple[Pair, ...], list[tuple[str, str | None]]]:
    """The pairs with a setting, and the row of the record if something changed."""
    at = find(pairs, key)
    if at is None:
        return _appended(pairs, f"{key}={value}"), [(key, None)]
    old = pairs[at]
    merged = _merged(key, old.value, value)
    if merged == old.value:
        return pairs, []
    written_key = old.text[: old.text.index("=")] if "=" in old.text else old.text.rstrip()
    quoted = f'"{merged}"' if old.text.rstrip().endswith(("'", '"')) else merged
    return (*pairs[:at], Pair(old.before, f"{written_key}={quoted}"), *pairs[at + 1 :]), [(key, old.text)]


def _appended(pairs: tuple[Pair, ...], text: str) -> tuple[Pair, ...]:
    return (*pairs, Pair(" --conf" if pairs else "", f" {text}" if pairs else text))


def _merged(name: str, old: str | None, new: str) -> str:
    """One value for another; items that a list has not yet, behind those that it has."""
    if name not in _LISTS or not old:
        return new
    kept, wanted = items(name, old), items(name, new)
    if name == JARS:  # two versions of the agent on one classpath shadow each other
        kept = [item for item in kept if not is_agent_jar(item) or item in wanted]
        if any("snakeyaml" in item for item in kept):
            wanted = [item for item in wanted if "snakeyaml" not in item]
    added = [item for item in wanted if item not in kept]
    return _LISTS[name].join([*kept, *added]) if added or len(kept) != len(items(name, old)) else old


def items(name: str, value: str) -> list[str]:
    """The items of a value that is a list."""
    return [item for part in value.split(_LISTS.get(name, ",")) if (item := part.strip())]


def is_agent_jar(path: str) -> bool:
    """Whether this is a build of Spline's agent."""
    return _AGENT_JAR.search(path.rsplit("/", 1)[-1]) is not None


def attached(arguments: Mapping[str, str]) -> Record | None:
    """What `attach` wrote down in these arguments; None if it was not there. Raises `Unfit` if it was altered."""
    value = value_of(arguments.get(CONF, ""), RECORD)
    if not value:
        return None
    record = read(value)
    if record is None:
        raise Unfit(f"DefaultArguments: {RECORD} in --conf was altered; take the agent's settings out by hand")
    return record


def detach(arguments: Mapping[str, str]) -> dict[str, str]:
    """The arguments as they were before `attach`, with what others changed since; the same if nothing was attached."""
    record = attached(arguments)
    result = dict(arguments)
    if record is None:
        return result
    pairs = parse(result[CONF])
    for key, before in ((RECORD, None), *record.conf):
        pairs = _restored(pairs, key, before)
    result[CONF] = text_of(pairs)
    for name, value in record.arguments:
        _put_back(result, name, value)
    return result


def _restored(pairs: tuple[Pair, ...], key: str, before: str | None) -> tuple[Pair, ...]:
    at = find(pairs, key)
    if at is None:
        return pairs
    if before is not None:
        return (*pairs[:at], Pair(pairs[at].before, before), *pairs[at + 1 :])
    rest = pairs[at + 1 :]
    if at == 0 and rest:
        rest = (Pair("", rest[0].text.lstrip()), *rest[1:])
    return (*pairs[:at], *rest)


def _put_back(arguments: dict[str, str], name: str, before: str | None) -> None:
    if name == CONF and arguments[CONF]:  # somebody else has put settings there since
        return
    if before is None:
        arguments.pop(name, None)
    else:
        arguments[name] = before


def java_needs_opening(job: Mapping[str, Any]) -> bool:
    """Whether the agent needs ``--add-opens`` there; raises `Unfit`."""
    return runtime(job).java >= _CLOSED_JAVA
