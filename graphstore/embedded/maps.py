"""Maps that a question ends with, asked for as their entries: with any key, in the order that they have. Pure.

The engine gives Python no map whose keys are other than texts (`groupCount().by('masking')`), and gives the others
sorted by key, where TinkerPop keeps what order(local) made. As a list of entries a map comes whole; `read_entries`
makes it a map again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from gremlin_python.process.graph_traversal import __
from gremlin_python.process.traversal import Bytecode, Column, Scope

from headwater.graphstore.errors import InvalidRequest

#: The first item of a list that is a map, and the two keys of an entry: no text of the graph holds this character.
_MAP, _KEY, _VALUE = "\0map", "\0key", "\0value"
#: Steps that give a map whose keys are data, or that are told which keys it has.
_GROUPING, _NAMED = frozenset({"group", "groupCount", "cap"}), frozenset({"project", "select"})
#: Behind the step that makes the results these choose among them, or order them; the first ones do not look into them.
#: Their results are those of the traversals inside.
_PASSING = frozenset({"coalesce", "flatMap", "local", "map", "union"})
_CUTTING = frozenset({"limit", "range", "skip", "tail"})
_BY_KEYS = [["order", Scope.local]]  #: with by(keys)
_CHOOSING = _CUTTING | {"by", "order", "dedup", "where", "filter", "not", "is", "as", "identity", "barrier"}

Step = Sequence[Any]


def with_entries(steps: Sequence[Step]) -> list[Step]:
    """The same traversal, where it ends with a map that is grouped or ordered: with that map as a list of entries.

    Also where such a map is a value of the map that it ends with, or the result of a traversal inside.
    """
    made = next((at for at in range(len(steps) - 1, -1, -1) if steps[at][0] not in _CHOOSING), None)
    if made is None:
        return list(steps)
    (name, *args), behind = steps[made], list(steps[made + 1 :])
    own = next((at for at, step in enumerate(behind) if step[0] != "by"), len(behind))
    found = [*steps[:made], steps[made], *behind]
    if name in ("project", "group") and all(_keeps(step) for step in behind[own:]):
        found[made + 1 : made + 1 + own] = [_inside(step) for step in behind[:own]]
    if name in _GROUPING and (name == "cap" or not args):
        return [*found, *_entries()] if name != "cap" or _collects_map(steps[:made], args) else found
    if name == "fold" and not args:  # a list of such maps
        return [*with_entries(steps[:made]), *steps[made:]]
    if name in _PASSING and all(_keeps(step) for step in behind):
        found[made] = _inside(steps[made])
    ordered = any(step[0] == "order" and step[1:2] == [Scope.local] for step in behind[own:])
    return [*found, *_entries()] if ordered and name in _NAMED and len(args) > 1 else found


def _keeps(step: Step) -> bool:
    """Whether a step does not look at the values of maps."""
    return step[0] in _CUTTING or list(step) in _BY_KEYS or (step[0] == "by" and step[1:2] == [Column.keys])


def _inside(step: Step) -> Step:
    return [step[0], *(_nested(arg) for arg in step[1:])]


def _nested(arg: Any) -> Any:
    if not isinstance(arg, Bytecode) or not arg.step_instructions:
        return arg
    made = Bytecode()
    made.step_instructions = with_entries(arg.step_instructions)
    return made


def _collects_map(steps: Sequence[Step], names: Sequence[Any]) -> bool:
    """Whether what was collected under this one name is a map: group('m'), groupCount('m')."""
    return len(names) == 1 and any(step[0] in ("group", "groupCount") and names[0] in step[1:] for step in _all(steps))


def _all(steps: Sequence[Step]) -> Iterator[Step]:
    for step in steps:
        yield step
        for arg in step[1:]:
            if isinstance(arg, Bytecode):
                yield from _all(arg.step_instructions)


def _entries() -> list[Step]:
    entry = __.unfold().project(_KEY, _VALUE).by(__.select(Column.keys)).by(__.select(Column.values))
    listed = __.map(__.union(__.constant(_MAP), entry).fold())
    found: list[Step] = listed.bytecode.step_instructions
    return found


def read_entries(value: Any) -> Any:
    """The value with each list of entries as the map that it stands for."""
    if isinstance(value, dict):
        return {key: read_entries(item) for key, item in value.items()}
    if not isinstance(value, list):
        return value
    if value[:1] != [_MAP]:
        return [read_entries(item) for item in value]
    return {_as_key(read_entries(item[_KEY])): read_entries(item[_VALUE]) for item in value[1:]}


def _as_key(key: Any) -> Any:
    if isinstance(key, list):
        return tuple(map(_as_key, key))
    if isinstance(key, dict):
        raise InvalidRequest("a key of a map in the answer is a map itself: unfold() gives its entries one by one")
    return key
