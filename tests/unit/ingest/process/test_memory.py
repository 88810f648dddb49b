"""Memory that was freed goes back to the system; the garbage collector is told to look less often."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[4]

_FREED = """
import os
from headwater.ingest.process.memory import Returning

returning = Returning()
assert not returning.look(), "nothing has grown so far"
pieces = [bytes(50_000) + b"x" for _ in range(2_000)]  # 100 MB, in pieces that glibc does not map one by one
last = pieces[-1]  # behind all others: while it is there the heap does not shrink by itself
pieces.clear()
resident = lambda: int(open("/proc/self/statm").read().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 2**20
before = resident()
assert returning.look()
assert not returning.look(), "it has just been given back"
print(before - resident())
"""

_COLLECTED = """
import gc
from headwater.ingest.process.memory import collect_rarely

collect_rarely()
print(gc.get_freeze_count() > 1_000, gc.get_threshold()[0] > 700, gc.isenabled())
"""


def _printed(program: str) -> str:
    run = subprocess.run(
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(_ROOT)},
    )
    return run.stdout.strip()


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="needs glibc, which keeps memory that was freed")
def test_what_was_freed_goes_back_to_the_system() -> None:
    assert int(_printed(_FREED)) > 80


def test_what_maps_plans_looks_after_more_objects_than_a_large_plan_has() -> None:
    program = _COLLECTED.replace("collect_rarely", "PLANS, collect_rarely", 1).replace("rarely()", "rarely(PLANS)")
    assert _printed(program.replace("> 700", "> 100_000")) == "True True True"


def test_garbage_is_looked_for_less_often_and_still_looked_for() -> None:
    assert _printed(_COLLECTED) == "True True True"
