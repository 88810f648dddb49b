"""Runs the cells of notebooks that are for graph-notebook, in one IPython shell; prints as JSON what each drew.

Run by the interpreter of an environment of its own, in which nothing of Headwater is: graph-notebook pins much.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from graph_notebook.magics import graph_magic
from IPython.core.interactiveshell import InteractiveShell

_TAG = "graph-notebook"


def main(paths: list[str]) -> None:
    """Of each notebook the nodes and labelled edges that its cells drew."""
    drawn: list[Any] = []
    original = graph_magic.Force

    def force(*args: Any, **kwargs: Any) -> Any:
        drawn.append(kwargs["network"].graph)
        return original(*args, **kwargs)

    graph_magic.Force = force
    shell = InteractiveShell.instance()
    shell.run_line_magic("load_ext", "graph_notebook.magics")
    told = {}
    for path in map(Path, paths):
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            if _TAG in cell["metadata"].get("tags", ()):
                _run(shell, "".join(cell["source"]))
        told[path.name] = [_shown(graph) for graph in drawn]
        drawn.clear()
    sys.stdout.write("\n" + json.dumps(told) + "\n")


def _run(shell: InteractiveShell, source: str) -> None:
    first, _, body = source.partition("\n")
    name, _, line = first.removeprefix("%%").partition(" ")
    if name == "gremlin":
        shell.run_cell_magic(name, line, body)  # type: ignore[no-untyped-call]
    elif name == "graph_notebook_config":  # of a server on its usual port; here one runs elsewhere
        assert json.loads(body)["gremlin"]["traversal_source"] == "g"
    else:
        assert first == "%load_ext graph_notebook.magics"


def _shown(graph: Any) -> dict[str, Any]:
    edges = [(str(source), str(target), data.get("label", "")) for source, target, data in graph.edges(data=True)]
    return {"nodes": sorted(map(str, graph.nodes)), "edges": sorted(edges)}


if __name__ == "__main__":
    main(sys.argv[1:])
