"""The table of spellings in docs/naming.md is true."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from headwater.graphmodel.naming import canonical, from_openlineage

PAGE = (Path(__file__).parents[3] / "docs" / "naming.md").read_text("utf-8")
_CODE = r"(?:``` (.+?) ```|`([^`]+)`)"
_SPELLING = re.compile(rf"{_CODE}(?: \+ {_CODE})?")


def rows() -> list[tuple[str, str, str]]:
    table = PAGE.partition("\n## Spellings")[2].partition("|---|---|---|\n")[2].partition("\n\n")[0]
    cells = [line.strip("| ").split(" | ") for line in table.splitlines()]
    return [(what, one, name.strip("`")) for what, spellings, name in cells for one in spellings.split(" <br> ")]


@pytest.mark.parametrize(("what", "spelling", "name"), rows())
def test_each_spelling_has_the_name_beside_it(what: str, spelling: str, name: str) -> None:
    match = _SPELLING.fullmatch(spelling)
    assert match is not None
    first, second = match[1] or match[2], match[3] or match[4]
    assert (from_openlineage(first, second).uri if second else canonical(first)) == name


def test_the_table_has_the_services_that_people_ask_for() -> None:
    assert len(rows()) > 60
