"""A lineage answer as data frames or as a networkx graph, for notebooks. Needs the extra ``headwater[frames]``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from headwater.graphmodel.ids import split_node
from headwater.queries.answers.answer import TIMES, Answer, Edge, Table
from headwater.queries.answers.impact import AffectedNode, Impact

if TYPE_CHECKING:
    import networkx as nx
    import pandas as pd

_EDGE_COLUMNS = tuple(field.name for field in fields(Edge))
_AFFECTED_COLUMNS = tuple(AffectedNode("", "", "", 0).to_dict())
_ENDS = ("source", "target")


def to_pandas(answer: Answer | Table | Impact) -> pd.DataFrame:
    """The rows of a table, the edges of a lineage answer, what a change affects: the same columns also without any.

    Beside the ids of an edge stand their parts, `sourceDataset`, `sourceColumn` and so on, to be grouped by; beside the
    id of what is affected its `dataset` and `column`. The column of a dataset or job is None.
    """
    if isinstance(answer, Table):
        return _frame(answer.rows, answer.columns)
    if isinstance(answer, Impact):
        return _with_parts(_frame((item.to_dict() for item in answer.affected), _AFFECTED_COLUMNS), {"id": ""})
    return _with_parts(_frame((edge.to_dict() for edge in answer.edges), _EDGE_COLUMNS), {end: end for end in _ENDS})


def _with_parts(frame: pd.DataFrame, ids: Mapping[str, str]) -> pd.DataFrame:
    """With the dataset and the column of ids, behind all else. `ids`: column of ids -> how its parts' names begin."""
    for name, beginning in ids.items():
        parts = [split_node(node) if not node.startswith("job:") else (None, None) for node in frame[name]]
        for number, part in enumerate(("dataset", "column")):
            heading = f"{beginning}{part.capitalize()}" if beginning else part
            if heading not in frame.columns:
                frame[heading] = [both[number] for both in parts]
    return frame


def _frame(rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> pd.DataFrame:
    """Rows as a frame. Times, ms since 1970 in an answer, are datetime64[ms, UTC], which holds any year."""
    import pandas as pd

    found = pd.DataFrame([dict(row) for row in rows], columns=list(columns))
    for name in found.columns.intersection(sorted(TIMES)):
        milliseconds = [None if pd.isna(value) else int(value) for value in found[name]]
        found[name] = pd.Series(milliseconds, index=found.index, dtype="Int64").astype("datetime64[ms, UTC]")
    return found


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
