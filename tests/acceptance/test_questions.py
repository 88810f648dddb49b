"""What the pages of docs/questions show is what their commands print."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.acceptance.questions import PAGES, server_of, world_of, written


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], str]]:
    """The URL of a server that has a world, started when first asked for."""
    running: dict[str, str] = {}
    with ExitStack() as servers:

        def of(world: str) -> str:
            if world not in running:
                place: Path = tmp_path_factory.mktemp("questions")
                running[world] = servers.enter_context(server_of(world, place))
            return running[world]

        yield of


@pytest.mark.parametrize("path", sorted(PAGES.glob("*.md")), ids=lambda path: path.stem)
def test_a_page_shows_what_its_commands_print(path: Path, server: Callable[[str], str]) -> None:
    page = path.read_text(encoding="utf-8")
    assert page == written(page, server(world_of(page))), f"run: python -m tests.acceptance.questions {path}"


def test_a_page_that_shows_something_else_is_found(server: Callable[[str], str]) -> None:
    page = "<!-- world: pipeline -->\n\n```console\n$ headwater query jobs\nnothing\n$ echo $?\n```\n"
    now = written(page, server("pipeline"))
    assert "spark/pipeline.features" in now
    assert now.endswith("\n0\n```\n")
    assert written(now, server("pipeline")) == now
