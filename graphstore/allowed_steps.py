"""What a traversal may do, in every store: the list of steps, and the walk that holds a traversal against it. Pure.

The embedded store makes a script of what passes, the remote ones send it on. Not here: what the embedded engine answers
otherwise than TinkerPop, which its own translation refuses (`graphstore.embedded.bytecode`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from gremlin_python.process.strategies import OptionsStrategy, ReadOnlyStrategy
from gremlin_python.process.traversal import Binding, Bytecode, CardinalityValue, P

from headwater.graphstore.errors import InvalidRequest, ReadOnly

#: Steps of TinkerPop 3.7 that the engine answers as Gremlin Server does. Absent: match, tree, subgraph, properties
#: without value(), call, io, profile, the graph computer's steps; and product(), whose result is the square of what it
#: is given, and is made as a whole before any bound of memory is looked at.
STEPS = frozenset(
    """
    addE addV aggregate all and any as asString barrier both bothE bothV branch by cap choose coalesce coin
    combine concat conjoin constant count cyclicPath dateAdd dateDiff dedup difference disjunct drop E
    elementMap emit fail filter flatMap fold format from group groupCount has hasId hasLabel hasNot id
    identity in index inE inject intersect inV is key label length limit local loops lTrim map math max mean
    merge mergeE mergeV min none not option optional or order otherV out outE outV path project
    properties property range repeat replace reverse rTrim sack sample select sideEffect simplePath skip split
    store substring sum tail times to toE toLower toUpper toV trim unfold union until V value
    valueMap values where with
    """.split()  # noqa: SIM905 - a column of 110 strings is harder to read
)
#: For steps that are not on the list: what does the same.
_INSTEAD = {
    "match": "name the places by as() and compare them by where(): V().as('a').out().as('b').select('a', 'b')",
    "tree": "path() has the same branches, one result each",
    "subgraph": "ask for the edges, elementMap() names both ends of each",
    "product": "pairs are V().as('a').V().as('b').select('a', 'b')",
    "explain": "with('evaluationTimeout', ms) bounds what a traversal may take",
    "profile": "with('evaluationTimeout', ms) bounds what a traversal may take",
    "connectedComponent": "repeat(both().dedup()).emit() finds what is connected to a vertex",
    "pageRank": "order().by(both().count(), desc) finds the vertices with most edges",
    "shortestPath": "repeat(out().dedup()).until(hasId(id)).path().limit(1) finds a shortest path",
}
_CHANGING = frozenset({"addE", "addV", "drop", "mergeE", "mergeV", "property"})
_SOURCES = frozenset({"withSack", "withSideEffect", "withStrategies"})
#: What iterate() sends as the last step, from TinkerPop 3.8 on; up to 3.7 it is none(), which is also a step.
_DISCARD = "discard"
#: Of traversals, predicates, lists and maps inside each other: far more than anybody writes, and far less than Python's
#: recursion takes, here and in the translation.
MAX_DEPTH = 32
_NAME = 40  #: characters of a name that are shown: it comes from the wire


def check_steps(bytecode: Bytecode, *, changes: bool) -> None:
    """Hold a traversal against the list. `changes` says whether it may change the graph.

    InvalidRequest: a step or strategy that is not on the list, code (a lambda), or too much nesting. ReadOnly: it would
    change the graph and may not.
    """
    for name, *args in bytecode.source_instructions:
        if name not in _SOURCES:
            raise InvalidRequest(f"g.{str(name)[:_NAME]}() is not supported")
        if name == "withStrategies":
            _check_strategies(args)
        else:
            _check_arguments(args, 0, changes=changes)
    steps: Sequence[Any] = bytecode.step_instructions
    if steps and list(steps[-1]) == [_DISCARD]:
        steps = steps[:-1]
    _check(steps, 0, changes=changes)


def _check_strategies(strategies: Iterable[Any]) -> None:
    for strategy in strategies:
        if not isinstance(strategy, (OptionsStrategy, ReadOnlyStrategy)):
            raise InvalidRequest(f"the strategy {type(strategy).__name__} would change the answer: leave it out")


def _check(steps: Iterable[Sequence[Any]], depth: int, *, changes: bool) -> None:
    if depth > MAX_DEPTH:
        raise InvalidRequest(f"traversals or values are nested more than {MAX_DEPTH} deep")
    for name, *args in steps:
        if name not in STEPS:
            instead = f": {_INSTEAD[name]}" if name in _INSTEAD else _near(str(name)[:_NAME])
            raise InvalidRequest(f"the step {str(name)[:_NAME]!r} is not supported{instead}")
        if name in _CHANGING and not changes:
            raise ReadOnly(f"{name}() changes the graph: questions only read")
        _check_arguments(args, depth, changes=changes)


def _near(name: str) -> str:
    """The step that was probably meant."""
    steps = {step.lower(): step for step in STEPS}
    found = get_close_matches(name.lower(), steps, n=1, cutoff=0.75)
    return f": did you mean {steps[found[0]]}()?" if found else ""


def _check_arguments(args: Iterable[Any], depth: int, *, changes: bool) -> None:
    if depth > MAX_DEPTH:
        raise InvalidRequest(f"traversals or values are nested more than {MAX_DEPTH} deep")
    for arg in args:
        if isinstance(arg, (str, bytes, int, float)):  # nearly all of them, and there can be ten thousand ids
            continue
        inner = _inner_values(arg)
        if inner is not None:
            _check_arguments(inner, depth + 1, changes=changes)
        elif isinstance(arg, Bytecode):
            _check(arg.step_instructions, depth + 1, changes=changes)
        elif isinstance(arg, Callable):  # type: ignore[arg-type]  # typing's, at run time an abstract class
            raise InvalidRequest("a lambda is code: no store runs it")


def _inner_values(arg: object) -> Iterable[Any] | None:
    """What a predicate, a list or a map holds; None for what is none of these."""
    if isinstance(arg, CardinalityValue):  # a Bytecode whose one source instruction holds the value
        return tuple(arg.source_instructions[0][1:])
    if isinstance(arg, P):
        return arg.value, arg.other
    if isinstance(arg, Binding):
        return (arg.value,)
    if isinstance(arg, Mapping):
        return *arg.keys(), *arg.values()
    return arg if isinstance(arg, (list, tuple, set, frozenset)) else None


def timeout_of(bytecode: Bytecode, most: int | None) -> int | None:
    """The ms that a traversal may take: with('evaluationTimeout', ms) can only lower `most`; 0 is no bound of its own.

    None: there is no bound.
    """
    asked = [
        strategy.configuration.get("evaluationTimeout")
        for name, *strategies in bytecode.source_instructions
        if name == "withStrategies"
        for strategy in strategies
        if isinstance(strategy, OptionsStrategy)
    ]
    bounds = (ms for ms in (most, *asked) if isinstance(ms, int) and ms > 0)
    return min(bounds, default=None)
