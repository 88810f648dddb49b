"""Real servers in containers, where a Docker engine answers; elsewhere each test takes the way that it has without.

`WITHOUT_DOCKER=1` takes that other way although an engine answers.
"""

from __future__ import annotations

import gc
import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path

import docker
from docker.errors import DockerException
from testcontainers.core.container import DockerContainer
from testcontainers.core.wait_strategies import LogMessageWaitStrategy

_ASK_SECONDS, _START_SECONDS = 5, 120


@cache
def no_engine() -> str:
    """Why no container can be started here; empty where an engine answers."""
    if os.environ.get("WITHOUT_DOCKER") == "1":
        return "WITHOUT_DOCKER is set"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # where nobody answers, Docker's client leaves its socket open
        try:
            with closing(docker.from_env(timeout=_ASK_SECONDS)) as client:
                client.ping()
        except DockerException:
            why = "no Docker engine answers"
        else:
            why = ""
        gc.collect()
    return why


@contextmanager
def running(
    image: str,
    *,
    port: int,
    said: str,
    files: Mapping[Path, str] | None = None,
    variables: Mapping[str, str] | None = None,
    entrypoint: Sequence[str] = (),
    command: Sequence[str] = (),
) -> Iterator[int]:
    """A container until the end of the block; the port of 127.0.0.1 that leads to its `port`.

    It is ready when its log says `said`, a regular expression. `files` are folders that it sees, read-only, and where.
    """
    container = DockerContainer(image).with_envs(**(variables or {})).with_command(list(command))
    # Not with_bind_ports: it opens the port on all addresses of this machine.
    container.ports[f"{port}/tcp"] = ("127.0.0.1", None)  # type: ignore[assignment]
    if entrypoint:
        container.with_kwargs(entrypoint=list(entrypoint))
    for folder, inside in (files or {}).items():
        container.with_volume_mapping(folder, inside)
    container.waiting_for(LogMessageWaitStrategy(said).with_startup_timeout(_START_SECONDS))
    with container:
        yield int(container.get_exposed_port(port))
