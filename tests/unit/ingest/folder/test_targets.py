"""Where the derived tables of a store lie."""

from __future__ import annotations

from pathlib import Path

import pytest

from headwater.ingest.folder.targets import default_store, is_own, tables_of

#: URLs that name one store
SAME = {
    "a slash at the end": ("ws://host:8182/gremlin", "ws://host:8182/gremlin/"),
    "a longer way": ("embedded:/data/graph", "embedded:/data/x/../graph"),
    "from here": ("embedded:graph", f"embedded:{Path.cwd() / 'graph'}"),
}


@pytest.mark.parametrize(("one", "other"), SAME.values(), ids=SAME)
def test_one_store_has_one_place(one: str, other: str) -> None:
    folder = Path("/folder")
    assert tables_of(folder, one) == tables_of(folder, other)
    assert tables_of(folder, one) not in (tables_of(folder, None), tables_of(folder, f"{one}2"))


def test_the_store_inside_the_folder_has_its_tables_there() -> None:
    folder = Path("/folder")
    assert is_own(folder, None)
    assert is_own(folder, default_store(folder))
    assert not is_own(folder, default_store(Path("/other")))
    assert tables_of(folder, default_store(folder)) == tables_of(folder, None) == folder / "derived.sqlite"
