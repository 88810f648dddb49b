"""Writes the Python agent as one zip for ``--extra-py-files``, ``--py-files`` or PYTHONPATH. It needs nothing else.

The same sources give the same zip, byte for byte. The zip has `headwater.spark.startup` as ``sitecustomize``, which
Python runs at its start if the zip is on its PYTHONPATH: so a script is captured without being changed.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

__all__ = ["contents", "write"]

_ROOT = Path(__file__).parents[1]
#: The files of the agent, as patterns below the folder that holds the package.
_SOURCES = (
    "headwater/__init__.py", "headwater/backoff.py", "headwater/errors.py", "headwater/faults.py",
    "headwater/spark/*.py", "headwater/spline_bridge/__init__.py", "headwater/spline_bridge/agent/*.py",
    "headwater/spline_bridge/connectors.py", "headwater/spline_bridge/errors.py",
    "headwater/spline_bridge/glue_names.py",
    "headwater/spline_bridge/plantext.py", "headwater/spline_bridge/redact.py",
    "headwater/spline_bridge/secret_patterns.py",
)  # fmt: skip
_STARTUP = "headwater/spark/startup.py"
#: The earliest time that a zip can hold: one fixed time for all files, so that equal sources give an equal zip.
_TIME = (1980, 1, 1, 0, 0, 0)


def contents() -> Iterator[tuple[str, bytes]]:
    """The name and the content of each file of the zip."""
    found = {path for pattern in _SOURCES for path in _ROOT.glob(pattern)}
    for path in sorted(found):
        yield path.relative_to(_ROOT).as_posix(), path.read_bytes()
    yield "sitecustomize.py", (_ROOT / _STARTUP).read_bytes()


def write(place: Path) -> int:
    """Write the zip; returns its number of files. OSError: it cannot be written."""
    files = list(contents())
    with ZipFile(place, "w", ZIP_DEFLATED) as archive:
        for name, body in files:
            info = ZipInfo(name, _TIME)
            info.compress_type, info.external_attr = ZIP_DEFLATED, 0o644 << 16
            archive.writestr(info, body)
    return len(files)
