"""The machine: what it is, how long its disk takes to sync, what a process has used."""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Sequence
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK")


def hardware() -> str:
    """One line about the hardware."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    model = models[0] if models else platform.machine()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    python = platform.python_version()
    return f"{os.cpu_count()} cores ({model}), {memory:.0f} GiB, Python {python}, load {os.getloadavg()[0]:.1f}"


def fdatasync_ms(folder: Path, times: int = 200) -> list[float]:
    """How long the disk takes to sync a page, in ms."""
    probe = folder / "probe"
    out = []
    with probe.open("wb") as file:
        for _ in range(times):
            file.write(b"x" * 4_096)
            file.flush()
            begin = time.perf_counter()
            os.fdatasync(file.fileno())
            out.append((time.perf_counter() - begin) * 1_000)
    probe.unlink()
    return out


def family(pid: int) -> list[int]:
    """A process and those that it started (Linux)."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(each for child in children for each in family(int(child)))]


def cpu_seconds(pid: int) -> float:
    """CPU time that a process and its children have used (Linux)."""
    stats = (Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split() for each in family(pid))
    return sum(int(fields[11]) + int(fields[12]) for fields in stats) / _TICK


def memory_mib(pid: int, field: str) -> float:
    """VmRSS or VmHWM of a process and its children, in MiB (Linux)."""
    files = (Path(f"/proc/{each}/status").read_text().splitlines() for each in family(pid))
    return sum(next(int(line.split()[1]) for line in lines if line.startswith(field)) for lines in files) / 1_024


def percentile(values: Sequence[float], part: float) -> float:
    """The value below which `part` of the values lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]


def median(values: Sequence[float]) -> float:
    """The middle value."""
    return statistics.median(values)
