"""The notebooks run for real, and what of their outputs must stay the same.

``python -m tests.notebooks.execution`` runs them and keeps their outputs, so that the repository's page shows pictures.
Cells with the tag ``graph-notebook`` need a server and AWS's magics: they are run apart, and keep no output.
"""

from __future__ import annotations

import gc
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import nbformat
from nbclient import NotebookClient
from traitlets.config import Config

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
MAGICS = "graph-notebook"
WIDGET = "application/vnd.jupyter.widget-view+json"  #: names what a kernel holds: nothing that can be kept
_PATIENCE = 300  #: seconds for one cell, and for the start


def read(path: Path) -> Any:
    """A notebook, as nbformat has it."""
    return nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]


def has_magics(cell: Any) -> bool:
    """Whether a cell is for graph-notebook."""
    return MAGICS in cell.metadata.get("tags", ())


def executed(path: Path) -> Any:
    """The notebook with the outputs of this run. CellExecutionError: a cell failed."""
    notebook = read(path)
    whole = notebook.cells
    notebook.cells = [cell for cell in whole if not has_magics(cell)]
    with (
        tempfile.TemporaryDirectory(prefix="kernel-") as place,
        mock.patch.dict(os.environ, PYTHONPATH=str(ROOT)),  # a kernel inherits them
    ):
        for name in [name for name in os.environ if name.startswith("HEADWATER_")]:
            del os.environ[name]
        # By files: of five ports that are free now one may be taken when the kernel has started.
        NotebookClient(
            notebook,
            config=Config(KernelManager={"transport": "ipc", "connection_file": f"{place}/kernel.json"}),
            timeout=_PATIENCE,
            startup_timeout=_PATIENCE,
            kernel_name="python3",
            resources={"metadata": {"path": str(ROOT)}},
        ).execute()
    gc.collect()  # what the client leaves open, Python says here, and not during a later test
    notebook.cells = whole
    return notebook


def outputs(notebook: Any) -> Iterator[list[Any]]:
    """Of each code cell what it shows: text, and pictures for pages that draw no HTML."""
    for cell in notebook.cells:
        if cell.cell_type == "code" and not has_magics(cell):
            yield [_plain(output) for output in cell.outputs]


def _plain(output: Any) -> Any:
    if output.output_type == "stream":
        return output.text
    data = dict(output.data)
    data.pop(WIDGET, None)
    if "image/svg+xml" in data:
        data.pop("text/html", None)
    return data


def refresh(path: Path) -> None:
    """Run a notebook and keep its outputs, without what is different each time."""
    notebook = executed(path)
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number}"
        if cell.cell_type == "code":
            cell.execution_count = None
            cell.metadata.pop("execution", None)
            for output in cell.outputs:
                output.pop("execution_count", None)
                if output.output_type != "stream":
                    output.data = _plain(output)
                if output.output_type == "execute_result":
                    output.execution_count = None
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    nbformat.write(notebook, path)  # type: ignore[no-untyped-call]


if __name__ == "__main__":
    for each in [Path(name) for name in sys.argv[1:]] or NOTEBOOKS:
        refresh(each)
        sys.stdout.write(f"{each.name}\n")
