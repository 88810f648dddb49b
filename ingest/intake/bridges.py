"""The one table of bridges: every kind of payload that Headwater takes, by the kind of its ledger entries.

A new format is one more row here, and one module beside this one. No other module knows a kind by its name.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from headwater.ingest.intake.bridge import Bridge
from headwater.ingest.intake.openlineage import OPENLINEAGE
from headwater.ingest.intake.spline import EVENTS, PLANS
from headwater.ingest.intake.statements import STATEMENTS

_ROWS = (PLANS, EVENTS, OPENLINEAGE, STATEMENTS)
BRIDGES: Mapping[str, Bridge] = MappingProxyType({bridge.kind: bridge for bridge in _ROWS})
"""Kind of a ledger entry -> its bridge, in the order in which files are looked at for `headwater load`."""
