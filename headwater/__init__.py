"""Headwater: column-level data lineage for Spark on AWS. This is the door: users import only this.

import headwater as hw

graph = hw.open()
graph.upstream("s3://lake/mart/orders#revenue")
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headwater.graph import Graph, Lineage, Rows, open  # noqa: A004 - hw.open() reads best

__version__ = "0.1.0"
__all__ = ["Graph", "Lineage", "Rows", "open", "__version__"]


def __getattr__(name: str) -> Any:
    """The names above, loaded when they are asked for: `import headwater` alone loads nothing heavy."""
    if name in __all__:
        from headwater import graph

        return getattr(graph, name)
    raise AttributeError(f"module 'headwater' has no attribute {name!r}")
