"""Capture without a line in the script: every classic session of this process is captured when it is made.

For ``python -m headwater.spark`` and for the bundle's ``sitecustomize``, which Python runs at its start. That one runs
in Spark's Python workers too, so nothing is loaded until pyspark's sessions are, and no more until one is made.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

__all__ = ["install"]

#: What is called with each session.
Made = Callable[[Any], None]

#: Sessions of Spark Connect are refused, in a sentence.
_MODULES = ("pyspark.sql.session", "pyspark.sql.connect.session")


def install(given: Mapping[str, Any] | None = None) -> None:
    """Capture each session made from now on, with these settings; None: if Spark or the environment names a server."""

    def made(spark: Any) -> None:
        from headwater.spark.capturing import capture

        if given is not None or spark.conf.get("spark.headwater.url", None) or os.environ.get("HEADWATER_URL"):
            _say(capture(spark, **(given or {})))

    for module in _MODULES:
        if module in sys.modules:
            _follow(module, made)
        else:
            sys.meta_path.insert(0, _Finder(module, made))


_said: set[str] = set()


def _say(capture: Any) -> None:
    """Write one line into the job's log: nothing else shows that an unchanged script is captured."""
    if capture.active and capture.options.url not in _said:
        _said.add(capture.options.url)
        sys.stderr.write(f"headwater: writes are reported to {capture.options.url}\n")


class _Finder(MetaPathFinder):
    """An import finder that waits for one module, then removes itself."""

    def __init__(self, module: str, made: Made) -> None:
        self._module = module
        self._made = made

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        """The module as the other finders find it, with a loader that calls back after it was loaded."""
        if name != self._module or self not in sys.meta_path:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader, self._made)
        return spec


class _Loader(Loader):
    def __init__(self, loader: Loader, made: Made) -> None:
        self._loader = loader
        self._made = made

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """Create the module, as the original loader does."""
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        """Load the module, as the original loader does, then call back."""
        self._loader.exec_module(module)
        module.__loader__ = self._loader
        _follow(module.__name__, self._made)


def _follow(module: str, made: Made) -> None:
    from headwater.spark import sessions

    sessions.follow(made, module)
