"""OpenLineage's Spark agent, and other jars, from Maven Central: by Maven, once, into the user's cache."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

VERSION = "1.53.0"
_ARTIFACT = "openlineage-spark_2.12"


class Missing(Exception):
    """It cannot be had here, and why."""


def jar(version: str = VERSION) -> Path:
    """The jar. Missing: no Maven, or no network."""
    return fetched(f"io.openlineage:{_ARTIFACT}:{version}")


def fetched(artifact: str) -> Path:
    """The jar of ``group:artifact:version``. Missing: no Maven, or no network."""
    if shutil.which("mvn") is None:
        raise Missing(f"{artifact} needs mvn, which was not found")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "headwater"
    cache.mkdir(parents=True, exist_ok=True)
    _, name, version = artifact.split(":")
    file = cache / f"{name}-{version}.jar"
    with (cache / "openlineage-spark.lock").open("w") as lock:  # one process fetches, the others wait
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not file.exists():
            with tempfile.TemporaryDirectory(dir=cache) as place:  # what is cut off is no jar of the cache
                command = ["mvn", "-q", "-B", "dependency:copy", f"-Dartifact={artifact}", f"-DoutputDirectory={place}"]
                done = subprocess.run(command, capture_output=True, text=True, check=False)
                if done.returncode:
                    raise Missing(f"Maven cannot get {artifact}: {(done.stdout or done.stderr).strip()[:200]}")
                (Path(place) / file.name).rename(file)
    return file
