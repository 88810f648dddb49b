"""What a question may do: the allow-list of every store, without the steps that change something. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from gremlin_python.process.strategies import OptionsStrategy, ReadOnlyStrategy
from gremlin_python.process.traversal import Bytecode, P

from headwater.graphstore.embedded.bytecode import STEPS
from headwater.graphstore.embedded.values import MAX_DEPTH
from headwater.graphstore.errors import InvalidRequest

_WRITING = frozenset({"addE", "addV", "drop", "mergeE", "mergeV", "property"})
_SOURCES = frozenset({"withSack", "withSideEffect", "withStrategies"})
_SILENT = frozenset({"none", "discard"})  #: what iterate() sends


def check_reading(bytecode: Bytecode) -> None:
    """InvalidRequest: the traversal writes, holds code, or a step that is not on the list."""
    for name, *args in bytecode.source_instructions:
        if name not in _SOURCES:
            raise InvalidRequest(f"g.{str(name)[:40]}() is not supported")
        if name != "withStrategies":
            _check_arguments(args, 0)
        elif any(not isinstance(strategy, (OptionsStrategy, ReadOnlyStrategy)) for strategy in args):
            raise InvalidRequest("a strategy would change the answer: leave it out")
    _check_steps(bytecode, 0)


def timeout_of(bytecode: Bytecode, most: int) -> int:
    """The ms that the traversal may take: with('evaluationTimeout', ms) can lower what is allowed."""
    options = [
        strategy.configuration.get("evaluationTimeout")
        for name, *strategies in bytecode.source_instructions
        if name == "withStrategies"
        for strategy in strategies
        if isinstance(strategy, OptionsStrategy)
    ]
    return min((ms for ms in options if isinstance(ms, int)), default=most)


def _check_steps(bytecode: Bytecode, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise InvalidRequest(f"traversals are nested more than {MAX_DEPTH} deep")
    for name, *args in bytecode.step_instructions:
        if name in _WRITING:
            raise InvalidRequest(f"{name}() changes the graph: questions only read")
        if name not in STEPS | _SILENT:
            raise InvalidRequest(f"the step {str(name)[:40]!r} is not supported")
        _check_arguments(args, depth)


def _check_arguments(args: Iterable[Any], depth: int) -> None:
    for arg in args:
        if isinstance(arg, Bytecode):
            _check_steps(arg, depth + 1)
        elif isinstance(arg, P):
            _check_arguments((arg.value, arg.other), depth + 1)
        elif isinstance(arg, Mapping):
            _check_arguments((*arg.keys(), *arg.values()), depth + 1)
        elif isinstance(arg, (list, tuple, set, frozenset)):
            _check_arguments(arg, depth + 1)
        elif isinstance(arg, Callable):  # type: ignore[arg-type]  # typing's, at run time an abstract class
            raise InvalidRequest("a lambda is code: no store runs it")
