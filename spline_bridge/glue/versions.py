"""Which agent fits which Glue version: one table, and the messages for jobs to which no agent can be attached."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["SNAKEYAML", "SPARK_COMMANDS", "VERSIONS", "Runtime", "CannotAttach", "runtime"]

#: The library with which the Spline agent reads its configuration; Glue does not have it on the classpath.
SNAKEYAML = "snakeyaml-1.33.jar"

#: The values of Command.Name that run Spark; the other ones, pythonshell and glueray, do not.
SPARK_COMMANDS = ("glueetl", "gluestreaming")


class CannotAttach(ValueError):
    """No agent can be attached; the message names the field of the job, or the option, that is the reason."""


@dataclass(frozen=True)
class Runtime:
    """What a Glue version runs."""

    spark: str
    java: int
    python: tuple[int, int]

    @property
    def bundle(self) -> str:
        """File name of the Spline agent's bundle."""
        return f"spark-{self.spark}-spline-agent-bundle_2.12-2.2.0.jar"


#: GlueVersion -> what it runs.
VERSIONS: dict[str, Runtime] = {
    "3.0": Runtime("3.1", 8, (3, 7)),
    "4.0": Runtime("3.3", 8, (3, 10)),
    "5.0": Runtime("3.5", 17, (3, 11)),
    "5.1": Runtime("3.5", 17, (3, 11)),
}


def runtime(job: Mapping[str, Any]) -> Runtime:
    """What a job (as GetJob gives it) runs on; `CannotAttach` if it is not a Spark job or has another version."""
    command = job.get("Command", {}).get("Name", "")
    if command not in SPARK_COMMANDS:
        raise CannotAttach(
            f"Command.Name is {command or 'not set'}: lineage comes from Spark jobs ({', '.join(SPARK_COMMANDS)})"
        )
    version = job.get("GlueVersion", "")
    if version not in VERSIONS:
        raise CannotAttach(f"GlueVersion is {version or 'not set'}: there is an agent for {', '.join(VERSIONS)}")
    return VERSIONS[version]
