"""Attaches an agent to the default arguments of a Glue job, and detaches it again.

Laws: ``detach(attach(x)) == x``; attaching twice gives the same as attaching once; arguments that are not named here
stay as they are. For this, `attach` writes a `Record` of what it replaced into the job itself.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import json
import re
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from headwater.spline_bridge.glue.chain import Pair, find, parse, text_of, value_of
from headwater.spline_bridge.glue.versions import SNAKEYAML, CannotAttach, runtime

__all__ = ["ADD_OPENS", "JAVA_OPTIONS", "LISTENER", "LISTENERS", "PYTHON_URL", "PY_FILES", "RECORD", "URL", "Agent"]
__all__ += ["Record", "agent_for", "attach", "attached", "detach", "files", "is_agent_jar", "items"]
__all__ += ["java_needs_opening", "job_update", "parameters"]

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

#: From this version of Java on, the agent needs ``--add-opens`` to reach internal classes of Java. Observed on 17, the
#: only version above 8 that Glue has.
_CLOSED_JAVA = 17

#: The oldest Python on which the agent in Python runs.
_PYTHON = (3, 10)

#: Arguments and settings whose value is a list -> the separator between its items.
_LISTS = {LISTENERS: ",", JAVA_OPTIONS: " ", JARS: ",", PY_FILES: ","}

_AGENT_JAR = re.compile(r"spline-agent-bundle|spline-spark-agent", re.IGNORECASE)
_SHORT_LOOPBACK = re.compile(r"127(\.[0-9]+){0,3}|0")  #: `127.1`, as the resolver takes it
_UNSAFE = re.compile(r"[\s\"',\\]")


#: The Spark setting that holds the record. It is not an argument of its own, because the job's script would get that
#: and may refuse it; Spark keeps settings that it does not know.
RECORD = "spark.headwater.attached"


Rows: TypeAlias = tuple[tuple[str, "str | None"], ...]


@dataclass(frozen=True)
class Record:
    """What `attach` replaced, so that `detach` can put it back.

    `conf` has Spark settings as (key, text as written), `arguments` has (name, value); None: there was none before.
    """

    agent: str
    conf: Rows
    arguments: Rows


@dataclass(frozen=True)
class Agent:
    """What to put into a job: Spark settings as (key, value) and arguments as (name, value).

    For a name in `_LISTS` the value has the items to add; for others it replaces the old value.
    """

    name: str
    conf: tuple[tuple[str, str], ...]
    arguments: tuple[tuple[str, str], ...]


def agent_for(job: Mapping[str, Any], name: str, url: str, place: str, token: str = "") -> Agent:
    """The agent `name` (jar or python) for a job as GetJob gives it; raises `CannotAttach`.

    `url` is the server to send to, of the agent in Python also an inbox, ``s3://BUCKET/PREFIX``; `place` is the S3
    prefix of the jars, or the S3 path of the bundle of the agent in Python; `token` is sent with each request.
    """
    runs, base = runtime(job), check(name, url, place, token)
    for argument in (CONF, JARS if name == "jar" else PY_FILES):
        if argument in job.get("NonOverridableArguments", {}):
            raise CannotAttach(f"NonOverridableArguments has {argument}: it takes precedence over what is set here")
    if name == "python":
        return _python(job, base, place, token)
    return _jar(runs.bundle, base, place, token, opens=runs.java >= _CLOSED_JAVA)


def check(name: str, url: str, place: str, token: str) -> str:
    """What can be said of the parameters of `agent_for` without a job: the server's address; raises `CannotAttach`."""
    base = _inbox(url) if name == "python" and url.startswith("s3://") else _checked(url)
    if not place.startswith("s3://") or _UNSAFE.search(place):
        option = "--jars s3://BUCKET/PREFIX" if name == "jar" else "--bundle s3://BUCKET/KEY.zip"
        raise CannotAttach(f"{option} is needed: Glue loads the agent from S3")
    if name == "python" and not place.endswith(".zip"):
        raise CannotAttach("--bundle names no .zip file, as `headwater spark-bundle` writes it")
    if _UNSAFE.search(token):
        raise CannotAttach("the token has a blank, a quote or a comma in it: that is no token of Headwater")
    return base


def parameters(version: str, url: str, prefix: str) -> list[tuple[str, str]]:
    """The job parameters that the jar needs on a Glue version, for people who set them by hand.

    Pairs (parameter, value); the further settings in ``--conf`` follow as ``("  --conf", "key=value")``.

    `prefix` is the S3 prefix of the jars. Raises `CannotAttach` for a version that no agent fits.
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
        raise CannotAttach("DefaultArguments has --job-language scala: the agent in Python needs a script in Python")
    if runtime(job).python < _PYTHON:
        raise CannotAttach(
            f"GlueVersion {job['GlueVersion']} runs Python 3.7: the agent in Python needs 3.10, so Glue 4.0"
        )
    conf = ((PYTHON_URL, url), *(((PYTHON_TOKEN, token),) if token else ()))
    return Agent("python", conf, ((PY_FILES, bundle),))


def _inbox(url: str) -> str:
    if _UNSAFE.search(url) or not re.fullmatch(r"s3://[^/?#@:]+(/[^?#]*)?", url):
        raise CannotAttach("--url is no inbox such as s3://BUCKET/inbox")
    return url.rstrip("/")


def _checked(url: str) -> str:
    if url.startswith("s3://"):
        raise CannotAttach("--url: the jar cannot write an inbox in S3: --agent python does, or give a receiver's URL")
    try:
        parts = urlsplit(url)
        fine = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        fine = False
    if not fine or _UNSAFE.search(url):
        raise CannotAttach("--url is no URL such as http://HOST:9090")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise CannotAttach("--url must have only the server's address: no password, no query")
    if _is_loopback(parts.hostname or ""):
        raise CannotAttach(
            f"--url {url} is the job's own machine, and the server is not there. Give the address by which"
            " the job's VPC reaches the server, and start that with --host"
        )
    return url.rstrip("/")


def _is_loopback(host: str) -> bool:
    bare = host.removesuffix(".")
    if bare in {"localhost", "ip6-localhost"} or bare.endswith((".localhost", ".localdomain")):
        return True
    try:
        address = ipaddress.ip_address(bare)
    except ValueError:
        return bool(_SHORT_LOOPBACK.fullmatch(bare))
    return address.is_loopback or address.is_unspecified


def attach(arguments: Mapping[str, str], agent: Agent) -> dict[str, str]:
    """The arguments with the agent; an agent that was attached before is detached first."""
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
    record = _record_pair(Record(agent.name, tuple(replaced), rows))
    return {**plain, **kept, CONF: text_of(_appended(pairs, record))}


def _set(pairs: tuple[Pair, ...], key: str, value: str) -> tuple[tuple[Pair, ...], list[tuple[str, str | None]]]:
    """The pairs with this setting, and what to record of the old value; nothing if the value is the same already."""
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
    """The new value; for a list the old items, and after them the new ones that it does not have yet."""
    if name not in _LISTS or not old:
        return new
    kept, wanted = items(name, old), items(name, new)
    if name == JARS:  # two versions of the agent on one classpath hide classes of each other
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
    """The record that `attach` wrote into these arguments; None if there is none; `CannotAttach` if it was altered."""
    value = value_of(arguments.get(CONF, ""), RECORD)
    if not value:
        return None
    record = _read_record(value)
    if record is None:
        raise CannotAttach(f"DefaultArguments: {RECORD} in --conf was altered; take the agent's settings out by hand")
    return record


def detach(arguments: Mapping[str, str]) -> dict[str, str]:
    """The arguments as they were before `attach`, but with all changes that others made since.

    If nothing was attached they are returned as they are. Raises `CannotAttach` if the record was altered.
    """
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
    """Whether the agent needs ``--add-opens`` there; raises `CannotAttach`."""
    return runtime(job).java >= _CLOSED_JAVA


def _record_pair(record: Record) -> str:
    """The record as ``key=value`` for ``--conf``, in base64: a blank or comma of an old value would end the value."""
    text = json.dumps(asdict(record), separators=(",", ":"))
    return f"{RECORD}={base64.urlsafe_b64encode(text.encode()).decode().rstrip('=')}"


def _read_record(value: str) -> Record | None:
    """The record in the value of its setting; None if somebody altered it."""
    try:
        found = json.loads(base64.urlsafe_b64decode(value + "=" * (-len(value) % 4)))
        return Record(found["agent"], _rows(found["conf"]), _rows(found["arguments"]))
    except (binascii.Error, ValueError, KeyError, TypeError):
        return None


def _rows(rows: list[list[Any]]) -> Rows:
    return tuple((key, before) for key, before in rows)


#: Fields of Job that JobUpdate does not have, and AllocatedCapacity, which is deprecated and contradicts MaxCapacity.
_NEVER = frozenset({"Name", "CreatedOn", "LastModifiedOn", "ProfileName", "AutoUpgradeMetadata", "AllocatedCapacity"})


def job_update(job: Mapping[str, Any], arguments: Mapping[str, str], accepted: Collection[str]) -> dict[str, Any]:
    """The JobUpdate that gives `job` (as GetJob gives it) these default arguments and keeps everything else.

    UpdateJob replaces the whole job and resets what is left out, so all fields are sent back. `accepted` are the names
    of JobUpdate's fields in the installed boto3.
    """
    update = {key: value for key, value in job.items() if key not in _NEVER and key in accepted}
    if "WorkerType" in job or "NumberOfWorkers" in job:
        update.pop("MaxCapacity", None)  # GetJob gives both, UpdateJob takes one
    if update.get("Timeout") == 0:
        del update["Timeout"]  # Glue's way to say that there is none; UpdateJob wants 1 or more
    if "SourceControlDetails" in update:  # the token comes masked: sending it back would overwrite the real one
        details = update["SourceControlDetails"]
        update["SourceControlDetails"] = {key: value for key, value in details.items() if key != "AuthToken"}
    return {**update, "DefaultArguments": dict(arguments)}
