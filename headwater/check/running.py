"""Runs a check before merge: compares a plan or a schema with the graph, and asks for the impact of each difference."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from headwater.check import plans, schemas
from headwater.check.difference import ADD, Check, Difference, Finding
from headwater.errors import WrongUse
from headwater.queries.answers.answer import Answer, Table
from headwater.queries.answers.impact import Impact
from headwater.source import Source

if TYPE_CHECKING:
    from headwater.ingest.intake.loading import Found

_NOT_FOUND = 404
_ALL = 100_000  #: nodes, or rows, of one answer
_PAGE = 10_000


def check_schema(source: Source, dataset: str, old: Path, new: Path, *, guess_renames: bool = False) -> Check:
    """What the step from one schema file to another breaks. WrongUse: no such dataset, no schema in a file."""
    answer = lineage(source, dataset, depth=0)
    before, after = (schemas.read_schema(text_of(place), str(place)) for place in (old, new))
    found = schemas.differences(answer.root, before, after, guess_renames=guess_renames)
    return Check(answer.root, tuple(findings(source, found)))


def check_plans(source: Source, place: Path) -> list[Check]:
    """What each plan in a file breaks, one check a plan. WrongUse: the file holds none, or one that is refused."""
    from headwater.ingest.intake.loading import Found, read
    from headwater.ingest.intake.spline import PLANS

    try:
        items = list(read(place, asked=True))
    except OSError as error:
        raise WrongUse(f"{place} cannot be read: {error.strerror}") from error
    found = [item for item in items if isinstance(item, Found) and item.bridge == PLANS]
    reasons = [item.reason for item in items if not isinstance(item, Found)]
    if not found:
        raise WrongUse(f"{place} holds no execution plan: {reasons[0] if reasons else 'only events'}")
    return [_check_plan(source, item) for item in found]


def _check_plan(source: Source, found: Found) -> Check:
    from headwater.graphmodel.logic import logic
    from headwater.ingest.intake.body import InvalidBody
    from headwater.ingest.intake.bridge import Receipt

    bridge = found.bridge
    try:
        (entry,) = bridge.accept(found.content_type, found.body, Receipt()).entries
    except InvalidBody as error:
        raise WrongUse(f"{found.place}: {error.sentence}") from error
    (plan_body,) = bridge.decode(entry.body, entry.content_type, source.rules()).plans
    new = logic(plan_body)
    try:
        answer = lineage(source, new.target, depth=1)
    except WrongUse as error:
        if error.status != _NOT_FOUND:
            raise
        return Check(new.target, (), new.job_id, (f"{new.target} is new: nothing is known to depend on it",))
    standing = {edge.plan for edge in answer.edges if edge.job == new.job_id and edge.plan is not None}
    plan = _last(source, new.job_id, standing)
    old = plans.made_now(answer, new.job_id, plan)
    types = source.types(plan) if plan else {}
    listed = plans.differences(
        answer.root, old, plans.made_by(new), types, bridge.output_types(entry.body, entry.content_type, 0)
    )
    return Check(answer.root, tuple(findings(source, listed)), new.job_id, tuple(_notes(old, standing, types)))


def _last(source: Source, job: str, standing: set[str]) -> str | None:
    """The job's logic that ran last, of those whose output is in the dataset now."""
    if len(standing) < 2:  # noqa: PLR2004 - then there is nothing to choose
        return next(iter(standing), None)
    ran: dict[str, int] = {}
    following: str | None = "0"
    while following is not None:
        page = source.ask("plans", [("job", job), ("limit", _PAGE), ("next", following)])
        assert isinstance(page, Table), "the query plans answers with rows"
        ran.update((row["id"], row["lastRun"] or 0) for row in page.rows)
        following = page.next
    return max(standing, key=lambda plan: (ran.get(plan, 0), plan))


def _notes(old: plans.Made, standing: set[str], types: dict[str, str]) -> Iterator[str]:
    if not old.columns:
        yield "the job is not known to write this dataset now: its columns are taken for new ones"
    elif not types:
        yield "types were not compared: the plan that stands does not say them"
    if old.shared:
        yield "other jobs write this dataset too: columns without sources were not compared"
    if len(standing) > 1:
        yield f"{len(standing):,} logics of this job stand: compared with the one that ran last"


def findings(source: Source, found: Iterable[Difference]) -> Iterator[Finding]:
    """Each difference with its impact."""
    return (Finding(one, None if one.change == ADD else _impact(source, one)) for one in found)


def _impact(source: Source, difference: Difference) -> Impact | None:
    """None: the graph has no such column, so nothing known reads it."""
    try:
        found = source.ask("impact", [("node", difference.node), ("change", difference.change)])
    except WrongUse as error:
        if error.status != _NOT_FOUND:
            raise
        return None
    assert isinstance(found, Impact), "the query impact answers with an impact"
    return found


def lineage(source: Source, dataset: str, *, depth: int) -> Answer:
    """Where a dataset comes from, by column, all types. WrongUse: there is none, or it is a column."""
    given: list[tuple[str, object]] = [("node", dataset), ("depth", depth), ("type", "all"), ("level", "column")]
    found = source.ask("upstream", [*given, ("limit", _ALL)])
    assert isinstance(found, Answer), "the query upstream answers with nodes and edges"
    if "#" in found.root:
        raise WrongUse(f"{dataset} is a column: a schema is a dataset's")
    return found


def text_of(place: Path) -> str:
    """A file's text. WrongUse: it cannot be read."""
    try:
        return place.read_text(encoding="utf-8")
    except OSError as error:
        raise WrongUse(f"{place} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError:
        raise WrongUse(f"{place} is no text") from None
