"""While a graph is drawn anew: each answer is that of the old graph or of the new one, or says that it is not complete.

Asked at every change of the store that a rebuild makes, on every store.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from headwater.errors import Unreachable, WrongUse
from headwater.graphmodel.delta import GraphDelta
from headwater.graphstore import GraphStore
from headwater.ingest.fold.file import Derived
from headwater.ingest.folder.service import Service
from headwater.ingest.ledger.ledger import Ledger
from headwater.queries.answers.errors import GraphRebuilding, NodeNotFound
from headwater.read_only import ReadOnly
from tests.contract.test_projector import PIPELINE, derived, ledger, recorded  # noqa: F401 - fixtures
from tests.contract.test_renaming import KEPT, OTHER, same_statement

NODE = "file:///data/lake/pipe/mart/customer_orders"
QUESTIONS: tuple[tuple[str, Mapping[str, object]], ...] = (
    ("lineage", {"node": NODE}),
    ("impact", {"node": OTHER}),
    ("paths", {"from": OTHER, "to": NODE}),
    ("datasets", {}),
    ("lineage", {"node": KEPT, "direction": "downstream"}),
)


class Watched:
    """A real store; `changing` is called before and after each of its changes."""

    def __init__(self, store: GraphStore) -> None:
        self._store = store
        self.changing: Callable[[], None] = lambda: None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def apply(self, deltas: GraphDelta | Sequence[GraphDelta], **condition: Any) -> None:
        self.changing()
        self._store.apply(deltas, **condition)
        self.changing()

    def clear(self) -> None:
        self.changing()
        self._store.clear()
        self.changing()


def answers(asked: Service | ReadOnly) -> list[Any]:
    """What each question is answered with; "rebuilding" for an answer that says so."""
    found: list[Any] = []
    for name, given in QUESTIONS:
        try:
            answer = asked.ask(name, list(given.items())).to_dict()
        except (GraphRebuilding, Unreachable) as error:
            assert "rebuilt" in str(error)  # noqa: PT017 - all of them are looked at
            found.append("rebuilding")
        except (NodeNotFound, WrongUse):
            found.append("not found")
        else:
            assert answer["complete"] is (answer["reason"] is None)
            found.append("rebuilding" if answer["reason"] == "rebuilding" else answer)
    return found


@pytest.fixture
def watched(store: GraphStore) -> Watched:
    return Watched(store)


@pytest.fixture
def service(tmp_path: Path, ledger: Ledger, watched: Watched, derived: Derived) -> Service:  # noqa: F811
    opened = Service(tmp_path / "data", ledger, watched, derived)
    ledger.append(recorded(*PIPELINE))
    opened.catch_up()
    return opened


def replayed(service: Service) -> None:
    service.projector.rebuild()


def renamed(service: Service) -> None:
    service.ledger.append([same_statement(OTHER, KEPT, 1)])


def erased(service: Service) -> None:
    service.ledger.erase(1, "asked for")


@pytest.mark.parametrize("elsewhere", [False, True], ids=["here", "elsewhere"])
@pytest.mark.parametrize("cause", [replayed, renamed, erased])
def test_each_answer_is_of_one_whole_graph_or_says_that_it_is_not(
    cause: Callable[[Service], None], service: Service, watched: Watched, *, elsewhere: bool
) -> None:
    """`elsewhere`: by another process that has the store alone, and neither ledger nor tables."""
    asked = ReadOnly("ws://here", watched) if elsewhere else service
    before, during = answers(asked), list[list[Any]]()
    assert "rebuilding" not in before
    watched.changing = lambda: during.append(answers(asked))
    cause(service)
    service.catch_up()
    watched.changing = lambda: None
    after = answers(asked)
    assert "rebuilding" not in after
    for found in during:
        for old, new, got in zip(before, after, found, strict=True):
            assert got in (old, new, "rebuilding")
    assert "rebuilding" in {got for found in during for got in found if isinstance(got, str)}


def test_an_answer_that_began_before_a_rebuild_and_ended_after_it_is_not_complete(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = type(service.store.g)
    asked = source.V

    def rebuilt_meanwhile(self: Any, *ids: Any) -> Any:
        monkeypatch.setattr(source, "V", asked)
        service.projector.rebuild()
        service.catch_up()
        return asked(self, *ids)

    monkeypatch.setattr(source, "V", rebuilt_meanwhile)
    answer = service.ask("lineage", {"node": NODE}).to_dict()
    assert (answer["complete"], answer["reason"]) == (False, "rebuilding")


def test_a_rebuild_that_was_killed_is_said_until_it_is_whole(service: Service, derived: Derived) -> None:  # noqa: F811
    service.projector.rebuild()
    service.projector.step(3)
    again = Service(service.folder, service.ledger, service.store, derived)
    assert answers(again) == ["rebuilding"] * len(QUESTIONS)
    again.catch_up()
    assert "rebuilding" not in answers(again)


def test_what_is_wrong_with_a_question_is_said_in_any_case(service: Service) -> None:
    service.projector.rebuild()
    with pytest.raises(ValueError, match="direction must be one of"):
        service.ask("lineage", {"node": NODE, "direction": "sideways"})


@pytest.fixture
def counting(derived: Derived) -> Iterator[list[BaseException]]:  # noqa: F811
    """Threads that count what waits, without pause; what went wrong in them."""
    done, failed = threading.Event(), list[BaseException]()

    def count() -> None:
        while not done.is_set():
            try:
                derived.waiting_events()
                derived.parked()
                derived.body_of_logic("plan:none")
            except BaseException as error:  # noqa: BLE001 - the test looks at it
                failed.append(error)
                return

    threads = [threading.Thread(target=count) for _ in range(3)]
    for thread in threads:
        thread.start()
    yield failed
    done.set()
    for thread in threads:
        thread.join()


def test_others_count_while_the_tables_are_emptied(
    service: Service,
    derived: Derived,  # noqa: F811
    counting: list[BaseException],
) -> None:
    for _ in range(30):
        derived.clear()
    assert counting == []
    service.projector.rebuild()
    service.catch_up()
    assert counting == []
