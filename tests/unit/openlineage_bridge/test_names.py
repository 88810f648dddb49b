"""Datasets in events are named by the rules that all agents share; their symlinks are other names."""

from __future__ import annotations

from typing import Any

from headwater.graphmodel.naming import DEFAULT
from headwater.openlineage_bridge import names


def identifiers(*found: Any) -> dict[str, Any]:
    return {"symlinks": {"identifiers": list(found)}}


def test_a_dataset_in_memory_is_nobody_elses() -> None:
    assert names.name("inmemory://", "frame", DEFAULT) is None
    found = names.name(" s3a://lake ", " orders/20260301 ", DEFAULT)
    assert found is not None
    assert (found.uri, found.partition) == ("s3://lake/orders", "20260301")
    assert names.without_partition(found).partition is None


def test_symlinks_give_other_names() -> None:
    table = {"namespace": "file:/wh", "name": "sales.dim", "type": "TABLE"}
    facets = identifiers(table, {"namespace": "s3://x", "name": "/", "type": "LOCATION"}, {"name": "y"}, 7)
    own = (("s3://x", "/"),)
    assert names.spellings(own, facets, "s3://x", DEFAULT) == ("sales.dim", "warehouse:file:///wh/sales.dim")
    assert names.spellings(own, identifiers({**table, "namespace": "inmemory://"}), "s3://x", DEFAULT) == ()
    untyped = identifiers({"namespace": "s3://lake", "name": "sales.dim"})
    assert names.spellings(own, untyped, "s3://x", DEFAULT) == ("s3://lake/sales.dim",)
    assert names.spellings(own, {"symlinks": {"identifiers": "no"}}, "s3://x", DEFAULT) == ()


def test_a_name_before_a_renaming_is_another_name() -> None:
    renamed = {"lifecycleStateChange": {"previousIdentifier": {"namespace": "s3://lake", "name": "old"}}}
    assert names.spellings((("s3://lake", "new"),), renamed, "s3://lake/new", DEFAULT) == ("s3://lake/old",)
    renamed["lifecycleStateChange"]["previousIdentifier"] = {"namespace": "", "name": "older"}
    assert names.spellings((("s3://lake", "new"),), renamed, "s3://lake/new", DEFAULT) == ("s3://lake/older",)
    renamed["lifecycleStateChange"]["previousIdentifier"] = {"namespace": "inmemory://", "name": "x"}
    assert names.spellings((("s3://lake", "new"),), renamed, "s3://lake/new", DEFAULT) == ()
