"""What a soak run knows for sure, to hold answers against: what was acknowledged, what was disturbed, and when."""

from __future__ import annotations

import hashlib
import statistics
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

_MIB = 2**20


@dataclass(frozen=True)
class Disturbance:
    """Something that was done to the server. For `grace` seconds from `at` on it may be away, or say 503."""

    at: float  #: seconds of the monotonic clock
    what: str
    grace: float


@dataclass
class Facts:
    """Shared by all threads of a run."""

    acknowledged: dict[int, str] = field(default_factory=dict)  #: entry -> SHA-256 of the body that was sent
    hostile: set[int] = field(default_factory=set)  #: entries of hostile input that was taken
    counts: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)  #: findings, each a sentence
    disturbances: list[Disturbance] = field(default_factory=list)
    slowest_start: float = 0.0  #: seconds, with the end of the server before it
    lock: threading.Lock = field(default_factory=threading.Lock)
    _starting: bool = False

    def count(self, what: str) -> None:
        """One more of these."""
        with self.lock:
            self.counts[what] += 1

    def found(self, sentence: str) -> None:
        """Something is wrong. The same thing is told a few times only."""
        with self.lock:
            self.counts["findings"] += 1
            if len(self.wrong) < 50:
                self.wrong.append(sentence)

    def acknowledge(self, entry: int, body: bytes) -> None:
        """A body was acknowledged under this number."""
        digest = hashlib.sha256(body).hexdigest()
        with self.lock:
            before = self.acknowledged.setdefault(entry, digest)
        if before != digest:
            self.found(f"entry {entry} was acknowledged for two different bodies")

    @property
    def newest(self) -> int:
        """The highest number that was acknowledged."""
        with self.lock:
            return max(self.acknowledged, default=0)

    def disturb(self, what: str, grace: float) -> None:
        """Say, before it is done, what is done to the server."""
        with self.lock:
            self.counts[what] += 1
            self.disturbances.append(Disturbance(time.monotonic(), what, grace))

    @contextmanager
    def starting(self, grace: float) -> Iterator[None]:
        """While this lasts, and for `grace` seconds afterwards, the server has a reason to be away."""
        with self.lock:
            self._starting = True
        begun = time.monotonic()
        yield
        with self.lock:
            self.slowest_start = max(self.slowest_start, time.monotonic() - begun)
            self._starting = False
        self.disturb("starts", grace)

    def disturbed(self, since: float) -> bool:
        """Whether between `since` and now the server had a reason to be away."""
        with self.lock:
            return self._starting or any(since < each.at + each.grace for each in self.disturbances)


@dataclass
class Memory:
    """The memory and the open files of one kind of process, over all of its lives."""

    name: str
    samples: list[tuple[float, int, int]] = field(default_factory=list)  #: (seconds, bytes, files)
    _born: dict[int, float] = field(default_factory=dict)

    def look(self, pid: int, young: float) -> None:
        """Take a sample, if the process is older than `young` seconds: it grows until all of it was used once."""
        now = time.monotonic()
        if now - self._born.setdefault(pid, now) < young:
            return
        with suppress(OSError, StopIteration, IndexError, ValueError):  # it ended at this moment
            lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
            used = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS"))
            self.samples.append((now, used, len(list(Path(f"/proc/{pid}/fd").iterdir()))))

    @property
    def growth(self) -> int:
        """The median of the last fifth less that of the first, in bytes; 0 for too few samples."""
        return self._of(1)

    @property
    def more_files(self) -> int:
        """The same of open files."""
        return self._of(2)

    def _of(self, column: int) -> int:
        fifth = len(self.samples) // 5
        if not fifth:
            return 0
        first, last = ([sample[column] for sample in part] for part in (self.samples[:fifth], self.samples[-fifth:]))
        return int(statistics.median(last) - statistics.median(first))

    def __str__(self) -> str:
        if len(self.samples) < 5:
            return f"{self.name}: too few samples"
        times, used = [at / 3600 for at, _, _ in self.samples], [size / _MIB for _, size, _ in self.samples]
        slope = statistics.linear_regression(times, used).slope
        first, last = self.samples[0], self.samples[-1]
        return (
            f"{self.name}: {first[1] / _MIB:.0f} MiB at the start, {last[1] / _MIB:.0f} MiB at the end, at most"
            f" {max(used):.0f}; slope {slope:+.1f} MiB/h over {len(used)} samples; {first[2]} files, then {last[2]}"
        )
