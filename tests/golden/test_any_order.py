"""The graph of the recorded jobs does not depend on the order in which their payloads arrive, nor on repeats."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from gremlin_python.process.traversal import T

from headwater.ingest.folder.service import Service
from headwater.ingest.intake.bridge import Receipt
from headwater.ingest.intake.spline import EVENTS, PLANS
from tests.golden import openlineage
from tests.golden.recorded import ALL, PAYLOADS

#: Bytes of a body; a few large ones would only make this slow.
LARGE = 100_000


def entries() -> list[Any]:
    bridges = {"plan": PLANS, "event": EVENTS}
    chosen = [p for p in ALL if len(p.body) < LARGE and not (PAYLOADS / p.case / "truth.md").exists()]
    spline = [e for p in chosen for e in bridges[p.kind].accept(p.content_type, p.body, Receipt()).entries]
    return spline + openlineage.entries("af01_airflow_parent", "h01_tables_and_modes", "l05_v1_22", "x01_dbt_build")


def graph_of(folder: Path, payloads: list[Any]) -> tuple[list[Any], list[Any]]:
    """All elements of the graph, as text that can be compared."""
    with Service.open(folder) as service:
        service.ledger.append(payloads)
        service.catch_up()
        assert service.parked() == []
        vertices = service.store.g.V().has_label("ledger").fold().next()
        assert len(vertices) == 1
        found = service.store.g.V().element_map().to_list()
        edges = service.store.g.E().element_map().to_list()
    return (
        sorted(repr(sorted(map(repr, v.items()))) for v in found if v[T.label] != "ledger"),
        sorted(repr(sorted((repr(k), str(x)) for k, x in e.items() if k is not T.id)) for e in edges),
    )


@pytest.fixture(scope="module")
def in_order(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Any], list[Any]]:
    return graph_of(tmp_path_factory.mktemp("order") / "data", entries())


@pytest.mark.parametrize("seed", [1, 2])
def test_any_order_gives_the_same_graph(seed: int, in_order: tuple[list[Any], list[Any]], tmp_path: Path) -> None:
    payloads = entries()
    chosen = random.Random(seed)
    payloads += chosen.sample(payloads, 20)
    chosen.shuffle(payloads)
    assert graph_of(tmp_path / "data", payloads) == in_order


def test_events_before_their_plans(in_order: tuple[list[Any], list[Any]], tmp_path: Path) -> None:
    payloads = sorted(entries(), key=lambda entry: entry.kind != "spline.events")
    assert graph_of(tmp_path / "data", payloads) == in_order
