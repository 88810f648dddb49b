"""Plans with a condition on a list of a thousand values or more, made short before Spark is asked for their JSON.

Spark looks for each child of an expression among all of them, so the JSON of ``id IN (...)`` takes time that grows with
the square of the list: minutes for 20,000 values. Spark's own optimiser has a form for such lists, `InSet`, whose JSON
leaves the values out. What else is constant in such a plan is folded by the way. The plan that runs is not touched.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

#: Lists with fewer values stay as they are: their values are worth telling.
_LONG = 1_000
_LIST = " IN ("  #: as Spark prints it
_MARKS = re.compile("[(),]")
_CATALYST = "org.apache.spark.sql.catalyst"
_RULES = ("ConstantFolding", "OptimizeIn")


def shortened(plan: Any, inner: Sequence[str]) -> Any:
    """The plan, or a copy of it without the values of long lists. `inner` are getters of plans that a command holds.

    Any error of the JVM is the caller's: then the plan is asked as it is.
    """
    jvm = _Jvm(plan)
    if jvm.has_long_list(plan):
        plan = jvm.folded(plan)
    held = {name: getattr(plan, name)() for name in inner}
    copies = {name: jvm.folded(each) for name, each in held.items() if jvm.has_long_list(each)}
    if not copies:
        return plan
    arguments = jvm.view.java.util.ArrayList()
    for i in range(plan.productArity()):
        argument = plan.productElement(i)
        name = next((name for name in copies if held[name] == argument), None)
        arguments.add(argument if name is None else copies[name])
    return plan.makeCopy(arguments.toArray())


def _has_long_list(text: str) -> bool:
    """Whether a printed plan has a list of so many values. A list ends at its own bracket: there are casts in it."""
    end = 0
    while (start := text.find(_LIST, end)) >= 0:
        depth, commas, end = 1, 0, start + len(_LIST)
        for found in _MARKS.finditer(text, end):
            end = found.end()
            depth += {"(": 1, ")": -1}.get(found[0], 0)
            commas += found[0] == ","
            if commas >= _LONG:
                return True
            if not depth:
                break
    return False


class _Jvm:
    """What is needed of the JVM beside the plan itself."""

    def __init__(self, plan: Any) -> None:
        from py4j import java_gateway, protocol  # comes with Spark, and this package is also used without it

        self.view = java_gateway.JVMView(plan._gateway_client, "default", id=protocol.DEFAULT_JVM_ID)  # noqa: SLF001 - no other way
        self._in = self._module(f"{_CATALYST}.trees.TreePattern").IN()

    def _module(self, name: str) -> Any:
        """A Scala object."""
        owner = self.view
        for part in f"{name}$".split("."):
            owner = getattr(owner, part)
        return getattr(owner, "MODULE$")

    def has_long_list(self, plan: Any) -> bool:
        if not plan.containsPattern(self._in):
            return False
        return _has_long_list(str(plan.toString()))

    def folded(self, plan: Any) -> Any:
        for rule in _RULES:
            plan = self._module(f"{_CATALYST}.optimizer.{rule}").apply(plan)
        return plan
