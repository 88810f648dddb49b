"""The recorded jobs' scripts, run live: what the Python agent captures of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from headwater.spline_bridge.agent import is_write, read
from tests.golden.recorded import PAYLOADS
from tests.spark.captures import Heard

_LAKE = "/data/lake"


@dataclass
class Ear:
    """A query listener that keeps what it hears of writes. `failed` is what went wrong while it listened."""

    heard: list[Heard] = field(default_factory=list)
    failed: list[BaseException] = field(default_factory=list)

    def onSuccess(self, name: str, execution: Any, duration: int) -> None:  # noqa: N802 - Java's name
        self._note(name, execution, None)

    def onFailure(self, name: str, execution: Any, exception: Any) -> None:  # noqa: N802 - Java's name
        self._note(name, execution, str(exception.toString()))

    def _note(self, name: str, execution: Any, error: str | None) -> None:
        try:
            if is_write(name, execution):
                self.heard.append(Heard(read(execution), error))
        except Exception as failure:  # noqa: BLE001 - raised where the job's writes are asked for
            self.failed.append(failure)

    class Java:
        implements = ("org.apache.spark.sql.util.QueryExecutionListener",)


def listening(spark: Any) -> Ear:
    """An ear at the session's door."""
    from pyspark.java_gateway import ensure_callback_server_started

    ensure_callback_server_started(spark.sparkContext._gateway)  # type: ignore[no-untyped-call]
    ear = Ear()
    spark._jsparkSession.listenerManager().register(ear)
    return ear


def run(job: str, spark: Any, ear: Ear, lake: Path) -> list[Heard]:
    """The writes of a recorded script, run with its lake elsewhere."""
    ear.heard.clear()
    script = (PAYLOADS / job / "job.py").read_text().replace(_LAKE, str(lake)).replace("spark.stop()", "")
    exec(compile(script, f"{job}/job.py", "exec"), {"__name__": "__main__"})
    spark.sparkContext._jsc.sc().listenerBus().waitUntilEmpty()
    if ear.failed:
        raise ear.failed[0]
    return list(ear.heard)
