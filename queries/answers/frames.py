"""A lineage answer as data frames or as a networkx graph, for notebooks. Needs the extra ``headwater[frames]``."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

from headwater.queries.answers.answer import Answer, Edge, Table

if TYPE_CHECKING:
    import networkx as nx
    import pandas as pd

_EDGE_COLUMNS = tuple(field.name for field in fields(Edge))


def to_pandas(answer: Answer | Table) -> pd.DataFrame:
    """The rows of a table, or the edges of a lineage answer: one row an edge, the same columns also without any."""
    import pandas as pd

    if isinstance(answer, Table):
        return pd.DataFrame([dict(row) for row in answer.rows], columns=list(answer.columns))
    return pd.DataFrame([edge.to_dict() for edge in answer.edges], columns=list(_EDGE_COLUMNS))


def to_networkx(answer: Answer) -> nx.MultiDiGraph[str]:
    """Nodes and edges with their fields as attributes; edges point as the data flows, one for each derivation."""
    import networkx as nx

    graph: nx.MultiDiGraph[str] = nx.MultiDiGraph(root=answer.root, complete=answer.complete)
    for node in answer.nodes:
        values = node.to_dict()
        graph.add_node(values.pop("id"), **values)
    for edge in answer.edges:
        values = edge.to_dict()
        graph.add_edge(values.pop("source"), values.pop("target"), **values)
    return graph
