"""What an event must not carry into the ledger: secrets, wherever they stand, and stack traces.

The patterns of secrets are those for Spline's payloads. A stack trace has 10 to 20 kB, says nothing that the message
does not, and shows values of the data.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from headwater.openlineage_bridge.events import objects_in
from headwater.spline_bridge.errors import json_path
from headwater.spline_bridge.redact import redact as redact_secrets
from headwater.spline_bridge.secret_patterns import clean_error

_STACK = "stackTrace"
_ERRORS = ("errorMessage", "spark.exception", "extractionError")


def redact(document: dict[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The event without them, and a note for each place; the event itself if there are none. It is not changed."""
    facets = {name: facet for name, facet in objects_in(document.get("run"), "facets").items() if name in _ERRORS}
    notes: list[str] = []
    cleaned: dict[str, Mapping[str, Any]] = {}
    for name, facet in facets.items():
        cleaned[name] = _without_trace(name, facet, notes)
    if notes:
        run = document["run"]
        document = {**document, "run": {**run, "facets": {**run["facets"], **cleaned}}}
    kept, further = redact_secrets(document)
    return kept, (*notes, *further)


def _without_trace(name: str, facet: Mapping[str, Any], notes: list[str]) -> Mapping[str, Any]:
    kept = {key: value for key, value in facet.items() if key != _STACK}
    if len(kept) < len(facet):
        notes.append(f"{json_path(('run', 'facets', name, _STACK))}: stack trace")
    message = kept.get("message")
    if isinstance(message, str):
        text, kinds = clean_error(message)
        if text != message:
            kept["message"] = text
            notes += [f"{json_path(('run', 'facets', name, 'message'))}: {kind}" for kind in kinds or ("error text",)]
    return kept
