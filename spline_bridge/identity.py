"""The agent's id of a plan: the one it gives, or, if it gives none, one that is a function of the bytes."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping
from typing import Any

# Random once, fixed for ever: changing it would give a new id to every plan that came without one.
_NAMESPACE = uuid.UUID("6d0b3f0e-6a0c-4b52-9d0e-0a8a3f6f2c11")


def agent_plan_id(plan: Mapping[str, Any], kept: bytes) -> str:
    """The id of a validated plan, lower-case. Without one: a UUIDv5 over the bytes that the ledger keeps.

    So identical bytes have the same id, wherever and however often it is asked for.
    """
    given = plan.get("id")
    if given is not None:
        return normal_uuid(given)
    return str(uuid.uuid5(_NAMESPACE, hashlib.sha256(kept).hexdigest()))


def normal_uuid(text: str) -> str:
    """A UUID in its one spelling, lower-case with hyphens. ValueError if it is none."""
    return str(uuid.UUID(text))
