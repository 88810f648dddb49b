"""gremlinpython bytecode as a script of the embedded engine (graphersal). Pure: no store, no I/O.

Step names are spliced into the script, so every traversal is held against the list of allowed steps first
(`graphstore.allowed_steps`); every value travels as a bound parameter. What the engine would silently answer
differently from TinkerPop is refused here.
"""

from __future__ import annotations

import datetime as dt
import re
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from gremlin_python.process.graph_traversal import __
from gremlin_python.process.traversal import (
    Binding,
    Bytecode,
    Cardinality,
    CardinalityValue,
    Column,
    P,
    Scope,
    T,
    TextP,
)
from gremlin_python.structure.graph import Element

from headwater.graphstore.allowed_steps import STEPS, check_steps, timeout_of
from headwater.graphstore.embedded.maps import with_entries
from headwater.graphstore.embedded.sets import Shape, shape_of
from headwater.graphstore.embedded.values import json_text, long, single, token
from headwater.graphstore.errors import InvalidRequest

#: Steps that take one list in place of many arguments; the engine has no form for more than ten.
_LISTING = STEPS & set(
    """
    E V and both bothE coalesce elementMap hasId hasLabel in inE or out outE project select union valueMap values
    """.split()  # noqa: SIM905 - as above
)
_MANY = 10
_TOKENS = "~tinkerpop.valueMap.tokens"
#: What the current object is after a step; other steps keep it, or make something that has no valueMap().
_ELEMENT = {
    **dict.fromkeys(("E", "outE", "inE", "bothE", "toE", "addE", "mergeE"), "edge"),
    **dict.fromkeys(("V", "out", "in", "both", "outV", "inV", "bothV", "otherV", "toV", "addV", "mergeV"), "vertex"),
}
_MOVING = frozenset({"union", "local", "flatMap", "map", "coalesce", "choose", "optional", "repeat", "branch"})
#: Element maps come back with these keys for T.id, T.label and the ends of an edge.
_TOKEN_NAMES = frozenset({"id", "label", "IN", "OUT"})


#: Steps that make or copy a value for each traverser. The engine compares its memory with the bound between steps, and
#: between the traversers of a step with a traversal inside: such a step is therefore written as coalesce(step).
_COPYING = STEPS & set(
    """
    asString combine concat conjoin constant difference disjunct elementMap format index intersect lTrim merge path
    project rTrim replace reverse sack select split substring toLower toUpper trim value valueMap values
    """.split()  # noqa: SIM905 - as above
)
_LOCAL = frozenset({"dedup", "limit", "order", "range", "sample", "skip", "tail"})  #: copy a list, if they are local
_MODULATORS = frozenset({"by", "from", "to", "with"})
#: Steps whose result can hold any number of values: how large it is, is not said by the number of results.
_COLLECTING = frozenset(
    """
    aggregate cap combine disjunct fold group groupCount index inject intersect path sack select split store
    """.split()  # noqa: SIM905 - as above
)
#: Steps that take labels and keys of properties: the engine takes a number for a label that nothing has.
_NAMING = STEPS & set("both bothE hasLabel hasNot in inE out outE values".split())  # noqa: SIM905 - as above
_DECLARING = frozenset({"aggregate", "as", "group", "groupCount", "store", "withSideEffect"})
_LONGEST_SACK = 1_000  #: characters: each traverser has a copy

#: Counts down from the bytes that an answer may have, about as they are on the wire. It looks at values where they are
#: (`this`): as an argument the engine would copy each.
_WEIGH = """fn weigh(left) {
switch type_of(this) {
"array" => { left -= 16; let i = 0; let n = this.len;
    while i < n && left >= 0 { left = this[i].weigh(left); i += 1; } left }
"map" => { left -= 64; for k in this.keys() { left = this[k].weigh(left - k.len); if left < 0 { return left; } } left }
"string" => left - 24 - this.len,
"Vertex" => left - 512, "Edge" => left - 512,
_ => left - 16 } }
"""
TOO_LARGE = "the answer is larger than it may be"  #: what the script throws


@dataclass(frozen=True)
class Bounds:
    """What a question that a user wrote may take of the process."""

    heap: int  #: bytes that the engine may hold, the graph included
    traversers: int
    answer: int  #: bytes of the results, about as they are on the wire


@dataclass
class Script:
    """A script and its bound values; `tokens` and `path` say how its result is read (`results`)."""

    text: str = ""
    params: dict[str, Any] = field(default_factory=dict)
    tokens: bool = False  #: dicts in the result are element maps
    path: bool = False  #: each result is a path
    names: set[str] = field(default_factory=set)  #: keys that the query gives to its results
    orders: list[tuple[str, ...]] = field(default_factory=list)  #: of keys, in the results of project() and select()
    declared: frozenset[str] = frozenset()  #: what as() names, and what is collected under a name
    shape: Shape | None = None  #: where sets are in each result
    bounded: bool = False  #: what copies a value is written so that the engine looks at its memory for each

    def bind(self, value: object) -> str:
        """The name under which the script sees this value."""
        name = f"p{len(self.params)}"
        self.params[name] = value
        return name


def script_of(
    *traversals: Bytecode,
    timeout: int | None = None,
    most: int | None = None,
    changes: bool = True,
    bounds: Bounds | None = None,
) -> Script:
    """One script that runs the traversals in their order; its value is the last one's list of results.

    `changes` says whether they may change the graph.

    `timeout` (ms) bounds each traversal; with('evaluationTimeout', ms) in a traversal can only lower it, and 0 there
    is no bound of its own. `most` results are given: the engine stops behind them. `bounds` are on memory. Raises
    InvalidRequest for what is not allowed (`check_steps`), and where engine and TinkerPop would differ silently.
    """
    for bytecode in traversals:
        check_steps(bytecode, changes=changes)
    script = Script(bounded=bounds is not None)
    if bounds is not None:
        script.declared = frozenset(name for bytecode in traversals for name in _declared(bytecode))
    script.text = "".join(_statement(script, bytecode, timeout, most, bounds) for bytecode in traversals)
    clash = script.names & _TOKEN_NAMES
    if script.tokens and clash:
        raise InvalidRequest(
            f"a result is named {min(clash)!r} beside elementMap() or valueMap(True): give it another name"
        )
    return script


def _declared(bytecode: Bytecode) -> Iterator[str]:
    """The names that steps give to values: as('a'), aggregate('x'), group('m'), withSideEffect('x', ...)."""
    for name, *args in (*bytecode.source_instructions, *bytecode.step_instructions):
        if name in _DECLARING:
            yield from (arg for arg in args if isinstance(arg, str))
        for arg in args:
            if isinstance(arg, Bytecode):
                yield from _declared(arg)


def _statement(script: Script, bytecode: Bytecode, timeout: int | None, most: int | None, bounds: Bounds | None) -> str:
    steps = list(bytecode.step_instructions)
    silent = bool(steps) and steps[-1][0] in ("none", "discard")
    if silent:
        steps.pop()
    if not steps:
        raise InvalidRequest("the traversal has no step")
    result = _result(steps)
    if result == "properties":
        raise InvalidRequest("properties() gives bare values here: use valueMap(), elementMap() or values()")
    script.path = result == "path"
    sources = _sources(script, bytecode.source_instructions)
    timeout = timeout_of(bytecode, timeout)
    limit = "" if timeout is None else f'.with("evaluationTimeout",{script.bind(timeout)})'
    if bounds is not None:
        limit += f'.with("memory.limit",{script.bind(bounds.heap)})'
        limit += f'.with("traversal.max_traversers",{script.bind(bounds.traversers)})'
        script.shape = shape_of(steps)
        steps = with_entries(steps)
    if steps[0][0] == "inject" and len(steps[0]) > _MANY:
        steps[:1] = [["inject", steps[0][1:]], ["unfold"]]
    text, _ = _steps(script, steps, None)
    if silent:
        return f"g{limit}{sources}{text}.iterate();"
    asked = f"g{limit}{sources}{text}{'' if most is None else f'.limit({script.bind(most)})'}.toList();"
    if bounds is None or not any(step[0] in _COLLECTING for step in steps):
        return asked
    weighed = f"if answer.weigh({script.bind(bounds.answer)}) < 0 {{ throw {script.bind(TOO_LARGE)}; }}"
    return f"{_WEIGH}let answer = {asked}{weighed} answer"


def _result(steps: Sequence[Sequence[Any]]) -> object:
    """The name of the step that makes the results: behind it come only those that choose among them."""
    following = {"by", "from", "to", "limit", "range", "skip", "tail", "dedup", "order"}
    return next((step[0] for step in reversed(steps) if step[0] not in following), None)


def _sources(script: Script, instructions: Sequence[Sequence[Any]]) -> str:
    """The text of the source steps, but for withStrategies: its options are hints to a server."""
    steps = [(name, args) for name, *args in instructions if name != "withStrategies"]
    if script.bounded and any(name == "withSack" and _length(args[:1]) > _LONGEST_SACK for name, args in steps):
        raise InvalidRequest(f"a sack of more than {_LONGEST_SACK} characters is not taken: each traverser has a copy")
    return "".join(f".{name}({_arguments(script, args, None)})" for name, args in steps)


def _as_understood(step: Sequence[Any]) -> Sequence[Any]:
    """aggregate() with a scope is two steps of the engine: store() looks at one traverser, aggregate() at all."""
    if step[0] == "aggregate" and len(step) > 1 and isinstance(step[1], Scope):
        return ["store" if step[1] is Scope.local else "aggregate", *step[2:]]
    return step


def _length(values: Sequence[Any]) -> int:
    """Characters of a value, whatever it is: an upper bound of what a copy of it takes, as a text."""
    return len(str(values))


def _is_copying(name: str, args: Sequence[Any]) -> bool:
    return name in _COPYING or (name in _LOCAL and bool(args) and args[0] is Scope.local)


def _steps(script: Script, steps: Sequence[Sequence[Any]], element: str | None) -> tuple[str, str | None]:
    """The text of the steps, and what the current object is behind them."""
    text = []
    modulated: tuple[str, ...] = ()  #: the step before, with its modulators so far
    inside = False  # coalesce(step is open: the step's modulators follow
    for name, *given in map(_as_understood, steps) if script.bounded else steps:
        if inside and name not in _MODULATORS:
            text.append(")")
            inside = False
        args: Sequence[Any] = [given] if _is_list(name, given) else given
        if len(args) > _MANY:
            raise InvalidRequest(f"more than {_MANY} arguments to {name}() are not supported by the embedded store")
        if name == "with":
            text.append(_with(script, args))
            continue
        _check(script, name, args)
        if name == "by":
            args = _of_columns(args, modulated)
        modulated = (*modulated, name) if name in _MODULATORS else (name,)
        if script.bounded and name == "select":
            # a key of a map that the engine takes for a name that nobody declared: declared where it has no effect
            keys = [key for key in given if isinstance(key, str) and key not in script.declared]
            text += [f".sideEffect(__.as({script.bind(key)}))" for key in keys]
        if script.bounded and _is_copying(name, args):
            text.append(".coalesce(__")
            inside = True
        text.append(f".{name}({_arguments(script, args, element)})")
        if name == "valueMap" and element == "edge":
            text.append(".by(__.unfold())")  # the engine wraps an edge's values in lists as a vertex's
        element = _moved(args, element) if name in _MOVING else _ELEMENT.get(name, element)
    if inside:
        text.append(")")
    return "".join(text), element


def _of_columns(args: Sequence[Any], modulated: Sequence[str]) -> Sequence[Any]:
    """by(keys), by(values) as a traversal, but for order(): the engine has them there alone."""
    if modulated[:1] == ("order",) or not args or not isinstance(args[0], Column):
        return args
    picked = __.select(args[0])
    return [(picked.fold() if modulated == ("group", "by") else picked).bytecode]  # a group's values are a list


def _is_list(name: str, args: Sequence[Any]) -> bool:
    """Whether many arguments travel as one: texts always, as one bound value; traversals where they must."""
    if name not in _LISTING or len(args) < 2:  # noqa: PLR2004 - one is no list
        return False
    if isinstance(args[0], Bytecode):
        return len(args) > _MANY
    return all(isinstance(arg, str) for arg in args)


def _moved(args: Sequence[Any], element: str | None) -> str | None:
    """What a step with traversals inside leaves behind: what the last of these leads to."""
    inner = next((arg for arg in reversed(args) if isinstance(arg, Bytecode)), None)
    if inner is None:
        return element
    for name, *following in inner.step_instructions:
        element = _moved(following, element) if name in _MOVING else _ELEMENT.get(name, element)
    return element


def _with(script: Script, args: Sequence[Any]) -> str:
    if list(args) not in ([_TOKENS], [_TOKENS, 15]):
        raise InvalidRequest("with() supports WithOptions.tokens alone")
    script.tokens = True
    return ".with(WithOptions.tokens)"


def _check(script: Script, name: str, args: Sequence[Any]) -> None:
    """Refuse what the engine takes, but answers with something else than TinkerPop; note how results are keyed."""
    if name == "elementMap" or (name == "valueMap" and args and args[0] is True):
        script.tokens = True
    elif name == "project":
        names = args[0] if args and isinstance(args[0], list) else args
        script.names.update(name for name in names if isinstance(name, str))
        script.orders.append(tuple(name for name in names if isinstance(name, str)))
    elif name == "select":
        names = args[0] if args and isinstance(args[0], list) else args
        script.orders.append(tuple(name for name in names if isinstance(name, str)))
    elif name in _NAMING:
        _check_names(name, args)
    elif name == "has":
        _check_names(name, args[:1])
    elif name == "V" and any(isinstance(arg, Bytecode) for arg in args):
        raise InvalidRequest("V() takes ids, not a traversal")
    elif name in ("V", "E") and args == [[]]:
        raise InvalidRequest(f"{name}() of an empty list would be every element: do not ask")
    elif name == "property":
        _check_property(args)


def _check_names(name: str, args: Sequence[Any]) -> None:
    for arg in args:
        if isinstance(arg, (bool, int, float)):
            raise InvalidRequest(f"{name}() takes a text there, not {json_text([arg])[1:-1]}")


def _check_property(args: Sequence[Any]) -> None:
    if args and args[0] in (Cardinality.set_, Cardinality.list_):
        raise InvalidRequest("a property has one value: Cardinality.single alone")
    if T.id in args and isinstance(args[-1], Bytecode):
        raise InvalidRequest("property(T.id, traversal) is not supported: use mergeV()")
    if args and args[-1] is None:
        raise InvalidRequest("a property cannot be null: leave it out")


def _arguments(script: Script, args: Sequence[Any], element: str | None) -> str:
    return ",".join(_argument(script, arg, element) for arg in args)


def _argument(script: Script, value: object, element: str | None) -> str:
    """One argument as script text; values are bound, names come from gremlinpython's own classes."""
    for types, convert in _CONVERSIONS:
        if isinstance(value, types):
            return convert(script, value, element)
    raise InvalidRequest(f"an argument of type {type(value).__name__} is not supported by the embedded store")


def _list(script: Script, value: Any, element: str | None) -> str:
    """Values as one bound JSON text; a list of traversals as a list of the script."""
    if isinstance(value, list) and value and isinstance(value[0], Bytecode):
        return "[" + ",".join(_argument(script, item, element) for item in value) + "]"
    return f"parse_json({script.bind(json_text(value))})"


def _text(script: Script, value: str) -> str:
    if not value.isascii() and any("\ud800" <= character <= "\udfff" for character in value):
        raise InvalidRequest("a text with a lone surrogate is not UTF-8")
    return script.bind(value)


def _nested(script: Script, value: Bytecode, element: str | None) -> str:
    return "__" + _steps(script, value.step_instructions, element)[0]


def _predicate(script: Script, predicate: P, element: str | None) -> str:
    operator = predicate.operator
    if not re.fullmatch(r"[A-Za-z]+", operator):
        raise InvalidRequest("this predicate does not exist")
    values = [predicate.value] if predicate.other is None else [predicate.value, predicate.other]
    texts = [_argument(script, value, element) for value in values]
    if operator in ("and", "or"):
        return f"{texts[0]}.{operator}({texts[1]})"
    return f"{'TextP' if isinstance(predicate, TextP) else 'P'}.{operator}({','.join(texts)})"


_Convert = Callable[[Script, Any, "str | None"], str]
#: How an argument becomes text, by its type; the first that fits (bool before int, CardinalityValue before Bytecode).
_CONVERSIONS: tuple[tuple[type | tuple[type, ...], _Convert], ...] = (
    (str, lambda script, value, _element: _text(script, value)),
    ((bool, float, dt.datetime, uuid.UUID), lambda script, value, _element: script.bind(value)),
    (int, lambda script, value, _element: script.bind(long(value))),
    (CardinalityValue, lambda script, value, element: _argument(script, single(value), element)),
    (Bytecode, _nested),
    (Enum, lambda _script, value, _element: token(value)),
    (P, _predicate),
    ((list, tuple, set, frozenset, Mapping), _list),
    (Element, lambda script, value, _element: _text(script, str(value.id))),
    (Binding, lambda script, value, element: _argument(script, value.value, element)),
    (type(None), lambda _script, _value, _element: "()"),
)
