"""What is imported is declared: no module stands on a distribution that only comes with another one."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterable, Iterator
from functools import lru_cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    tomllib = pytest.importorskip("tomli")

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
SHIPPED = (
    "headwater",
    "ingest",
    "queries",
    "graphstore",
    "graphmodel",
    "spline_bridge",
    "sql_bridge",
    "openlineage_bridge",
    "aws_bridge",
    "web",
)
#: Imported by what runs in another environment.
NOT_DECLARED = {
    "graph_notebook": "its notebooks are tried in an environment of their own",
    "IPython": "as graph_notebook",
    "py4j": "comes with Spark, in whose process the agent runs",
}


def declared(*extras: str) -> set[str]:
    """Names of distributions, normalised."""
    rows = [*PROJECT["dependencies"], *(row for extra in extras for row in PROJECT["optional-dependencies"][extra])]
    return {normalised(re.split(r"[^A-Za-z0-9._-]", row, maxsplit=1)[0]) for row in rows}


def normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def files(folders: Iterable[str]) -> Iterator[Path]:
    """Each source file once: headwater/ holds links to the other folders."""
    for folder in folders:
        for file in (ROOT / folder).rglob("*.py"):
            if file.resolve() == file and "payloads" not in file.parts:
                yield file


@lru_cache(1)
def distributions() -> dict[str, list[str]]:
    return {name: [normalised(d) for d in found] for name, found in packages_distributions().items()}


def undeclared(folders: Iterable[str], names: set[str]) -> dict[str, set[str]]:
    """Imported top-level name -> files, for those that none of the declared distributions brings."""
    found: dict[str, set[str]] = {}
    own = {path.stem for path in (ROOT / "infra" / "glue").glob("*.py")} | {"headwater", "tests", "infra", "bench"}
    for file in files(folders):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                imported = [node.module or ""]
            else:
                continue
            for name in {each.partition(".")[0] for each in imported} - sys.stdlib_module_names - own:
                if name not in NOT_DECLARED and not names & set(distributions().get(name, [normalised(name)])):
                    found.setdefault(name, set()).add(str(file.relative_to(ROOT)))
    return found


def test_what_a_user_installs_is_declared_with_its_extras() -> None:
    extras = (extra for extra in PROJECT["optional-dependencies"] if extra != "dev")
    assert undeclared(SHIPPED, declared(*extras)) == {}


def test_what_a_server_reads_and_answers_needs_no_extra() -> None:
    rooms = ("ingest", "queries", "graphmodel", "spline_bridge", "openlineage_bridge", "web")
    assert set(undeclared(rooms, declared())) == {
        *("networkx", "pandas"),  # frames, which only the Python API makes
        *("cryptography", "jwt", "opentelemetry"),  # imported where their options are used
    }


def test_what_developers_use_is_declared() -> None:
    extras = tuple(PROJECT["optional-dependencies"])
    assert undeclared(("tests", "bench", "infra"), declared(*extras)) == {}


def test_an_import_that_nobody_declared_is_found() -> None:
    assert "aiohttp" in undeclared(("ingest",), declared() - {"aiohttp"})
