"""Headwater: column-level data lineage for Spark on AWS. This is the door: users import only this.

import headwater as hw

graph = hw.open()
graph.upstream("s3://lake/mart/orders#revenue")
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headwater.answers import Lineage, Rows
    from headwater.errors import HeadwaterError, Unreachable, WrongUse
    from headwater.graph import Graph, example, open  # noqa: A004 - hw.open() reads best
    from headwater.impact import Impact
    from headwater.loading import Loaded
    from headwater.paths import Paths

__version__ = "0.1.0"
__all__ = [
    "Graph",
    "HeadwaterError",
    "Impact",
    "Lineage",
    "Loaded",
    "Paths",
    "Rows",
    "Unreachable",
    "WrongUse",
    "example",
    "open",
    "__version__",
]
_MODULES = {
    "Impact": "impact",
    "Loaded": "loading",
    "HeadwaterError": "errors",
    "Unreachable": "errors",
    "WrongUse": "errors",
}


def __getattr__(name: str) -> Any:
    """The names above, loaded when they are asked for: `import headwater` alone loads nothing heavy."""
    if name in __all__:
        from importlib import import_module

        return getattr(import_module(f"headwater.{_MODULES.get(name, 'graph')}"), name)
    raise AttributeError(f"module 'headwater' has no attribute {name!r}")
