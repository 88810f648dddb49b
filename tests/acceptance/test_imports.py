"""What an import loads: the plain install starts quickly because nothing is loaded before it is needed.

Directions and purity of imports are import-linter's contracts (pyproject.toml, `make lint`).
"""

from __future__ import annotations

import ast
import importlib
import json
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = (
    "headwater", "headwater.aws_bridge", "headwater.graphmodel", "headwater.graphstore", "headwater.ingest",
    "headwater.queries", "headwater.spline_bridge",
)  # fmt: skip

# What only an extra brings: a plain install must import everything without it.
EXTRAS = frozenset({"networkx", "numpy", "pandas"})
# What takes a tenth of a second or more to load, and is needed by a server or a refused payload only.
HEAVY = EXTRAS | {"aiohttp", "hypothesis", "jsonschema", "prometheus_client", "pytest"}

LOADED = """
import importlib, json, sys
for module in sys.argv[1:]:
    importlib.import_module(module)
print(json.dumps(list(sys.modules)))
"""


def modules_of(package: str) -> list[str]:
    """Every module of a package, by its dotted name."""
    found = pkgutil.walk_packages([str(ROOT / package.replace(".", "/"))], f"{package}.")
    return [package, *(module.name for module in found if not module.name.endswith("__main__"))]


def loaded_by(*modules: str) -> set[str]:
    """The top-level names in `sys.modules` after a fresh interpreter imported the given modules."""
    command = [sys.executable, "-c", LOADED, *modules]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    return {name.partition(".")[0] for name in json.loads(run.stdout)}


@pytest.mark.parametrize("package", PACKAGES)
def test_every_module_imports_without_any_extra(package: str) -> None:
    assert loaded_by(*modules_of(package)) & EXTRAS == set()


def test_opening_the_door_loads_nothing_heavy() -> None:
    assert loaded_by("headwater", "headwater.cli") & HEAVY == set()


def test_the_agent_for_spark_loads_nothing_but_itself() -> None:
    installed = loaded_by(*modules_of("headwater.spark")) - sys.stdlib_module_names - {"headwater"}
    assert {name for name in installed if not name.startswith(("_", "sitecustomize"))} == set()


def test_the_model_needs_nothing_but_the_standard_library() -> None:
    imported = {
        (node.module or "") if isinstance(node, ast.ImportFrom) else alias.name
        for file in (ROOT / "graphmodel").rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for alias in node.names
    }
    others = {name for name in imported if name.partition(".")[0] not in sys.stdlib_module_names}
    assert {name for name in others if not f"{name}.".startswith("headwater.graphmodel.")} == set()


@pytest.mark.parametrize("package", PACKAGES)
def test_every_exported_name_is_there(package: str) -> None:
    module = importlib.import_module(package)
    assert [name for name in getattr(module, "__all__", ()) if not hasattr(module, name)] == []
