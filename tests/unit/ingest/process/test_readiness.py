"""The graph's process is asked whether its graph can be asked, again and again: no question is without an answer."""

from __future__ import annotations

import asyncio
import threading
from types import SimpleNamespace
from typing import Any

import pytest

from headwater.ingest.process import graph_worker

_QUESTIONS, _PATIENCE = 3, 30.0


def test_a_question_that_comes_with_the_answer_to_the_one_before_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server asks again as soon as it reads an answer: that question was lost, and `/ready` said 503 after 5 s."""
    told: list[dict[str, Any]] = []

    async def ask() -> None:
        loop, all_told, here = asyncio.get_running_loop(), asyncio.Event(), threading.get_ident()
        projector = SimpleNamespace(reached=7, rebuilding=False)
        facts = graph_worker._Facts(SimpleNamespace(projector=projector, readiness=lambda: None))  # type: ignore[arg-type]

        def read(said: dict[str, Any]) -> None:
            told.append(said)
            if len(told) == _QUESTIONS:
                loop.call_soon_threadsafe(all_told.set)
                return
            asked = threading.Event()
            loop.call_soon_threadsafe(facts.tell_readiness)
            loop.call_soon_threadsafe(asked.set)
            if threading.get_ident() != here:
                asked.wait(_PATIENCE)

        monkeypatch.setattr(graph_worker, "_tell", read)
        facts.tell_readiness()
        await asyncio.wait_for(all_told.wait(), _PATIENCE)

    asyncio.run(ask())
    assert told == [{"readiness": {"checkpoint": 7, "rebuilding": False}}] * _QUESTIONS
