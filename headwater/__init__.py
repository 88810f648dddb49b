"""Headwater: column-level data lineage for Spark on AWS. Users import this package alone.

    import headwater as hw

    graph = hw.example()    # seven recorded Spark jobs; hw.open() is your own data folder or server
    graph.upstream("file:///data/lake/pipe/out/churn_by_country#avg_score")

Functions:

    open        the graph of a data folder, of a server, or of a store
    example     a graph to try things on: a pipeline of seven jobs, in a temporary folder

What they and its methods return:

    Graph       asks questions, and states what people know (tags, owners, descriptions)
    Lineage     nodes and edges: upstream, downstream
    Rows        a table
    Impact      what a change of a column or dataset affects
    Audit       what a model was made of
    Paths       how data gets from one node to another
    Loaded      what became of payloads that were loaded

What they raise (each has `message` and `suggestions`):

    HeadwaterError    the base of all
    WrongUse          a question that cannot be asked so, or a node that does not exist
    Unreachable       the server or store does not answer, or another process has the data folder open
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headwater.errors import HeadwaterError, Unreachable, WrongUse
    from headwater.graph import Graph, example, open  # noqa: A004 - hw.open() reads best
    from headwater.loading import Loaded
    from headwater.notebook import Audit, Impact, Lineage, Paths, Rows

__version__ = "0.1.0"
__all__ = [
    "Audit",
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
#: The module of each name that is not in `graph`. Errors can be imported without loading `graph`.
_MODULES = {
    "Impact": "notebook",
    "Loaded": "loading",
    "HeadwaterError": "errors",
    "Unreachable": "errors",
    "WrongUse": "errors",
}


def __getattr__(name: str) -> Any:
    """The public names, each loaded when it is first asked for: `import headwater` alone loads nothing heavy."""
    if name in __all__:
        from importlib import import_module

        return getattr(import_module(f"headwater.{_MODULES.get(name, 'graph')}"), name)
    raise AttributeError(f"module 'headwater' has no attribute {name!r}")


def __dir__() -> list[str]:
    """With the names that are loaded late: for `dir`, `help`, and the completion of editors and notebooks."""
    return sorted({*globals(), *__all__} - {"Any", "TYPE_CHECKING", "annotations", "__dir__", "__getattr__"})
