"""Gremlin as text, parsed into gremlinpython's bytecode. Pure: nothing is ever run, and no name is looked up in Python.

lark reads the grammar (gremlin.lark): TinkerPop's own is for ANTLR, whose generated parser is two megabytes of code and
accepts a language ten times as large. Its LALR parser takes linear time and does not recurse, so no nesting of brackets
can exhaust the stack. Which steps are allowed is decided by `graphstore.allowed_steps`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib import resources
from typing import Any, NamedTuple

from gremlin_python.process.strategies import OptionsStrategy
from gremlin_python.process.traversal import Bytecode, P, WithOptions
from lark import Lark, Token, Transformer_NonRecursive
from lark.exceptions import UnexpectedCharacters, UnexpectedInput, UnexpectedToken, VisitError

from headwater.graphstore.errors import InvalidRequest
from headwater.ingest.gremlin.literals import datetime_of, number_of, string_of
from headwater.ingest.gremlin.names import ENUMS, PREDICATES, TEXT_PREDICATES, predicate, strategy

MAX_CHARACTERS = 65_536  #: of one text: as much as Gremlin Server takes by default


def parse(text: str, bindings: Mapping[str, Any] | None = None, sources: frozenset[str] = frozenset({"g"})) -> Bytecode:
    """The traversal that the text says. `bindings` are values of names, `sources` names of the graph.

    Terminal steps become steps: ``next()`` is limit(1), ``iterate()`` none(). InvalidRequest, with line and column:
    what is not a traversal.
    """
    if len(text) > MAX_CHARACTERS:
        raise InvalidRequest(
            f"the text has {len(text)} characters, more than {MAX_CHARACTERS}: send values as bindings"
        )
    try:
        tree = _grammar().parse(text)
        bytecode: Bytecode = _Reader(bindings or {}, sources).transform(tree)
    except UnexpectedInput as error:
        raise InvalidRequest(_unexpected(error)) from error
    except VisitError as error:
        raise error.orig_exc from None
    return bytecode


@cache
def _grammar() -> Lark:
    text = resources.files("headwater.ingest.gremlin").joinpath("gremlin.lark").read_text(encoding="utf-8")
    return Lark(text, parser="lalr", maybe_placeholders=False)


def _unexpected(error: UnexpectedInput) -> str:
    if isinstance(error, UnexpectedToken) and error.token.type == "$END":
        return "the text ends in the middle of a traversal"
    found = error.char if isinstance(error, UnexpectedCharacters) else str(getattr(error, "token", ""))
    return f"line {error.line}, column {error.column}: {found[:40]!r} is not Gremlin that is understood here"


# Names and calls ------------------------------------------------------------------------------------------------------


class _Link(NamedTuple):
    """``name`` or ``name(arguments)``."""

    name: str
    arguments: tuple[Any, ...] | None


class _Chain(tuple[_Link, ...]):
    """Links that dots join, not yet looked at: what they mean depends on where they stand."""

    __slots__ = ()


def _steps(links: Sequence[_Link]) -> list[list[Any]]:
    for link in links:
        if link.arguments is None:
            raise InvalidRequest(f"{link.name[:40]} is no step without its brackets: {link.name[:40]}()")
    return [[link.name, *(link.arguments or ())] for link in links]


def _anonymous(links: Sequence[_Link]) -> Bytecode:
    """``__.out().in()``, as gremlinpython has it; built without its builder, which walks all arguments recursively."""
    bytecode = Bytecode()
    bytecode.step_instructions = _steps(links)
    return bytecode


def _rooted(links: Sequence[_Link]) -> Bytecode:
    """``V().out().toList()``: what follows the name of the graph."""
    begin = next((n for n, link in enumerate(links) if not link.name.startswith("with")), len(links))
    bytecode = _anonymous(_ended(links[begin:]))
    for name, *arguments in _steps(links[:begin]):
        if name == "with":
            _option(bytecode, arguments)
        else:
            bytecode.source_instructions.append([name, *arguments])
    return bytecode


def _option(bytecode: Bytecode, arguments: Sequence[Any]) -> None:
    """``g.with('name', value)``, as gremlinpython has it: all options in one strategy."""
    if not arguments or len(arguments) > 2 or not isinstance(arguments[0], str):  # noqa: PLR2004 - a name, a value
        raise InvalidRequest("g.with() takes the name of an option and its value")
    given = {arguments[0]: arguments[1] if len(arguments) > 1 else True}
    for name, *strategies in bytecode.source_instructions:
        if name == "withStrategies" and type(strategies[0]) is OptionsStrategy:
            strategies[0].configuration.update(given)
            return
    bytecode.source_instructions.append(["withStrategies", OptionsStrategy(given)])


_ANY_OR_NONE: tuple[list[_Link], ...] = tuple(
    [_Link(*step)] for step in (("is", (P.gt(0),)), ("constant", (True,)), ("constant", (False,)))
)
#: What ends a text and is no step of a traversal: the steps that it stands for, given its arguments.
_TERMINALS: Mapping[str, Callable[[Sequence[Any]], list[_Link]]] = {
    "toList": lambda _arguments: [],
    "toBulkSet": lambda _arguments: [],
    "toSet": lambda _arguments: [_Link("dedup", ())],
    "next": lambda arguments: [_Link("limit", tuple(arguments) or (1,))],
    "iterate": lambda _arguments: [_Link("none", ())],
    "hasNext": lambda _arguments: [
        _Link("limit", (1,)),
        _Link("count", ()),
        _Link("choose", tuple(map(_anonymous, _ANY_OR_NONE))),
    ],
}


def _ended(links: Sequence[_Link]) -> Sequence[_Link]:
    early = next((link.name for link in links[:-1] if link.name in _TERMINALS), None)
    if early is not None:
        raise InvalidRequest(f"{early}() ends a traversal: no step follows it here")
    if links and links[-1].name in _TERMINALS and links[-1].arguments is not None:
        return [*links[:-1], *_TERMINALS[links[-1].name](links[-1].arguments)]
    return links


_CONSTANTS: Mapping[tuple[str, ...], Any] = {
    ("true",): True,
    ("false",): False,
    ("null",): None,
    ("NaN",): float("nan"),
    ("Infinity",): float("inf"),
    ("Double", "NaN"): float("nan"),
    ("Double", "POSITIVE_INFINITY"): float("inf"),
    ("Double", "NEGATIVE_INFINITY"): float("-inf"),
    **{("WithOptions", name): getattr(WithOptions, name) for name in ("tokens", "none", "ids", "labels", "keys")},
    **{("WithOptions", name): getattr(WithOptions, name) for name in ("values", "all", "indexer", "list", "map")},
    **{(name,): member for kind in reversed(list(ENUMS.values())) for name, member in kind.items()},
    **{(kind, name): member for kind, members in ENUMS.items() for name, member in members.items()},
}


def _constant(names: Sequence[str]) -> Any:
    """``T.id``, ``desc``, ``VertexProperty.Cardinality.single``; gremlinpython's spelling ``Pick.any_`` as well."""
    key = tuple(names[1:] if names[0] == "VertexProperty" else names)
    key = (*key[:-1], key[-1].rstrip("_"))
    if key in _CONSTANTS:
        return _CONSTANTS[key]
    if len(names) == 1 and names[0].endswith("Strategy"):
        return strategy(names[0], {})
    raise InvalidRequest(f"the name {'.'.join(names)[:60]!r} is not known: texts stand in quotes, steps have brackets")


def _is_predicate(link: _Link) -> bool:
    """``not``, ``and``, ``or`` are steps, except around predicates."""
    if link.name in ("not", "and", "or"):
        return isinstance(next(iter(link.arguments or ()), None), P)
    return link.name in PREDICATES or link.name in TEXT_PREDICATES


def _predicate(links: Sequence[_Link]) -> P:
    """``gt(3).and(lt(5))``."""
    first, *following = links
    found = predicate(first.name, first.arguments or ())
    for link in following:
        arguments = link.arguments or ()
        if link.name == "negate" and not arguments:
            found = P("not", found)
        elif link.name in ("and", "or") and all(isinstance(argument, P) for argument in arguments):
            found = predicate(link.name, (found, *arguments))
        else:
            raise InvalidRequest(f"{link.name[:40]}() does not follow a predicate: it takes and(), or(), negate()")
    return found


# What lark calls -----------------------------------------------------------------------------------------------------


class _Reader(Transformer_NonRecursive[Token, Bytecode]):
    """What each rule of the grammar makes of what its parts were made into."""

    def __init__(self, bindings: Mapping[str, Any], sources: frozenset[str]) -> None:
        super().__init__()
        self._sources = sources
        self._bindings = bindings

    def start(self, parts: list[_Chain]) -> Bytecode:
        (head, *links) = parts[0]
        if head.name not in self._sources or head.arguments is not None:
            raise InvalidRequest(f"a traversal begins with {min(self._sources)}, not with {head.name[:40]}")
        return _rooted(links)

    def chain(self, parts: list[_Link]) -> _Chain:
        return _Chain(parts)

    def link(self, parts: list[Any]) -> _Link:
        return _Link(str(parts[0]), parts[1] if len(parts) > 1 else None)

    def arguments(self, parts: list[Any]) -> tuple[Any, ...]:
        return tuple(map(self._value, parts))

    def name(self, parts: list[_Chain]) -> _Chain:
        return parts[0]

    def string(self, parts: list[Token]) -> str:
        return string_of(parts[0])

    def number(self, parts: list[Token]) -> int | float:
        return number_of(parts[0])

    def array(self, parts: list[Any]) -> list[Any]:
        return [self._value(part) for part in parts]

    def mapping(self, parts: list[tuple[Any, Any]]) -> dict[Any, Any]:
        return _mapping(parts)

    def group(self, parts: list[Any]) -> Any:
        return self._value(parts[0])

    def null(self, parts: list[Token]) -> None:
        return None

    def entry(self, parts: list[Any]) -> tuple[Any, Any]:
        return parts[0], self._value(parts[1])

    def key(self, parts: list[Any]) -> Any:
        """A name alone is a text, as in Groovy; in brackets it is what it means."""
        (part,) = parts
        if isinstance(part, _Chain) and len(part) == 1 and part[0].arguments is None:
            return part[0].name
        return self._value(part)

    def pair(self, parts: list[Any]) -> tuple[str, Any]:
        return str(parts[0]), self._value(parts[1])

    def strategy(self, parts: list[Any]) -> Any:
        return strategy(str(parts[0]), dict(parts[1:]))

    def _value(self, part: Any) -> Any:
        """What a chain means as a value; anything else is one already."""
        if not isinstance(part, _Chain):
            return part
        head, *following = part
        if head.arguments is None:
            return self._named(part)
        if head.name == "datetime" and not following:
            return datetime_of(head.arguments)
        return _predicate(part) if _is_predicate(head) else _anonymous(part)

    def _named(self, chain: _Chain) -> Any:
        head, *following = chain
        if head.name == "__" and following:
            return _anonymous(following)
        if head.name in ("P", "TextP") and following:
            return _predicate(following)
        if not following and head.name in self._bindings:
            return self._bindings[head.name]
        if any(link.arguments is not None for link in following):
            raise InvalidRequest(f"{head.name[:40]} has no steps: a traversal inside another begins with __")
        return _constant([link.name for link in chain])


def _mapping(pairs: Sequence[tuple[Any, Any]]) -> dict[Any, Any]:
    try:
        return dict(pairs)
    except TypeError as error:
        raise InvalidRequest("a key of a map is a text, a number or a token such as (T.id)") from error
