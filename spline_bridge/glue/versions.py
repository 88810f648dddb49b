"""Which agent fits which Glue version: one table, and the sentences for jobs that no agent fits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["SNAKEYAML", "SPARK_COMMANDS", "VERSIONS", "Runtime", "Unfit", "runtime"]

#: Glue has none, and the agent reads its own settings with it.
SNAKEYAML = "snakeyaml-1.33.jar"

#: Command.Name of what runs Spark; the others are pythonshell and glueray.
SPARK_COMMANDS = ("glueetl", "gluestreaming")


class Unfit(ValueError):
    """No agent can be attached; the sentence names the field of the job, or the option, that stands against it."""


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
    """What a job (as GetJob gives it) runs on; raises `Unfit` for one that is not Spark or of another version."""
    command = job.get("Command", {}).get("Name", "")
    if command not in SPARK_COMMANDS:
        raise Unfit(
            f"Command.Name is {command or 'not set'}: lineage comes from Spark jobs ({', '.join(SPARK_COMMANDS)})"
        )
    version = job.get("GlueVersion", "")
    if version not in VERSIONS:
        raise Unfit(f"GlueVersion is {version or 'not set'}: there is an agent for {', '.join(VERSIONS)}")
    return VERSIONS[version]
