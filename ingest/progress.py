"""How long work says how far it is: the one type of callback that each room of ingest, and the CLI, passes on.

Imports nothing. How it is shown (a bar on a terminal) is the CLI's business: `headwater.cli.common.progress`.
"""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["Progress"]

#: Called with (done, of): how many entries or files are done, and how many there are in all. `of` may grow.
Progress = Callable[[int, int], None]
