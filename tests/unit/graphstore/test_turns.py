"""A long question keeps a write waiting outside the engine, where no other question waits behind it."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from headwater.graphstore import open_store
from headwater.graphstore.embedded.store import EmbeddedStore, _translated
from headwater.graphstore.embedded.turns import Turns
from headwater.graphstore.errors import EngineFailed
from tests.contract.queries_world import pipeline


def test_who_waits_for_a_turn_alone_comes_before_further_shared_ones() -> None:
    turns = Turns()
    order: list[str] = []
    asked, ended = threading.Event(), threading.Event()

    def long_question() -> None:
        with turns.shared() as first:
            assert first
            asked.set()
            ended.wait()
            order.append("question")

    def write() -> None:
        with turns.alone():
            order.append("write")

    def later_question() -> None:
        with turns.shared():
            order.append("later question")

    with ThreadPoolExecutor(3) as threads:
        done = [threads.submit(long_question)]
        asked.wait()
        done.append(threads.submit(write))
        while not turns.waits_alone:
            pass
        done.append(threads.submit(later_question))
        ended.set()
        for one in done:
            one.result()
    assert order == ["question", "write", "later question"]


def test_a_write_that_waits_for_a_long_question_keeps_no_other_waiting(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    with open_store(f"embedded:{tmp_path_factory.mktemp('turns') / 'graph'}") as store:
        assert isinstance(store, EmbeddedStore)
        store.apply(pipeline())
        turns = store._turns
        with ThreadPoolExecutor(1) as threads, turns.shared():  # as a long question holds it
            write = threads.submit(store.clear)
            while not turns.waits_alone:
                pass
            assert store.g.V().count().next() == 24
            assert not write.done()
        assert store.g.V().count().next() == 0


def test_a_panic_of_the_engine_is_an_error_as_any_other() -> None:
    panic = type("PanicException", (BaseException,), {})
    with pytest.raises(EngineFailed, match="the graph engine failed: out of range"), _translated():
        raise panic("out of range")
    with pytest.raises(KeyboardInterrupt), _translated():
        raise KeyboardInterrupt
