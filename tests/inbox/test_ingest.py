"""From an inbox into the ledger and the graph: what is parked, what comes twice, SQS, two at once, a new machine."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

from headwater.aws_bridge.session import Session
from headwater.aws_bridge.sqs import Queue, region_of
from headwater.graphmodel.statements.json_text import CONTENT_TYPE, KIND
from headwater.graphstore import open_store
from headwater.ingest.folder.targets import tables_of
from headwater.ingest.graph import recovery, table_recovery
from headwater.ingest.graph.ownership import GraphTaken
from headwater.ingest.http.tokens import TokenStore
from headwater.ingest.inbox.queue import QueuedFiles
from headwater.ingest.inbox.reading import InboxReader, Waiting
from headwater.ingest.intake.envelope import file_of
from headwater.ingest.ledger.entries import LedgerInUse, NewEntry
from headwater.ingest.ledger.export import check_export
from headwater.ingest.places.file_storage import LocalFolder, ObjectStorage
from headwater.ingest.process.ingest_api import ApiSettings, answering
from tests.acceptance.door import PATIENCE, ROOT, ended, environment, headwater
from tests.gremlin_server.server import Server
from tests.inbox.cloud import BUCKET, REGION, Cloud
from tests.inbox.world import NOON, event_plans, files, graph, ingester, plan_ids, quiet, replayed


@pytest.fixture
def places(tmp_path: Path) -> tuple[LocalFolder, LocalFolder]:
    return LocalFolder(tmp_path / "inbox"), LocalFolder(tmp_path / "ledger")


def put(inbox: ObjectStorage, numbers: range) -> None:
    for name, content in files(numbers):
        inbox.write(name, content)


def test_all_is_in_ledger_and_graph_and_the_inbox_is_empty(
    places: tuple[LocalFolder, LocalFolder], tmp_path: Path
) -> None:
    inbox, ledger = places
    put(inbox, range(20))
    with ingester(inbox, ledger, tmp_path / "data") as made:
        made.run(once=True)
        put(inbox, range(15, 25))  # some of these came before
        made.run(once=True)
        assert (made.counts.new, made.counts.known, list(inbox.listed())) == (50, 10, [])
        assert graph(made) == replayed(ledger, tmp_path / "clean")
    assert (len(set(plan_ids(ledger))), len(plan_ids(ledger))) == (25, 25)
    assert sorted(plan_ids(ledger)) == sorted(event_plans(ledger))
    assert check_export(ledger, quiet).entries == 50


def test_the_sender_is_that_of_the_receiver(places: tuple[LocalFolder, LocalFolder], tmp_path: Path) -> None:
    inbox, ledger = places
    put(inbox, range(1, 2))
    with ingester(inbox, ledger, tmp_path / "data") as made:
        made.run(once=True)
        assert {entry.sender for entry in made.ledger.read(0, 10)} == {"glue"}


def test_what_is_no_payload_is_parked_with_its_reason_and_holds_up_nothing(
    places: tuple[LocalFolder, LocalFolder], tmp_path: Path
) -> None:
    inbox, ledger = places
    inbox.write("2026-03-01/broken.json", b"{")
    inbox.write("2026-03-01/bad-plan.json", json.dumps({"operations": {"write": {}}}).encode())
    inbox.write("2026-03-01/packed.json.gz", b"\x1f\x8b not gzip")
    inbox.write("2026-03-01/notes.txt", b"hello")
    good = json.dumps(json.loads(files(range(7, 8))[0][1])).encode()
    inbox.write("2026-03-01/lines.ndjson", good + b"\n{}\n")
    with ingester(inbox, ledger, tmp_path / "data") as made:
        made.run(once=True)
        assert (made.counts.parked, made.reader.parked(), made.counts.new) == (4, 4, 2)
    assert list(inbox.listed("2026")) == ["2026-03-01/notes.txt"]
    assert inbox.read("parked/2026-03-01/broken.json") == b"{"
    reasons = {name: inbox.read(name).decode() for name in inbox.listed("parked/") if name.endswith(".reason.txt")}
    assert "not JSON" in reasons["parked/2026-03-01/broken.json.reason.txt"]
    assert "operations" in reasons["parked/2026-03-01/bad-plan.json.reason.txt"]
    assert reasons["parked/2026-03-01/lines.ndjson.reason.txt"].startswith("line 2: neither")


def test_who_may_write_the_inbox_states_nothing_by_that(
    places: tuple[LocalFolder, LocalFolder], tmp_path: Path
) -> None:
    """The right to report what ran is not the right to say what is ignored, or what a catalog says."""
    inbox, ledger = places
    tag = {"kind": "tag", "subject": "job:spark/x", "value": "ignored"}
    for said in (tag, {"source": "glue", "scope": "db", "statements": []}):
        inbox.write(*file_of(NewEntry(KIND, CONTENT_TYPE, json.dumps(said).encode(), "glue"), NOON))
    with ingester(inbox, ledger, tmp_path / "data") as made:
        made.run(once=True)
        assert (made.counts.new, made.counts.parked) == (0, 2)
    reasons = [name for name in inbox.listed("parked/") if name.endswith(".reason.txt")]
    assert all(b"is not known" in inbox.read(name) for name in reasons)


def test_statements_are_taken_where_questions_are_answered(
    places: tuple[LocalFolder, LocalFolder], tmp_path: Path
) -> None:
    inbox, ledger = places
    put(inbox, range(1))
    folder = tmp_path / "data"
    admin, read = (TokenStore(folder).add([scope], scope) for scope in ("admin", "read"))
    with ingester(inbox, ledger, folder) as made:
        made.run(once=True)
        made.service.settle()
        (job, *_) = sorted(made.service.store.g.V().has_label("job").id_().to_list())
        with answering(ApiSettings(folder, "127.0.0.1", 0), made.service) as url:
            tagged = headwater("tag", job, "gold", "--server", url, HEADWATER_TOKEN=admin)
            assert (tagged.returncode, tagged.stderr) == (0, "")
            refused = headwater("tag", job, "gold", "--server", url, HEADWATER_TOKEN=read)
            assert (refused.returncode, "scope annotate" in refused.stderr) == (2, True)
            unknown = headwater("tag", "job:no/such", "gold", "--server", url, HEADWATER_TOKEN=admin)
            assert (unknown.returncode, "no/such" in unknown.stderr) == (2, True)
            put(inbox, range(1, 2))  # the ingester goes on behind it
            made.run(once=True)
            made.service.settle()
            asked = headwater("query", "tagged", "tag=gold", "--json", "--server", url, HEADWATER_TOKEN=read)
            assert job in asked.stdout
        assert made.service.ledger.count() == 5
        assert [entry.sender for entry in made.service.ledger.of_kind(KIND)] == ["admin"]
    assert check_export(ledger, quiet).entries == 5


def empty(server: Server) -> str:
    """The URL of a graph of the server, emptied."""
    url = server.url()
    with open_store(url) as store:
        store.clear()
    return url


def queued(aws: Cloud, inbox: ObjectStorage, name: str) -> tuple[str, Callable[[InboxReader], QueuedFiles]]:
    """A queue; its URL, and a source that reads it."""
    url = aws.client("sqs").create_queue(QueueName=name, Attributes={"VisibilityTimeout": "30"})["QueueUrl"]
    return url, lambda reader: QueuedFiles(Queue(Session(REGION), url, aws.url), inbox, reader, wait_seconds=0)


def told(aws: Cloud, url: str, *keys: str, bucket: str = BUCKET) -> None:
    """S3's message for new objects; keys come encoded as in a form."""
    records = [
        {"eventName": "ObjectCreated:Put", "s3": {"bucket": {"name": bucket}, "object": {"key": k}}} for k in keys
    ]
    aws.client("sqs").send_message(QueueUrl=url, MessageBody=json.dumps({"Records": records}))


def test_messages_tell_of_files_and_go_when_these_are_in_the_ledger(aws: Cloud, tmp_path: Path) -> None:
    inbox, ledger = aws.prefix("queued/inbox"), LocalFolder(tmp_path / "ledger")
    url, source = queued(aws, inbox, "queued")
    sqs = aws.client("sqs")
    with ingester(inbox, ledger, tmp_path / "data", source=source) as made:
        source_made = made.source
        assert isinstance(source_made, QueuedFiles)
        source_made._listed = source_made._clock()  # nothing is listed: only messages tell
        put(inbox, range(3))
        inbox.write("2026-03-01/with a+blank ä.json", files(range(7, 8))[0][1])
        for name in inbox.listed():
            if "blank" not in name:
                told(aws, url, f"queued/inbox/{name}")
                told(aws, url, f"queued/inbox/{name}")  # twice
        told(aws, url, "queued/inbox/2026-03-01/with+a%2Bblank+%C3%A4.json", "queued/inbox/parked/x.json")
        told(aws, url, "queued/inbox/2026-03-01/gone.json", "elsewhere/x.json")
        told(aws, url, "queued/inbox/2026-03-01/x.json", bucket="other")
        sqs.send_message(QueueUrl=url, MessageBody=json.dumps({"Event": "s3:TestEvent"}))
        sqs.send_message(QueueUrl=url, MessageBody="hello")
        assert made.step() > 0
        assert (made.counts.new, list(inbox.listed("2026"))) == (8, [])
        assert sqs.receive_message(QueueUrl=url).get("Messages", []) == []
        (parked,) = inbox.listed("parked/")
        assert (parked.startswith("parked/messages/"), inbox.read(parked)) == (True, b"hello")


def test_a_file_that_no_message_told_of_is_found(aws: Cloud, tmp_path: Path) -> None:
    inbox = aws.prefix("silent/inbox")
    put(inbox, range(3))
    _, source = queued(aws, inbox, "silent")
    with ingester(inbox, LocalFolder(tmp_path / "ledger"), tmp_path / "data", source=source) as made:
        assert made.step() > 0
        assert list(inbox.listed()) == []


def test_the_region_of_a_queue() -> None:
    assert region_of("https://sqs.eu-west-1.amazonaws.com/123456789012/inbox") == "eu-west-1"
    assert region_of("http://127.0.0.1:5000/123456789012/inbox") is None


def test_of_two_ingesters_one_stops_and_nothing_is_lost_or_twice(
    places: tuple[LocalFolder, LocalFolder], tmp_path: Path
) -> None:
    inbox, ledger = places
    put(inbox, range(10))
    with ingester(inbox, ledger, tmp_path / "a") as first, ingester(inbox, ledger, tmp_path / "b") as second:
        waiting = second.source.take(5)
        first.run(once=True)
        put(inbox, range(10, 20))
        with pytest.raises(LedgerInUse):
            second._keep(list(second.reader.read(waiting)) + list(second.reader.read(second.source.take(5))))
        with pytest.raises(LedgerInUse):
            second.run(once=True)
        first.run(once=True)
    assert len(plan_ids(ledger)) == len(set(plan_ids(ledger))) == 20


def test_a_new_machine_fences_the_older_one_in_the_graph(
    places: tuple[LocalFolder, LocalFolder], tmp_path: Path, gremlin_server: Server
) -> None:
    """The graph is one for both: the newer one takes the next epoch, and the older one stops."""
    url = empty(gremlin_server)
    inbox, ledger = places
    put(inbox, range(5))
    with ingester(inbox, ledger, tmp_path / "a", url) as first:
        first.run(once=True)
        first.service.settle()
        with ingester(inbox, ledger, tmp_path / "b", url) as second:
            put(inbox, range(5, 8))
            second.run(once=True)
            second.service.settle()
            first.service.projector.wake()
            with pytest.raises((GraphTaken, LedgerInUse)):
                first.run(once=True)


@pytest.mark.parametrize("gap", [1_000, 2], ids=["a batch behind", "far behind"])
def test_a_new_machine_goes_on_from_a_snapshot(
    places: tuple[LocalFolder, LocalFolder],
    tmp_path: Path,
    gremlin_server: Server,
    gap: int,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Tables that are older than the graph are brought up from the ledger; neither they nor the graph are made anew."""
    monkeypatch.setattr(table_recovery, "GAP", gap)
    monkeypatch.setattr(recovery, "GAP", gap)
    url = empty(gremlin_server)
    inbox, ledger = places
    kept = LocalFolder(tmp_path / "snapshots")
    put(inbox, range(6))
    with ingester(inbox, ledger, tmp_path / "a", url, snapshots=kept) as made:
        made.run(once=True)
        made.service.settle()
        made.save()
        put(inbox, range(6, 9))
        made.run(once=True)
        made.service.settle()
        expected = graph(made)
    put(inbox, range(9, 10))
    with ingester(inbox, ledger, tmp_path / "b", url, snapshots=kept) as made:
        assert tables_of(tmp_path / "b", url).exists()
        made.run(once=True)
        assert (made.counts.new, set(expected[0]) - set(graph(made)[0])) == (2, set())
        assert graph(made) == replayed(ledger, tmp_path / "clean")
    assert "drawn anew" not in caplog.text


def test_the_command_until_sigterm(aws: Cloud, tmp_path: Path) -> None:
    inbox = aws.prefix("command/inbox")
    put(inbox, range(5))
    where = {**aws.environment(), "HEADWATER_DATA": str(tmp_path / "data")}
    given = ["--inbox", f"s3://{BUCKET}/command/inbox", "--ledger", f"s3://{BUCKET}/command/ledger"]
    given += ["--snapshots", f"s3://{BUCKET}/command/snapshots"]
    once = headwater("ingest", *given, "--once", "--json", **where)
    assert (once.returncode, json.loads(once.stdout)["new"]) == (0, 10), once.stderr
    access_log = tmp_path / "access.log"
    command = [sys.executable, "-m", "headwater", "ingest", *given, "--port", "0"]
    command += ["--access-log", str(access_log), "--log-format", "json"]
    lines: list[str] = []
    with ended(
        subprocess.Popen(command, stderr=subprocess.PIPE, env=environment(**where), cwd=ROOT, text=True)
    ) as process:
        assert process.stderr is not None
        while not lines or "ingests" not in lines[-1]:
            lines.append(process.stderr.readline())
            assert lines[-1], "".join(lines)  # it is still there
        (url,) = (line.split()[-1] for line in lines if "answers at" in line)
        with urllib.request.urlopen(f"{url}/api/v1/stats", timeout=PATIENCE) as answer:
            assert json.load(answer)["entries"] == 10
        with urllib.request.urlopen(f"{url}/ready", timeout=PATIENCE) as answer:
            assert answer.status == 200
        put(inbox, range(5, 6))  # two files, which one line of the log tells, or one each
        while sum(map(int, re.findall(r'"message": "[0-9]+ files?: ([0-9]+) new entr', "".join(lines)))) < 2:
            lines.append(process.stderr.readline())
            assert lines[-1], "".join(lines)  # it is still there
        process.send_signal(signal.SIGTERM)
        assert (process.communicate(timeout=PATIENCE)[1] is not None, process.returncode) == (True, 0)
    assert json.loads(lines[-1])["level"] == "info"
    assert [json.loads(line)["path"] for line in access_log.read_text().splitlines()] == ["/api/v1/stats"]
    names = {key.rpartition("/")[2] for key in aws.keys("command/snapshots/")}
    assert names == {"snapshot.json", "known.sqlite", "derived.sqlite"}
    asked = headwater("ledger", "check", f"s3://{BUCKET}/command/ledger", "--json", **where)
    assert json.loads(asked.stdout)["entries"] == 12


def test_questions_to_the_data_folder_of_an_ingester_are_answered_and_no_second_ledger_begins(tmp_path: Path) -> None:
    inbox, ledger, data = (tmp_path / name for name in ("inbox", "ledger", "data"))
    put(LocalFolder(inbox), range(3))
    done = headwater("ingest", "--inbox", inbox, "--ledger", ledger, "--data", data, "--once", "--json")
    assert json.loads(done.stdout)["new"] == 6, done.stderr
    asked = headwater("query", "jobs", "--json", "--data", data)
    assert json.loads(asked.stdout)["rows"], asked.stderr
    before = sorted(data.rglob("*"))
    assert f"{data.stat().st_mode & 0o777:o}" == "700"
    (tmp_path / "payload.json").write_bytes(files(range(7, 8))[0][1])
    for command in (("load", tmp_path / "payload.json"), ("serve", "--port", "0"), ("verify",), ("replay", "--yes")):
        refused = headwater(*command, "--data", data)
        assert refused.returncode == 2, command
        named = f"{data} is the data folder of `headwater ingest`, whose ledger is {ledger}"
        assert named in refused.stderr
    assert sorted(data.rglob("*")) == before
    assert f"whose ledger is {ledger}" in headwater("doctor", "--data", data).stdout
    checked = headwater("verify", ledger)
    assert (checked.returncode, checked.stdout.startswith("ok: 6 entries")) == (0, True), checked.stderr


def test_a_folder_that_lost_its_ledger_does_not_begin_another_one(tmp_path: Path) -> None:
    (tmp_path / "payload.json").write_bytes(files(range(7, 8))[0][1])
    data = tmp_path / "data"
    assert headwater("load", tmp_path / "payload.json", "--data", data).returncode == 0
    for file in data.glob("ledger.sqlite*"):
        file.unlink()
    refused = headwater("load", tmp_path / "payload.json", "--data", data)
    assert (refused.returncode, (data / "ledger.sqlite").exists()) == (2, False)
    assert "whose file ledger.sqlite is not there" in refused.stderr
    asked = headwater("datasets", "--json", "--data", data)
    assert (json.loads(asked.stdout)["complete"], json.loads(asked.stdout)["reason"]) == (False, "ledger")


@pytest.mark.parametrize(("command", "option"), [("receive", "--inbox"), ("ingest", "--inbox"), ("ingest", "--ledger")])
@pytest.mark.parametrize(("place", "said"), [("file", "is no folder"), ("file/below", "cannot be made")])
def test_a_place_that_cannot_be_a_folder_is_refused_at_the_start(
    command: str, option: str, place: str, said: str, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    given = {"--inbox": tmp_path / "inbox", "--ledger": tmp_path / "ledger", option: tmp_path / place}
    if command == "receive":
        del given["--ledger"]
    arguments = [part for pair in given.items() for part in pair]
    refused = headwater(command, *arguments, "--data", tmp_path / "data")
    assert refused.returncode == 2
    assert f"{option}: {tmp_path / place} {said}" in refused.stderr


class SlowPlace(LocalFolder):
    """A place to which a file takes a minute."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.now = 0.0  #: seconds

    def put(self, name: str, path: Path) -> None:
        self.now += 60
        super().put(name, path)


def test_large_snapshots_are_made_less_often(places: tuple[LocalFolder, LocalFolder], tmp_path: Path) -> None:
    """Else an ingester of a large ledger would do nothing else."""
    inbox, ledger = places
    kept = SlowPlace(tmp_path / "snapshots")
    put(inbox, range(1))
    with ingester(inbox, ledger, tmp_path / "data", snapshots=kept) as made:
        made.clock = lambda: kept.now
        made.idle_seconds = 0
        taken = made.source.take

        def take(limit: int) -> list[Waiting]:
            kept.now += 60
            if kept.now > 3_600:
                made.stop.set()
            return taken(limit)

        made.source = Taking(take, made.source.done)
        made.run()
        assert made.counts.snapshots == 2


class Taking(NamedTuple):
    """A `Source` of two functions."""

    take: Callable[[int], list[Waiting]]
    done: Callable[[Sequence[Waiting]], None]
