"""A receiver before an inbox: the same answers as a server's, a file for each payload, nothing kept beside it."""

from __future__ import annotations

import json
import os
import signal
import ssl
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import pytest
import trustme
from aiohttp.test_utils import TestClient, TestServer

from headwater.ingest.http.receiver import create_app
from headwater.ingest.inbox.writing import InboxWriter
from headwater.ingest.places.file_storage import LocalFolder, ObjectStorage
from headwater.ingest.process.inbox_server import add_probes
from headwater.spark.delivery import Delivery
from headwater.spark.settings import Options, resolve
from headwater.spark.spool import Inbox
from headwater.spline_bridge.agent import Report
from tests.acceptance.door import PATIENCE, ROOT, ended, environment, headwater
from tests.acceptance.test_access import certificate
from tests.golden.recorded import ALL, FLAT, PAYLOADS
from tests.inbox.cloud import BUCKET, Cloud
from tests.inbox.test_lambda import kept

NOON = 1_772_366_400_000
CASE = PAYLOADS / "l01_stage_customers"


def body(kind: str) -> bytes:
    return next(p.body for p in ALL if p.case == CASE.name and p.kind == kind)


@pytest.fixture(params=["folder", "s3"])
def inbox(request: pytest.FixtureRequest, tmp_path: Path, aws: Cloud) -> ObjectStorage:
    return LocalFolder(tmp_path) if request.param == "folder" else aws.prefix(tmp_path.name)


@contextmanager
def writing(inbox: ObjectStorage) -> Iterator[InboxWriter]:
    writer = InboxWriter(inbox, lambda: NOON)
    try:
        yield writer
    finally:
        writer.close()


async def test_payloads_are_files_and_what_comes_again_is_one(inbox: ObjectStorage) -> None:
    with writing(inbox) as writer:
        app = create_app(writer)
        add_probes(app, writer)
        async with TestClient(TestServer(app)) as client:
            for _ in range(2):
                for path, kind in (("execution-plans", "plan"), ("execution-events", "event")):
                    answer = await client.post(
                        f"/producer/{path}", data=body(kind), headers={"Content-Type": FLAT, "Host": "localhost"}
                    )
                    assert (answer.status, answer.headers.get("Headwater-Entry")) == (201, None)
            bad = await client.post("/producer/execution-plans", data=b"{}", headers={"Content-Type": FLAT})
            ready = await client.get("/ready")
    assert (bad.status, ready.status) == (400, 200)
    assert sorted(entry.kind for entry in kept(inbox)) == ["spline.events", "spline.plan"]


async def test_503_while_the_inbox_cannot_be_written(aws: Cloud) -> None:
    away = aws.prefix("x")
    away._bucket = "no-such-bucket"
    with writing(away) as writer:
        app = create_app(writer)
        add_probes(app, writer)
        async with TestClient(TestServer(app)) as client:
            answer = await client.post("/producer/execution-plans", data=body("plan"), headers={"Content-Type": FLAT})
            assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
            assert "the inbox cannot be written" in await answer.text()
            ready = await client.get("/ready")
            assert ready.status == 503
            writer._storage = aws.prefix("x")
            again = await client.post("/producer/execution-plans", data=body("plan"), headers={"Content-Type": FLAT})
            assert (again.status, (await client.get("/ready")).status) == (201, 200)


def posted(url: str, path: str, content: bytes) -> int:
    request = urllib.request.Request(f"{url}/producer/{path}", content, {"Content-Type": FLAT})
    with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
        return int(answer.status)


def test_the_command_receives_into_s3_and_load_reads_it(aws: Cloud, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "headwater", "receive", "--inbox", f"s3://{BUCKET}/command", "--port", "0"]
    command += ["--access-log", str(tmp_path / "access.log")]
    where = {**aws.environment(), "HEADWATER_DATA": str(tmp_path / "tokens"), "PYTHONUNBUFFERED": "1"}
    with ended(
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment(**where), cwd=ROOT)
    ) as process:
        assert process.stdout is not None
        url = process.stdout.readline().split()[3]
        assert [posted(url, f"execution-{kind}s", body(kind)) for kind in ("plan", "event")] == [201, 201]
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0
    logged = [json.loads(line) for line in (tmp_path / "access.log").read_text().splitlines()]
    assert [(line["method"], line["path"], line["status"]) for line in logged] == [
        ("POST", f"/producer/execution-{kind}s", 201) for kind in ("plan", "event")
    ]
    loaded = headwater("load", f"s3://{BUCKET}/command", "--json", "--data", tmp_path / "data", **aws.environment())
    told = json.loads(loaded.stdout)
    assert (told["plans"], told["events"], told["refused"]) == (1, 1, [])


def test_load_sends_to_a_receiver_and_questions_are_told_what_it_is(tmp_path: Path) -> None:
    inbox = tmp_path / "inbox"
    command = [sys.executable, "-m", "headwater", "receive", "--inbox", str(inbox), "--port", "0"]
    where = {"HEADWATER_DATA": str(tmp_path / "tokens"), "PYTHONUNBUFFERED": "1"}
    with ended(
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment(**where), cwd=ROOT)
    ) as process:
        assert process.stdout is not None
        url = process.stdout.readline().split()[3]
        loaded = headwater("load", CASE, "--server", url)
        assert (loaded.returncode, loaded.stderr) == (0, "")
        sent = "1 plans and 1 events sent to a receiver: `headwater ingest` brings them into a ledger; "
        assert loaded.stdout.startswith(sent)
        told = json.loads(headwater("load", CASE, "--server", url, "--json").stdout)
        assert (told["plans"], told["known"], told["received"]) == (1, 0, True)
        for asked in (("upstream", "x"), ("estate",), ("tag", "x", "pii"), ("parked",)):
            refused = headwater(*asked, "--server", url)
            assert (refused.returncode, "this is a receiver: agents send to /producer" in refused.stderr) == (2, True)
        found = headwater("doctor", "--server", url)
        assert "receiver" in found.stdout
        for path in ("", "api", "api/v1/lineage?node=x", "gremlin", "metrics"):
            with pytest.raises(urllib.error.HTTPError) as error:
                urllib.request.urlopen(f"{url}/{path}", timeout=PATIENCE)
            assert (error.value.code, "this is a receiver" in json.load(error.value)["error"]) == (404, True)
    given = ("--inbox", inbox, "--ledger", tmp_path / "ledger", "--data", tmp_path / "data", "--once")
    assert headwater("ingest", *given).returncode == 0
    assert headwater("jobs", "--data", tmp_path / "data").stdout.count("spark/pipeline.stage_customers") == 1


def test_a_receiver_speaks_https_with_a_certificate(tmp_path: Path) -> None:
    authority = trustme.CA()
    cert, key = certificate(tmp_path, authority, "127.0.0.1")
    trusted = ssl.create_default_context()
    authority.configure_trust(trusted)
    command = [sys.executable, "-m", "headwater", "receive", "--inbox", str(tmp_path / "inbox"), "--port", "0"]
    command += ["--tls-certificate", str(cert), "--tls-key", str(key)]
    where = {"HEADWATER_DATA": str(tmp_path / "tokens"), "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment(**where), cwd=ROOT) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().split()[3]
            assert url.startswith("https://127.0.0.1:")
            request = urllib.request.Request(f"{url}/producer/execution-plans", body("plan"), {"Content-Type": FLAT})
            with urllib.request.urlopen(request, timeout=PATIENCE, context=trusted) as answer:
                assert answer.status == 201
            process.terminate()
            assert process.wait(PATIENCE) == 0
        finally:
            process.kill()
    alone = headwater("receive", "--inbox", tmp_path / "inbox", "--tls-certificate", cert, "--data", tmp_path / "data")
    assert (alone.returncode, "--tls-key is missing" in alone.stderr) == (2, True)


def test_an_open_receiver_needs_tokens(tmp_path: Path) -> None:
    refused = headwater("receive", "--inbox", tmp_path / "inbox", "--host", "0.0.0.0", "--data", tmp_path / "data")
    assert (refused.returncode, "make a token first" in refused.stderr) == (2, True)


# The Python agent -----------------------------------------------------------------------------------------------------


def report() -> Report:
    return Report(json.loads(body("plan")), json.loads(body("event"))[0])


def test_the_agent_writes_the_inbox_itself(aws: Cloud, tmp_path: Path) -> None:
    options, problems = resolve({"url": f"s3://{BUCKET}/agent/"}, {}, {})
    assert (options.url, problems) == (f"s3://{BUCKET}/agent", ())
    with mock.patch.dict(os.environ, aws.environment()):
        delivery = Delivery(Inbox(options.url).send, None, Options(flush_seconds=PATIENCE))
        for _ in range(2):
            delivery.put(report, 1)
        delivery.close(PATIENCE)
        assert len(aws.keys("agent/")) == 1
    loaded = headwater("load", f"s3://{BUCKET}/agent", "--json", "--data", tmp_path / "data", **aws.environment())
    told = json.loads(loaded.stdout)
    assert (told["plans"], told["events"], told["refused"]) == (1, 1, [])


def test_the_agent_keeps_what_s3_does_not_take(aws: Cloud) -> None:
    class Spool:
        place = "here"
        kept = 0

        def keep(self, _report: Report) -> None:
            self.kept += 1

    spool = Spool()
    with mock.patch.dict(os.environ, aws.environment()):
        delivery = Delivery(Inbox("s3://no-such-bucket/inbox").send, spool, Options(attempts=1))
        delivery.put(report, 1)
        delivery.close(PATIENCE)
    assert spool.kept == 1


@pytest.mark.parametrize("url", ["s3://", "s3:///inbox", "s3://bucket", "ftp://x"])
def test_a_place_that_is_no_inbox(url: str) -> None:
    _, problems = resolve({"url": url}, {}, {})
    assert [each.name for each in problems] == (["url"] if url != "s3://bucket" else [])
