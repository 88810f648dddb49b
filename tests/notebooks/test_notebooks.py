"""The notebooks, run in a real kernel: they run as they are, and show what the repository's page shows."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.notebooks.execution import NOTEBOOKS, executed, has_magics, outputs, read

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::ResourceWarning"
)  # of the kernel's client


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_and_shows_what_was_committed(path: Path) -> None:
    again = executed(path)
    assert list(outputs(again)) == list(outputs(read(path))), f"run: python -m tests.notebooks.execution {path}"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_shows_pictures_and_no_cell_of_its_magics_has_output(path: Path) -> None:
    notebook = read(path)
    shown = [output for cell in outputs(notebook) for output in cell if "image/svg+xml" in output]
    assert shown
    assert all(len(cell) <= 1 for cell in outputs(notebook)), "an answer is shown once"
    assert all(not cell.outputs for cell in notebook.cells if cell.cell_type == "code" and has_magics(cell))
