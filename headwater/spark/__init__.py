"""Column lineage from a Spark script, by Python alone: no jar, nothing to install on the cluster.

import headwater.spark

headwater.spark.capture(spark, "http://127.0.0.1:9090")

Or without touching the script: ``python -m headwater.spark --to URL script.py``. See docs/spark.md.

Only `spline_bridge.agent` and the standard library are imported: these modules are shipped to where nothing can be
installed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headwater.spark.capturing import Capture, capture
    from headwater.spark.dynamic import write_dynamic_frame

__all__ = ["Capture", "capture", "write_dynamic_frame"]
_MODULES = {"write_dynamic_frame": "dynamic"}


def __getattr__(name: str) -> Any:
    """The names above, loaded when they are asked for: a start-up hook imports this package in every Python process."""
    if name in __all__:
        from importlib import import_module

        return getattr(import_module(f"headwater.spark.{_MODULES.get(name, 'capturing')}"), name)
    raise AttributeError(f"module 'headwater.spark' has no attribute {name!r}")
