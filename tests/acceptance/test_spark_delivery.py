"""What becomes of a report: sent, tried again, kept in the spool, or one line in the log. Without Spark."""

from __future__ import annotations

import gzip
import json
import logging
import threading
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import chain, count, repeat
from pathlib import Path
from typing import Any

import pytest

from headwater.spark.auth import auth_for
from headwater.spark.delivery import Delivery
from headwater.spark.logs import LOG
from headwater.spark.producer import Producer
from headwater.spark.settings import Options
from headwater.spark.spool import spool_at
from headwater.spark.web import Web
from headwater.spline_bridge.agent import Report
from tests.acceptance import fake_s3
from tests.acceptance.door import PATIENCE, PAYLOADS, headwater, serving
from tests.acceptance.fake_s3 import FakeS3
from tests.acceptance.spline_server import STATUS, Reply, Request, spline_server, usual

PLANS, EVENTS = "POST /producer/execution-plans", "POST /producer/execution-events"
#: Nobody listens there: a port that needs rights to listen on, on loopback.
AWAY = "http://127.0.0.1:9"


def report(case: str = "a01_customers_clean") -> Report:
    """A plan and its event, as Spline's own agent sent them."""
    folder = PAYLOADS / case
    (event,) = json.loads((folder / "003-event.json").read_text())
    return Report(json.loads((folder / "002-plan.json").read_text()), event)


def delivery(options: Options) -> Delivery:
    """All that a capture has behind its listener, with tries that follow each other at once."""
    web = Web(options.timeout_seconds, options.ca_file)
    send = Producer(options, web, auth_for(options, web)).send
    return Delivery(send, spool_at(options.spool), options, pauses=lambda _tried: 0.0)


def deliver(options: Options, *reports: Report) -> None:
    """Send, and end as a job ends."""
    sending = delivery(options)
    for each in reports or (report(),):
        sending.put(partial(replace, each), 1)
    # A loaded machine is slow: what is not about the limit of the flush has all the time that it needs.
    sending.close(PATIENCE if options.flush_seconds == Options().flush_seconds else options.flush_seconds)


def scripted(*replies: Reply) -> Callable[[Request], Reply]:
    """POSTs are answered one after the other, the last reply again and again; the handshake as usual."""
    rest = chain(replies, repeat(replies[-1]))
    return lambda request: next(rest) if request.method == "POST" else usual(request)


def spooled(folder: Path) -> list[Any]:
    """The documents in a spool."""
    return [json.loads(gzip.decompress(path.read_bytes())) for path in sorted(folder.glob("*.json.gz"))]


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


# Sent -----------------------------------------------------------------------------------------------------------------


def test_a_plan_and_its_event_are_sent_once_after_one_handshake(caplog: pytest.LogCaptureFixture) -> None:
    with spline_server() as server:
        deliver(Options(url=server.url), report(), report("l01_stage_customers"))
    assert server.paths() == ["HEAD /producer/status", PLANS, EVENTS, PLANS, EVENTS]
    plan, event = server.requests[1], server.requests[2]
    assert (plan.document, event.document) == (report().plan, [report().event])
    assert plan.headers["content-type"] == "application/vnd.absa.spline.producer.v1.2+json"
    assert "content-encoding" not in plan.headers
    assert warnings(caplog) == []


HANDSHAKES = [
    # what the server answers to HEAD, version that is sent, whether bodies are packed
    (STATUS, "1.2", False),
    (Reply(200, (("ABSA-Spline-API-Version", "1.1"), ("ABSA-Spline-API-Version", "1"))), "1.1", False),
    (Reply(200, (("ABSA-Spline-API-Version", "1.2, 1.1, 1"),)), "1.2", False),
    (Reply(200, (*STATUS.headers, ("ABSA-Spline-Accept-Request-Encoding", "gzip"))), "1.2", True),
    (Reply(204), "1.2", False),
    (Reply(404), "1.2", False),
]


@pytest.mark.parametrize(("status", "version", "packed"), HANDSHAKES)
def test_the_servers_version_is_spoken(status: Reply, version: str, packed: bool) -> None:
    labelled = replace(report(), plan={**report().plan, "labels": {"team": ["mart"]}})
    with spline_server(lambda request: status if request.method == "HEAD" else Reply()) as server:
        deliver(Options(url=server.url + "/producer"), labelled)
    plan = server.requests[1]
    assert plan.headers["content-type"] == f"application/vnd.absa.spline.producer.v{version}+json"
    assert plan.headers.get("content-encoding") == ("gzip" if packed else None)
    assert ("labels" in plan.document) == (version == "1.2")


def test_a_server_without_a_common_version_is_named(caplog: pytest.LogCaptureFixture) -> None:
    only_2 = Reply(200, (("ABSA-Spline-API-Version", "2"),))
    with spline_server(lambda _request: only_2) as server:
        deliver(Options(url=server.url))
    assert server.paths() == ["HEAD /producer/status"]
    assert warnings(caplog) == ["headwater: a report is lost: the server speaks Producer API 2, the agent 1.2 and 1.1"]


# Tried again, and refused ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_what_passes_is_tried_again(status: int, caplog: pytest.LogCaptureFixture) -> None:
    asked_to_wait = Reply(status, (("Retry-After", "0"),))
    sent = threading.Event()

    def answer(request: Request) -> Reply:
        if request.path.endswith("events"):
            sent.set()
        return script(request)

    script = scripted(asked_to_wait, asked_to_wait, Reply())
    with spline_server(answer) as server:
        sending = delivery(Options(url=server.url))
        sending.put(report, 1)
        assert sent.wait(PATIENCE)
        sending.close(PATIENCE)
    assert [path for path in server.paths() if "POST" in path] == [PLANS, PLANS, PLANS, EVENTS]
    (line,) = warnings(caplog)
    assert line.startswith(
        f"headwater: lineage cannot be sent to {server.url}: execution-plans: the server answered {status}"
    )
    assert line.endswith("; the server's log says more")


def test_a_refused_report_is_one_line_and_the_next_is_sent(caplog: pytest.LogCaptureFixture) -> None:
    with spline_server(scripted(Reply(400, body=b"operations.write: missing\nmore"), Reply())) as server:
        deliver(Options(url=server.url), report(), report("l01_stage_customers"))
    assert [path for path in server.paths() if "POST" in path] == [PLANS, PLANS, EVENTS]
    said = "headwater: a report is lost: execution-plans: the server answered 400 (operations.write: missing)"
    assert warnings(caplog) == [said]


def test_a_refused_report_is_kept_where_there_is_a_spool(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Too large for API Gateway, for example: by another way, or with a later version, it comes in."""
    with spline_server(scripted(Reply(413, body=b"send it to the inbox in S3"), Reply())) as server:
        deliver(Options(url=server.url, spool=str(tmp_path)), report(), report("l01_stage_customers"))
    assert [path for path in server.paths() if "POST" in path] == [PLANS, PLANS, EVENTS]
    said = "headwater: a report was refused, and is kept: execution-plans: the server answered 413 (send it"
    assert warnings(caplog)[0].startswith(said)
    assert spooled(tmp_path) == [{"executionPlan": report().plan, "executionEvent": report().event}]


def test_no_redirect_is_followed_with_a_token(tmp_path: Path) -> None:
    with spline_server() as elsewhere, spline_server() as server:
        server.answer = lambda _request: Reply(302, (("Location", elsewhere.url + "/x"),))
        deliver(Options(url=server.url, token="hush", spool=str(tmp_path)))
    assert elsewhere.requests == []
    assert len(spooled(tmp_path)) == 1


# Kept -----------------------------------------------------------------------------------------------------------------


def test_what_cannot_be_sent_is_spooled_and_loaded_later(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    spool = tmp_path / "spool"
    deliver(Options(url=AWAY, spool=str(spool)), report("l01_stage_customers"), report("l02_stage_orders"))
    assert (
        warnings(caplog)[-1]
        == f"headwater: 2 reports could not be sent to {AWAY} and are kept: later run headwater load {spool}"
    )
    assert {path.stat().st_mode & 0o777 for path in (spool, *spool.iterdir())} == {0o700, 0o600}
    with serving(tmp_path / "data") as server:
        loaded = headwater("load", spool, "--json", "--server", server.url)
        answer = headwater("upstream", "file:///data/lake/pipe/staging/orders", "--server", server.url)
    assert (json.loads(loaded.stdout), loaded.returncode) == (
        {"plans": 2, "events": 2, "known": 0, "refused": [], "skipped": 0, "received": False},
        0,
    )
    assert answer.returncode == 0


def test_a_report_of_another_account_is_kept_and_loaded_with_the_right_token(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A token bound to an account, in a job of another one: 403. The rest of the spool is loaded all the same."""
    data, spool = tmp_path / "data", tmp_path / "spool"
    wrong, right = (
        headwater("token", "add", account, "--scope", "write", "--account", account, "--data", data).stdout.strip()
        for account in ("111111111111", "222222222222")
    )
    admin = headwater("token", "add", "ops", "--scope", "admin", "--data", data).stdout.strip()
    of_another, plain = report("l01_stage_customers"), report("l02_stage_orders")
    of_another.plan["extraInfo"]["spark.glue.accountId"] = "222222222222"
    with serving(data) as server:
        deliver(Options(url=server.url, token=wrong, spool=str(spool)), of_another)
        assert "222222222222" in warnings(caplog)[0]
        deliver(Options(url=AWAY, token=wrong, spool=str(spool)), plain)
        assert len(spooled(spool)) == 2
        some = headwater("load", spool, "--json", "--server", server.url, HEADWATER_TOKEN=wrong)
        told = json.loads(some.stdout)
        assert (some.returncode, told["plans"], told["events"], len(told["refused"])) == (1, 1, 2, 1)
        assert "222222222222" in told["refused"][0]["reason"]
        loaded = headwater("load", spool, "--json", "--server", server.url, HEADWATER_TOKEN=right)
        assert json.loads(loaded.stdout)["refused"] == []
        jobs = headwater("query", "jobs", "--json", "--server", server.url, HEADWATER_TOKEN=admin).stdout
    assert f"job:222222222222/spark/{of_another.plan['name']}" in jobs


def test_a_spool_in_s3_is_loaded_from_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with fake_s3.running(FakeS3({"spool/notes.txt": b"", "spool/other.json": b"{}"})) as s3:
        for name, value in s3.environment().items():
            monkeypatch.setenv(name, value)
        deliver(Options(url=AWAY, spool="s3://lake/spool/"), report())
        loaded = headwater("load", "s3://lake/spool", "--json", "--data", tmp_path / "data", **s3.environment())
        nothing = headwater("load", "s3://lake/other", "--data", tmp_path / "data", **s3.environment())
        s3.closed = True
        closed = headwater("load", "s3://lake/spool", "--data", tmp_path / "data", **s3.environment())
        deliver(Options(url=AWAY, spool="s3://lake/spool", flush_seconds=0.1), report())
    expected = {"plans": 1, "events": 1, "known": 0, "refused": [], "skipped": 1, "received": False}
    assert json.loads(loaded.stdout) == expected
    assert (nothing.returncode, nothing.stderr) == (2, "headwater: there are no payloads in s3://lake/other\n")
    assert closed.returncode == 3
    lost = "headwater: a report is lost: it cannot be spooled: S3: An error occurred (AccessDenied)"
    assert [line for line in warnings(caplog) if line.startswith(lost)]


def test_a_server_that_never_answers_delays_the_end_by_the_flush_alone(tmp_path: Path) -> None:
    with spline_server(lambda _request: Reply(None)) as server:
        deliver(Options(url=server.url, spool=str(tmp_path), flush_seconds=0.2, timeout_seconds=600), report())
    assert spooled(tmp_path) == [{"executionPlan": report().plan, "executionEvent": report().event}]


def test_an_end_without_a_spool_says_what_is_lost(caplog: pytest.LogCaptureFixture) -> None:
    with spline_server(lambda _request: Reply(None)) as server:
        deliver(
            Options(url=server.url, flush_seconds=0.0, timeout_seconds=600), report(), report("l01_stage_customers")
        )
    said = f"headwater: 2 reports are lost: not sent to {server.url} in time; the setting spark.headwater.spool names "
    assert warnings(caplog) == [f"{said}where to keep them"]


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_wrong_token_or_path_is_not_tried_again(
    status: int, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with spline_server(scripted(Reply(status))) as server:
        sending = delivery(Options(url=server.url, token="hush", spool=str(tmp_path)))
        sending.put(report, 1)
        sending.close(PATIENCE)
    assert server.paths() == ["HEAD /producer/status", PLANS]
    assert len(spooled(tmp_path)) == 1
    assert "hush" not in caplog.text
    remedy = {401: "HEADWATER_TOKEN", 403: "the scope write", 404: "is this the URL of"}[status]
    assert remedy in warnings(caplog)[0]


def test_it_is_said_once_that_it_works_and_an_unreachable_server_is_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "headwater.spark")
    with spline_server() as server:
        deliver(Options(url=server.url), report(), report("l01_stage_customers"))
    assert caplog.messages == [f"headwater: it works: the first write is reported to {server.url}"]
    deliver(Options(url=AWAY, spool=str(tmp_path)))
    assert caplog.messages[1].startswith(f"headwater: lineage cannot be sent to {AWAY}: ")
    assert caplog.messages[1].endswith("; does a server run there (headwater serve), and can this machine reach it?")


def test_a_script_that_sets_up_no_logging_is_told_that_it_works(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(LOG, "propagate", False)  # as without handlers: those of pytest are not seen
    with spline_server() as server:
        deliver(Options(url=server.url), report(), report("l01_stage_customers"))
    assert capsys.readouterr().err == f"headwater: it works: the first write is reported to {server.url}\n"
    monkeypatch.setattr(LOG, "handlers", [logging.NullHandler()])  # a script that wants warnings alone
    with spline_server() as server:
        deliver(Options(url=server.url), report())
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("limits", [{"queue": 1}, {"queue_mb": 0.001}], ids=["too many", "too large"])
def test_a_full_queue_is_one_line(limits: dict[str, Any], caplog: pytest.LogCaptureFixture) -> None:
    with spline_server(lambda _request: Reply(None)) as server:
        sending = delivery(Options(url=server.url, timeout_seconds=600, **limits))
        sending.put(report, 800)  # stays in the queue until the server answers, which it never does
        sending.put(report, 800)
        sending.close(0.0)
    said = (
        "headwater: a report is lost: the queue is full: the setting spark.headwater.queue or queueMb makes it larger"
    )
    assert warnings(caplog)[0] == said


def test_a_plan_that_cannot_be_reported_is_one_line_and_the_next_is_sent(caplog: pytest.LogCaptureFixture) -> None:
    def damaged() -> Report:
        raise KeyError("class")

    with spline_server() as server:
        sending = delivery(Options(url=server.url))
        sending.put(damaged, 1)
        sending.put(report, 1)
        sending.close(PATIENCE)
    assert warnings(caplog) == ["headwater: a report is lost: its plan could not be read (KeyError: 'class')"]
    assert server.paths() == ["HEAD /producer/status", PLANS, EVENTS]


def test_a_spool_that_cannot_be_written_is_one_line(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("")
    deliver(Options(url=AWAY, spool=str(tmp_path / "file"), flush_seconds=0.1))
    lost = "headwater: a report is lost: it cannot be spooled: "
    assert [line for line in warnings(caplog) if line.startswith(lost)]


def test_a_server_in_trouble_at_the_end_is_tried_again_within_the_flush(caplog: pytest.LogCaptureFixture) -> None:
    replies = iter((Reply(500), Reply(503), Reply(201), Reply(201)))
    sending: Delivery

    def answer(request: Request) -> Reply:
        if request.method != "POST":
            return usual(request)
        assert sending._closing.wait(PATIENCE)  # each of them comes while the job ends
        return next(replies)

    with spline_server(answer) as server:
        sending = delivery(Options(url=server.url))
        sending.put(report, 1)
        sending.close(PATIENCE)
    assert [path for path in server.paths() if path.startswith("POST")] == [PLANS, PLANS, PLANS, EVENTS]
    assert [line for line in warnings(caplog) if "lost" in line] == []


def test_a_spool_that_is_full_at_the_end_is_tried_again_within_the_flush(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "spool").write_text("in the way")
    tries = count()

    def answer(request: Request) -> Reply:
        if request.method != "POST":
            return usual(request)
        if next(tries) == 2:
            (tmp_path / "spool").unlink()
        return Reply(500)

    with spline_server(answer) as server:
        sending = delivery(Options(url=server.url, spool=str(tmp_path / "spool")))
        sending.put(report, 1)
        sending.close(PATIENCE)
    assert spooled(tmp_path / "spool") == [{"executionPlan": report().plan, "executionEvent": report().event}]
    assert [line for line in warnings(caplog) if "lost" in line] == []
