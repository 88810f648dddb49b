"""A check before merge as text: for a terminal, and as Markdown for a pull request. All text is escaped."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from headwater.check.difference import ADD, Check, Difference, Finding
from headwater.queries.answers.grades import GRADES, Grade
from headwater.queries.answers.impact import LABELS, Impact
from headwater.queries.drawing import escape, impact_rows
from headwater.queries.drawing import impact as impact_render
from headwater.queries.drawing.impact_rows import FAN

_TEXT = 100  #: characters of an expression, before and after: what fits beside the other in one line of a review
_SHOWN = 20  #: differences, and jobs and datasets that break, which are shown open


def headline(check: Check) -> str:
    """One line: what was checked, and what it breaks."""
    counted = check.totals[Grade.BREAKS.value]
    broken = [f"{counted[label]:,} {label}{'s' if counted[label] != 1 else ''}" for label in LABELS if counted[label]]
    subject = f"{check.job.removeprefix('job:')} onto {check.dataset}" if check.job else check.dataset
    nothing = "breaks nothing that is known" if check.complete else "could not be checked"
    if check.findings and not check.complete:
        nothing = "breaks nothing that is known, and is not fully checked"
    found = f"breaks {', '.join(broken)}" if broken else nothing
    return f"{subject}: {found}"


def text(check: Check, fan: int | None = FAN) -> str:
    """Without colours: the differences, then what each affects."""
    parts = [escape.terminal(headline(check)), ""]
    parts += [f"  {escape.terminal(_told(finding))}" for finding in check.findings] or _nothing(check, "  ")
    parts += [f"  could not be checked: {escape.terminal(why)}" for why in check.unchecked]
    parts += [f"  note: {escape.terminal(note)}" for note in check.notes]
    for finding in check.findings:
        if finding.impact is not None and finding.impact.affected:
            parts += ["", impact_render.plain(finding.impact, fan).rstrip()]
    return "\n".join(parts) + "\n"


def _nothing(check: Check, before: str = "") -> list[str]:
    """What stands where there are no differences: that there are none is said only where all was compared."""
    if check.unchecked:
        return []
    return [f"{before}no difference" if check.compared else f"{before}nothing was compared"]


def _told(finding: Finding) -> str:
    one = finding.difference
    return f"{_word(one)} {_what(one)}{_from_to(one)}; {_result(finding)}"


def _word(one: Difference) -> str:
    return f"{one.change} (a guess)" if one.guessed else one.change


def _what(one: Difference) -> str:
    return one.column or "of the dataset"


def _from_to(one: Difference) -> str:
    old, new = (escape.shorten(side or "", _TEXT) for side in (one.old, one.new))
    return f": {old} → {new}" if old and new else f": {old or new}" if old or new else ""


def _result(finding: Finding) -> str:
    if finding.difference.change == ADD:
        return "nothing depends on it yet"
    if finding.impact is None or not finding.impact.affected:
        return "nothing known reads it"
    totals = finding.impact.totals
    told = ((grade, sum(totals[grade.value].values())) for grade in GRADES)
    return ", ".join(f"{impact_rows.words(grade.value)} {count:,}" for grade, count in told if count)


def markdown(checks: Sequence[Check], fan: int | None = FAN) -> str:
    """For a pull request: short, with what breaks in a table and all the rest folded."""
    return "\n".join(line for check in checks for line in _markdown(check, fan)) + "\n"


def _markdown(check: Check, fan: int | None) -> Iterator[str]:
    mark = ":x:" if check.breaks else ":white_check_mark:" if check.complete else ":warning:"
    yield f"### {mark} Lineage check: {escape.markdown(headline(check))}\n"
    if check.findings:
        yield from impact_render.markdown_table(("change", "what", "before → after", "comes to"), _rows(check))
    else:
        yield from (f"{line.capitalize()}." for line in _nothing(check))
    yield from (f"\n> {escape.markdown(note)}" for note in check.notes)
    yield from _broken(check)
    for finding in check.findings:
        if finding.impact is not None and finding.impact.affected:
            summary = f"{finding.difference.change} of {finding.difference.node}"
            yield f"\n<details>\n<summary>{escape.html_text(summary)}</summary>\n"
            yield from _reached(finding.impact, fan)
            yield "\n</details>"
    yield f"\n{'Complete' if check.complete else f'Not complete: {escape.markdown(check.reason or str())}'}.\n"


def _reached(impact: Impact, fan: int | None) -> Iterator[str]:
    """What one difference affects, in one table."""
    lines = list(impact_rows.lines(impact, fan))
    cells = (
        (impact_rows.words(line.grade), line.label, escape.markdown(line.id), line.distance, escape.markdown(line.path))
        for line in lines
        if isinstance(line, impact_rows.Row)
    )
    yield from impact_render.markdown_table(("grade", "what", "id", "hops", "path"), cells)
    for line in lines:
        if isinstance(line, impact_rows.Fold):
            yield f"\n{impact_rows.words(line.grade)}: {escape.markdown(str(line))}"
    yield from (f"\nNot graded, columns unknown: {escape.markdown(line)}" for line in impact_rows.unknown(impact))


def _rows(check: Check) -> Iterator[tuple[str, ...]]:
    for finding in check.findings[:_SHOWN]:
        one = finding.difference
        changed = _from_to(one).removeprefix(": ")
        yield _word(one), escape.markdown(_what(one)), escape.markdown(changed), _result(finding)
    if len(check.findings) > _SHOWN:
        yield "", f"+{len(check.findings) - _SHOWN:,} more", "", ""


def _broken(check: Check) -> Iterator[str]:
    """The jobs and datasets that break, each once, with whose they are."""
    broken = [a for a in check.worst.values() if a.grade == Grade.BREAKS.value and a.label != "column"]
    if not broken:
        return
    broken.sort(key=lambda item: (item.label != "job", item.distance, item.id))
    yield "\n**Breaks**\n"
    rows = [
        (item.label, escape.markdown(item.id.removeprefix("job:")), str(item.distance), *map(escape.markdown, told))
        for item in broken[:_SHOWN]
        for told in (impact_rows.told(item),)
    ]
    yield from impact_render.markdown_table(("what", "id", "hops", "last run", "runs every", "owner"), rows)
    if len(broken) > _SHOWN:
        yield f"\n+{len(broken) - _SHOWN:,} more"
