"""The lineage of recorded jobs, page by page: written by the mapping, read beside `truth.md`; a guard, no truth.

`UPDATE_GOLDEN=1` writes the pages anew; read the difference before it is committed.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from headwater.graphmodel.model import DependencyType, Derivation, Plan
from headwater.spline_bridge.decode import decode_plan
from tests.golden.recorded import PAYLOADS, cases, payloads

CASES = [case for case in cases() if (PAYLOADS / case / "truth.md").exists()]


def page(case: str) -> str:
    """Every write of a job: its columns with their sources, then what the whole output depends on."""
    lines: list[str] = []
    for payload in payloads(case):
        if payload.kind == "plan":
            plan = decode_plan(payload.body, payload.content_type)
            lines += [f"{payload.file}  {plan.command}  {plan.effect.value}  {plan.target.uri}", *written(plan), ""]
    return "\n".join(lines)


def written(plan: Plan) -> Iterator[str]:
    for column in plan.columns:
        why = f"  {column.origin.value}: {column.expression}" if column.origin else ""
        yield f"  {column.name}{why}{'' if column.resolved else '  UNRESOLVED'}"
        yield from (f"    {shown(d)}" for d in plan.derivations if d.target == column.name)
    for d in plan.dependencies:
        yield f"  * {d.subtype.value} {short(d.source_dataset)}#{d.source_column}  {d.expression}"
    for operation in plan.operations:
        if not operation.resolved:
            yield f"  ? {operation.name} {operation.expression}"


def shown(d: Derivation) -> str:
    flags = "".join(
        f"  {word}" for word, on in (("masked", d.masking), ("not exact", not d.exact), ("carried", d.carried)) if on
    )
    field = f"  ({d.source_field})" if d.source_field else ""
    kind = d.subtype.value if d.type is DependencyType.DIRECT else d.subtype.value.lower()
    return f"{kind} {short(d.source_dataset)}#{d.source_column}{field}{flags}  {d.expression}"


def short(uri: str) -> str:
    return uri.removeprefix("file:///data/lake/")


@pytest.mark.parametrize("case", CASES)
def test_the_lineage_of_a_recorded_job(case: str) -> None:
    expected = PAYLOADS / case / "lineage.txt"
    if os.environ.get("UPDATE_GOLDEN") == "1":
        expected.write_text(page(case), encoding="utf-8")
    assert page(case) == expected.read_text(encoding="utf-8")
