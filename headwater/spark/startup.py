"""The bundle's ``sitecustomize``: Python runs it at its start, as soon as the bundle is on PYTHONPATH.

Captures sessions where Spark's settings or the environment name a server. Another ``sitecustomize`` that this one hides
is run as well. Source: https://docs.python.org/3/library/site.html#module-sitecustomize
"""

from __future__ import annotations

import importlib.util
import sys
from importlib.machinery import PathFinder

__all__: list[str] = []


def _install() -> None:
    from headwater.spark.hook import install

    install()


def _hidden(own: str) -> None:
    """Run the next one behind ours on the path; never one before it, so two copies of the bundle do not take turns."""
    behind = sys.path[sys.path.index(own) + 1 :] if own in sys.path else []
    found = PathFinder.find_spec("sitecustomize", behind)
    if found is not None and found.loader is not None:
        found.loader.exec_module(importlib.util.module_from_spec(found))


if __name__ == "sitecustomize":
    try:
        _install()
    except Exception as error:  # noqa: BLE001 - a start-up file must not keep Python from starting
        sys.stderr.write(f"headwater: nothing is captured: {type(error).__name__}: {error}\n")
    _hidden(__file__.rpartition("/")[0])
