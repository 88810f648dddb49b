"""The notebooks, run in a real kernel: they run as they are, and show what the repository's page shows."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest

from tests.notebooks.execution import NOTEBOOKS, WIDGET, executed, has_magics, outputs, read

#: The one that needs AWS graph-notebook, and says so.
WITH_MAGICS = next(path for path in NOTEBOOKS if path.stem.endswith("graph-notebook"))

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
    assert bool(shown) == (path != WITH_MAGICS)
    assert all(len(cell) <= 1 for cell in outputs(notebook)), "an answer is shown once"
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert {has_magics(cell) for cell in code} == {path == WITH_MAGICS}, "magics stop a notebook where they are missing"
    assert all(not cell.outputs for cell in code if has_magics(cell))


def test_an_answer_is_a_widget_with_the_picture_for_where_no_kernel_runs(tmp_path: Path) -> None:
    pytest.importorskip("anywidget")
    code = "import headwater\ngraph = headwater.example()\ngraph.upstream('/data/lake/pipe/out/churn_by_country')"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])  # type: ignore[no-untyped-call]
    path = tmp_path / "widget.ipynb"
    nbformat.write(notebook, path)  # type: ignore[no-untyped-call]
    [cell] = executed(path).cells
    [output] = cell.outputs
    assert {WIDGET, "text/html", "image/svg+xml", "text/plain"} <= output.data.keys()
    assert "<svg" in output.data["text/html"]
