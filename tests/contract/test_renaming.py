"""One dataset under two names, on a real ledger and every store: drawn anew, and equal to the whole, always."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from headwater.graphmodel.delta import GraphDelta
from headwater.graphmodel.statements.json_text import CONTENT_TYPE, KIND, text
from headwater.graphmodel.statements.model import SAME, Statement
from headwater.graphmodel.whole import Graph
from headwater.graphstore import GraphStore
from headwater.ingest.fold.file import Derived
from headwater.ingest.graph.projector import Projector
from headwater.ingest.intake.statements import snapshot_entry
from headwater.ingest.ledger.ledger import Ledger, NewEntry
from headwater.queries.answers.errors import NodeNotFound
from tests.contract.queries_world import ask
from tests.contract.test_projector import (
    assert_equal,
    catch_up,
    derived,  # noqa: F401 - fixtures
    ledger,  # noqa: F401
    recorded,
    stored,
    whole,
)
from tests.unit.graphmodel.test_column_names import FILL, READ, RENAME, TABLE, drawn

KEPT, OTHER = "file:///data/lake/raw/crm/customers.csv", "file:///data/lake/pipe/staging/customers"
JOBS = ("l01_stage_customers", "l03_mart_customer_orders")


def same_statement(subject: str, value: str, at: int, *, withdrawn: bool = False) -> NewEntry:
    return NewEntry(KIND, CONTENT_TYPE, text(Statement(SAME, subject, value, at, withdrawn=withdrawn)))


def drawn_of(
    ledger: Ledger,  # noqa: F811
    store: GraphStore,
    derived: Derived,  # noqa: F811
    entries: Iterable[NewEntry],
    limit: int,
) -> Graph:
    """The graph of these entries, which equals the whole; with a limit of 1 each is drawn before the next one comes."""
    projector = Projector(ledger, store, derived)
    for entry in entries:
        ledger.append([entry])
        if limit == 1:
            catch_up(projector, limit)
    catch_up(projector, limit)
    found = stored(store)
    assert_equal(found, whole(ledger))
    return found


@pytest.mark.parametrize("place", [0, 2, 4])
@pytest.mark.parametrize("limit", [1, 100])
def test_both_names_are_one_node_whenever_it_was_stated(
    ledger: Ledger,  # noqa: F811
    store: GraphStore,
    derived: Derived,  # noqa: F811
    place: int,
    limit: int,
) -> None:
    payloads = recorded(*JOBS)
    entries = [*payloads[:place], same_statement(OTHER, KEPT, 1), *payloads[place:]]
    found = drawn_of(ledger, store, derived, entries, limit)
    assert KEPT in found.vertices
    assert OTHER not in found.vertices
    assert f"alias:{OTHER}" in found.vertices


def test_taken_back_they_are_two_again(
    ledger: Ledger,  # noqa: F811
    store: GraphStore,
    derived: Derived,  # noqa: F811
) -> None:
    projector = Projector(ledger, store, derived)
    ledger.append([*recorded(*JOBS), same_statement(OTHER, KEPT, 1)])
    catch_up(projector)
    ledger.append([same_statement(OTHER, KEPT, 2, withdrawn=True)])
    catch_up(projector)
    assert_equal(stored(store), whole(ledger))
    assert {KEPT, OTHER} <= stored(store).vertices.keys()


def test_a_statement_that_cannot_be_read_is_parked_and_names_nothing(
    ledger: Ledger,  # noqa: F811
    store: GraphStore,
    derived: Derived,  # noqa: F811
) -> None:
    projector = Projector(ledger, store, derived)
    ledger.append([NewEntry(KIND, CONTENT_TYPE, b'{"kind": "of a later version"}'), *recorded(*JOBS)])
    catch_up(projector)
    projector.rebuild()
    catch_up(projector)
    assert [parked.sequence for parked in projector.parked()] == [1]
    assert {KEPT, OTHER} <= stored(store).vertices.keys()


@pytest.mark.parametrize("limit", [1, 100])
def test_what_a_system_lists_under_the_other_name_is_about_the_one_that_is_kept(
    ledger: Ledger,  # noqa: F811
    store: GraphStore,
    derived: Derived,  # noqa: F811
    limit: int,
) -> None:
    value = {"columns": [{"name": "segment", "type": "string"}], "names": ["crm.customers"]}
    listed = [
        {"kind": "dataset", "subject": OTHER, "name": "crm.customers", "value": value},
        {"kind": "tag", "subject": f"{OTHER}#segment", "value": "pii"},
    ]
    entry = snapshot_entry({"source": "glue", "scope": "crm", "statements": listed}, 2)
    projector = Projector(ledger, store, derived)
    for one in [entry, *recorded(*JOBS), same_statement(OTHER, KEPT, 1)]:
        ledger.append([one])
        if limit == 1:
            catch_up(projector, limit)
    catch_up(projector, limit)
    found = stored(store)
    assert_equal(found, whole(ledger))
    assert OTHER not in found.vertices
    assert {f"{KEPT}#segment", "alias:crm.customers", f"alias:{OTHER}"} <= found.vertices.keys()
    assert any(edge.label == "taggedWith" and edge.source == f"{KEPT}#segment" for edge in found.edges.values())


def listing(subject: str, at: int, *called: str, scope: str = "crm") -> NewEntry:
    """A snapshot of a catalogue: the dataset with these names, or nothing; and what it says of it by one of them."""
    told: list[dict[str, object]] = [
        {"kind": "dataset", "subject": subject, "name": "t", "value": {"names": [*called]}}
    ]
    told += [{"kind": "tag", "subject": OTHER, "value": f"by-{scope}"}]
    return snapshot_entry({"source": "glue", "scope": scope, "statements": told if called else []}, at)


PLACE = "s3://lake/crm/customers"
LISTED, GONE = listing(PLACE, 1, "crm.customers", OTHER), listing(PLACE, 2)
MOVED, AGAIN = listing("s3://lake/new", 2, OTHER), listing("s3://other/customers", 2, OTHER, scope="another account")


@pytest.mark.parametrize("limit", [1, 100])
@pytest.mark.parametrize("place", [0, 2, 4])
@pytest.mark.parametrize(
    ("said", "name"),
    [([LISTED], PLACE), ([LISTED, GONE], OTHER), ([LISTED, MOVED], "s3://lake/new"), ([LISTED, AGAIN], OTHER)],
)
def test_a_name_that_a_catalogue_lists_is_the_dataset_that_it_lists(
    ledger: Ledger,  # noqa: F811
    store: GraphStore,
    derived: Derived,  # noqa: F811
    said: list[NewEntry],
    name: str,
    place: int,
    limit: int,
) -> None:
    """Whenever it says so; taken back when it no longer does, and where two datasets have the name."""
    payloads = recorded(*JOBS)
    entries = [*payloads[:place], *said, *payloads[place:]]
    found = drawn_of(ledger, store, derived, entries, limit)
    assert {e.target for e in found.edges.values() if e.label == "writes"} >= {name}
    assert (name == OTHER) == (OTHER in found.vertices)
    if said[-1] is not GONE:
        assert any(e.label == "taggedWith" and e.source == name for e in found.edges.values())


def test_names_of_tables_that_no_job_uses_draw_nothing_anew(
    ledger: Ledger,  # noqa: F811
    store: GraphStore,
    derived: Derived,  # noqa: F811
) -> None:
    projector = Projector(ledger, store, derived)
    ledger.append(recorded(*JOBS))
    catch_up(projector)
    drawn = projector.drawings
    unused = [listing(f"s3://lake/{number}", number, f"shop.t{number}", scope=str(number)) for number in range(1, 4)]
    for entry in [*unused, listing("s3://lake/moved", 9, "shop.t2", scope="2")]:
        ledger.append([entry])
        catch_up(projector)
    assert projector.drawings == drawn
    assert_equal(stored(store), whole(ledger))


def test_who_asks_for_the_earlier_name_of_a_column_is_told_the_present_one(store: GraphStore) -> None:
    graph = drawn((FILL, 10_000), (RENAME, 30_000), (READ, 40_000))
    store.apply([GraphDelta(tuple(graph.vertices.values()), tuple(graph.edges.values()))])
    with pytest.raises(NodeNotFound, match=r"renamed to 'new' by run:.* at 1970-01-01 00:00:30Z") as refused:
        ask(store, "upstream", node=f"{TABLE}#Old")
    assert refused.value.suggestions == (f"{TABLE}#new",)
    with pytest.raises(NodeNotFound) as refused:
        ask(store, "upstream", node=f"{TABLE}#older")
    assert "renamed" not in str(refused.value)
