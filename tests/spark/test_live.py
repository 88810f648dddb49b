"""A real Spark session whose writes are reported over HTTP to a real server, and what the server answers then."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import headwater.spark
from headwater import WrongUse
from tests.acceptance.door import PATIENCE, Server, serving
from tests.acceptance.door import headwater as command
from tests.acceptance.spline_server import Reply, spline_server
from tests.spark.session import ended, needs_spark, session

#: A JVM starts, on a machine that may have more to do.
pytestmark = [
    pytest.mark.spark,
    pytest.mark.timeout(1_800),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # of PySpark's sockets
]

#: A port of loopback on which nobody listens.
AWAY = "http://127.0.0.1:9"


@dataclass(frozen=True)
class World:
    """Spark, a server, and a lake."""

    spark: Any
    server: Server
    lake: Path

    @contextmanager
    def captured(self, **settings: Any) -> Iterator[headwater.spark.Capture]:
        """Captured until the end of the block; what was written is sent then."""
        given = {
            "url": self.server.url,
            "strict": True,
            "flush_seconds": PATIENCE,
            "capture_seconds": PATIENCE,
            **settings,
        }
        capture = headwater.spark.capture(self.spark, **given)
        try:
            yield capture
        finally:
            self.heard()
            capture.stop()

    def heard(self) -> None:
        """Wait until Spark's listeners were told of all that happened."""
        self.spark.sparkContext._jsc.sc().listenerBus().waitUntilEmpty(int(PATIENCE * 1_000))

    def ask(self, path: str, server: Server | None = None, **parameters: str) -> Any:
        """An answer of the server, once all that it has is in the graph."""
        server = server or self.server
        given = "&".join(f"{name}={value}" for name, value in parameters.items())
        status, answer = server.get(f"/api/v1/{path}?after={server.get('/ready')[1]['entries']}&{given}")
        assert status == 200, answer
        return answer

    def edges(self, dataset: str, server: Server | None = None) -> set[tuple[str, str]]:
        """The column edges upstream of a dataset; names without the lake's path."""
        answer = self.ask("lineage", server, node=self.path(dataset), level="column")
        return {(self._short(each["source"]), self._short(each["target"])) for each in answer["edges"]}

    def runs(self, job: str) -> list[dict[str, Any]]:
        """The runs of a job, oldest first."""
        rows: list[dict[str, Any]] = self.ask("queries/runs", job=f"spark/{job}")["rows"]
        return rows[::-1]

    def path(self, dataset: str) -> str:
        return f"file://{self.lake}/{dataset}"

    def _short(self, node: str) -> str:
        return node.removeprefix(self.path(""))

    def mart(self, name: str, spark: Any = None) -> None:
        """A raw dataset, and one that is made from it."""
        raw, spark = self.path(f"{name}/raw"), spark or self.spark
        spark.range(4).selectExpr("id % 2 AS kind", "id * 3 AS price").write.mode("overwrite").parquet(raw)
        sums = spark.read.parquet(raw).groupBy("kind").sum("price").toDF("kind", "revenue")
        sums.write.mode("overwrite").parquet(self.path(f"{name}/mart"))


def mart(name: str) -> set[tuple[str, str]]:
    """The edges that `World.mart` makes."""
    return {(f"{name}/raw#kind", f"{name}/mart#kind"), (f"{name}/raw#price", f"{name}/mart#revenue")}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    needs_spark()
    folder = tmp_path_factory.mktemp("live")
    with serving(folder / "data") as server:
        spark = session(str(folder))
        yield World(spark, server, folder / "lake")
        ended(spark)


def test_three_lines_give_column_lineage(world: World) -> None:
    with world.captured():
        world.mart("three")
    assert world.edges("three/mart") == mart("three")


def test_the_settings_come_from_spark_too(world: World) -> None:
    world.spark.conf.set("spark.headwater.url", world.server.url)
    world.spark.conf.set("spark.headwater.jobName", "renamed")
    with world.captured(url=None):
        world.mart("conf")
    world.spark.conf.unset("spark.headwater.url")
    world.spark.conf.unset("spark.headwater.jobName")
    assert len(world.runs("renamed")) == 2


def test_a_second_capture_is_the_first_and_new_sessions_are_captured_too(world: World) -> None:
    with world.captured(job_name="sessions") as capture:
        assert headwater.spark.capture(world.spark, AWAY) is capture
        again = world.spark.builder.getOrCreate()
        assert headwater.spark.capture(again, world.server.url) is capture
        world.mart("sessions", world.spark.newSession())
    assert world.edges("sessions/mart") == mart("sessions")
    assert len(world.runs("sessions")) == 2


def test_nothing_is_captured_after_stop(world: World) -> None:
    other = world.spark.newSession()
    with world.captured() as capture:
        headwater.spark.capture(other)
    assert not capture.active
    before = world.ask("stats")["entries"]
    world.mart("stopped")
    world.mart("stopped", other)
    world.heard()
    assert world.ask("stats")["entries"] == before


class Other:
    """Somebody else's listener."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def onSuccess(self, name: str, _execution: Any, _duration: int) -> None:  # noqa: N802 - Java's name
        self.heard.append(name)

    def onFailure(self, name: str, _execution: Any, _error: Any) -> None:  # noqa: N802 - Java's name
        self.heard.append(name)

    class Java:
        """For py4j."""

        implements = ("org.apache.spark.sql.util.QueryExecutionListener",)


def test_other_listeners_stay(world: World) -> None:
    from headwater.spark import sessions

    other = Other()
    proxy = sessions.proxy_of(world.spark, other)
    sessions.register(world.spark, proxy)
    with world.captured(job_name="others"):
        world.mart("others")
    world.mart("others")
    world.heard()
    sessions.unregister(world.spark, proxy)
    assert other.heard.count("command") == 4
    assert len(world.runs("others")) == 2


def test_a_failed_run_comes_with_its_error_and_times(world: World) -> None:
    with world.captured(job_name="failing"):
        world.mart("failing")
        with suppress(Exception):
            world.spark.read.parquet(world.path("failing/raw")).write.parquet(world.path("failing/mart"))
    runs = world.runs("failing")
    errors = [(run["error"] or "").partition(":")[0] for run in runs]
    assert errors == ["", "", "org.apache.spark.sql.AnalysisException"]
    assert [run["durationNs"] is None for run in runs] == [False, False, True]
    assert world.edges("failing/mart") == mart("failing")


def test_streams_are_captured_batch_by_batch(world: World) -> None:
    spark = world.spark
    spark.range(4).selectExpr("id", "id * 3 AS price").write.parquet(world.path("stream/raw"))
    stream = spark.readStream.schema("id long, price long").parquet(world.path("stream/raw"))
    stream = stream.selectExpr("price + 1 AS dearer")
    listening: list[int] = []

    def function(frame: Any, _number: int) -> None:
        listening.append(len(frame.sparkSession._jsparkSession.streams().listListeners()))
        frame.write.mode("append").parquet(world.path("stream/function"))

    def run(name: str, writer: Any) -> None:
        writer = writer.option("checkpointLocation", world.path(f"stream/checkpoint-{name}"))
        writer.trigger(availableNow=True).start().awaitTermination()

    with world.captured(job_name="stream"):
        run("function", stream.writeStream.foreachBatch(function))
        run("files", stream.writeStream.format("parquet").option("path", world.path("stream/files")))
    assert listening == [0]  # the clone that a batch comes in has no listener of its own
    assert len(world.runs("stream")) == 2
    assert world.edges("stream/files") == {("stream/raw#price", "stream/files#dearer")}


def test_a_stream_with_a_watermark_is_told_though_its_newest_batch_has_no_data(world: World) -> None:
    """After a batch with data Spark runs one without: to write what the watermark has closed by then."""
    from pyspark.sql import functions

    spark = world.spark
    spark.sql("SELECT timestamp'2026-01-01 00:00:00' AS at, 3 AS price").write.json(world.path("late/raw"))
    stream = spark.readStream.schema("at timestamp, price long").json(world.path("late/raw"))
    hours = stream.withWatermark("at", "1 minute").groupBy(functions.window("at", "1 hour"))
    writer = hours.agg(functions.max("price").alias("most")).select("window.start", "most").writeStream
    with world.captured(job_name="late"):
        writer = writer.format("parquet").option("path", world.path("late/hours"))
        writer = writer.option("checkpointLocation", world.path("late/checkpoint"))
        writer.trigger(availableNow=True).start().awaitTermination()
        function = hours.agg(functions.max("price").alias("most")).writeStream.outputMode("update")
        function = function.option("checkpointLocation", world.path("late/checkpoint-function"))
        function = function.foreachBatch(lambda rows, _: rows.write.mode("append").parquet(world.path("late/batches")))
        function.trigger(availableNow=True).start().awaitTermination()
    assert world.edges("late/hours") == {
        ("late/raw#at", "late/hours#start"),
        ("late/raw#price", "late/hours#most"),
    }
    assert world.edges("late/batches") == {
        ("late/raw#at", "late/batches#window"),
        ("late/raw#price", "late/batches#most"),
    }


def test_a_condition_on_thousands_of_values_is_told_without_them(world: World) -> None:
    """Spark's JSON of such a list takes time that grows with its square: minutes for 20,000 values."""
    spark = world.spark
    spark.range(4).selectExpr("id", "id * 3 AS price").write.parquet(world.path("list/raw"))
    frame = spark.read.parquet(world.path("list/raw"))
    frame = frame.where(frame.id.isin(list(range(1_500)))).select("price")
    with world.captured(job_name="list"):
        frame.write.parquet(world.path("list/out"))
        frame.write.saveAsTable("listed")
    spark.sql("DROP TABLE listed")
    assert world.edges("list/out") == {("list/raw#price", "list/out#price")}
    assert len(world.runs("list")) == 3
    answer = world.ask("lineage", node=world.path("list/out"), level="column", type="all")
    shown = {edge["expression"] for edge in answer["edges"] if edge["subtype"] == "FILTER"}
    assert shown == {"id IN (...)"}


def test_a_table_under_a_new_name_comes_from_where_it_was(world: World) -> None:
    spark = world.spark
    spark.range(4).selectExpr("id", "id * 3 AS price").write.parquet(world.path("moved/raw"))
    spark.sql(f"CREATE TABLE stays USING parquet LOCATION '{world.path('moved/raw')}'")
    with world.captured(job_name="moved"):
        spark.sql("CREATE TABLE first_name USING parquet AS SELECT id FROM stays")
        spark.sql("ALTER TABLE first_name RENAME TO second_name")
        spark.sql("ALTER TABLE stays RENAME TO stays_too")
        spark.table("second_name").write.parquet(world.path("moved/out"))
    spark.sql("DROP TABLE second_name")
    spark.sql("DROP TABLE stays_too")
    found = {(source.rpartition("/")[2], target.rpartition("/")[2]) for source, target in world.edges("moved/out")}
    assert found == {("raw#id", "first_name#id"), ("first_name#id", "second_name#id"), ("second_name#id", "out#id")}


class DynamicFrame:
    """Glue's class is on Glue alone: as much of it as the helper touches."""

    def __init__(self, frame: Any) -> None:
        self.frame = frame

    def toDF(self) -> Any:  # noqa: N802 - Glue's name
        return self.frame


class GlueContext:
    """As Glue does it, a write goes past Spark's listeners; this one writes nothing at all."""

    def __init__(self) -> None:
        self.write_dynamic_frame = self

    def from_options(self, *, frame: Any, connection_type: str, connection_options: Any, **_more: Any) -> Any:
        if connection_type != "s3":
            raise ValueError("no such connection")
        return frame

    def from_catalog(self, *, frame: Any, database: str, table_name: str) -> Any:
        return frame


def test_a_dynamic_frame_is_reported_by_the_plan_of_its_data_frame(world: World) -> None:
    spark, glue = world.spark, GlueContext()
    world.mart("dynamic")
    spark.sql(f"CREATE TABLE kinds (kind BIGINT, twice BIGINT) USING parquet LOCATION '{world.path('dynamic/kinds')}'")
    data = spark.read.parquet(world.path("dynamic/raw"))
    frame = DynamicFrame(data.selectExpr("kind", "price * 2 AS twice"))
    target = {"path": world.path("dynamic/out"), "partitionKeys": ["kind"]}
    with world.captured(job_name="dynamic"):
        written = headwater.spark.write_dynamic_frame(
            glue, frame, connection_type="s3", connection_options=target, format="glueparquet"
        )
        headwater.spark.write_dynamic_frame(glue, frame, database="default", table_name="kinds")
        with pytest.raises(ValueError, match="no such connection"):
            headwater.spark.write_dynamic_frame(glue, frame, connection_type="nowhere", connection_options=target)
    spark.sql("DROP TABLE kinds")
    assert written is frame
    for out in ("out", "kinds"):
        assert world.edges(f"dynamic/{out}") == {
            ("dynamic/raw#kind", f"dynamic/{out}#kind"),
            ("dynamic/raw#price", f"dynamic/{out}#twice"),
        }
    assert not Path(str(world.lake / "dynamic/out")).exists()


def test_a_dynamic_frame_without_a_path_is_one_line(world: World, caplog: pytest.LogCaptureFixture) -> None:
    frame = DynamicFrame(world.spark.range(1))
    with world.captured():
        headwater.spark.write_dynamic_frame(GlueContext(), frame, connection_type="s3", connection_options={})
    assert "headwater: the write of a DynamicFrame is not reported: its target has no path" in caplog.messages


def test_what_the_server_missed_is_spooled_and_gives_the_same_answer(world: World, tmp_path: Path) -> None:
    with world.captured(url=AWAY, spool=str(tmp_path / "spool"), attempts=1):
        world.mart("spooled")
    assert len(list((tmp_path / "spool").iterdir())) == 2
    with serving(tmp_path / "data") as later:
        assert command("load", tmp_path / "spool", "--server", later.url).returncode == 0
        assert world.edges("spooled/mart", later) == mart("spooled")


def test_a_server_that_never_answers_does_not_hold_the_job(world: World, tmp_path: Path) -> None:
    with spline_server(lambda _request: Reply(None)) as hanging:
        settings = {"url": hanging.url, "spool": str(tmp_path), "timeout_seconds": 600, "flush_seconds": 10}
        with world.captured(**settings):
            world.mart("hanging")
    assert len(list(tmp_path.iterdir())) == 2


def test_a_plan_above_the_limit_is_one_line(world: World, caplog: pytest.LogCaptureFixture) -> None:
    with world.captured(max_plan_mb=0.001):
        world.mart("large")
    lines = [record.getMessage() for record in caplog.records if record.name == "headwater.spark"]
    assert sum("is above spark.headwater.maxPlanMb" in line for line in lines) == 2


def test_what_cannot_be_captured_is_one_line_and_an_error_if_asked_for(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    assert not headwater.spark.capture(world.spark, "lake:9090").active
    assert not headwater.spark.capture(world.spark, world.server.url, enabled=False).active
    expected = "url is not a URL like https://HOST:9090, without a password, a query or a blank in it"
    said = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert said == [f"headwater: nothing is captured: {expected}"]
    with pytest.raises(WrongUse, match="no server is named"):
        headwater.spark.capture(world.spark, strict=True)
