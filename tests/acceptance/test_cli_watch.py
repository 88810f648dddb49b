"""`headwater watch`: asked again and again, only what is new is told, and never twice."""

from __future__ import annotations

import hashlib
import hmac
import json
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.door import PATIENCE, PIPELINE, environment, headwater, serving
from tests.acceptance.fake_s3 import BUCKET, FakeS3
from tests.acceptance.fake_s3 import running as running_s3

REPORT = "file:///data/lake/pipe/out/churn_by_country"
RAW = "file:///data/lake/raw/crm/customers.csv#country"
KEY = {"HOOK_KEY": "k"}
EARLY, LAST = PIPELINE[:-1], PIPELINE[-1]


@dataclass
class Receiver:
    """A webhook's other end."""

    url: str = ""
    status: int = 200
    posts: list[tuple[dict[str, str], bytes]] = field(default_factory=list)


@contextmanager
def receiving() -> Iterator[Receiver]:
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.posts.append((dict(self.headers), body))
            self.send_response(receiver.status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    receiver.url = f"http://127.0.0.1:{server.server_port}/hook?key=geheim"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("watch") / "data"
    assert headwater("load", "--data", folder, *EARLY).returncode == 0
    return folder


@pytest.fixture
def early(loaded: Path, tmp_path: Path) -> Path:
    """A data folder with all jobs but the last."""
    return shutil.copytree(loaded, tmp_path / "data")


def watches(folder: Path, *tell: object, **more: object) -> Path:
    row = {"name": "country", "nodes": [RAW], "question": "downstream", "tell": list(tell), **more}
    path = folder.parent / "watches.yaml"
    path.write_text(json.dumps({"watches": [row]}))  # JSON is YAML
    return path


def run(file: Path, folder: Path, *more: object, code: int = 0, env: dict[str, str] | None = None) -> dict[str, Any]:
    done = headwater("watch", "run", file, "--data", folder, "--json", *more, **(env or {}))
    assert done.returncode == code, done.stderr
    (outcome,) = json.loads(done.stdout)["watches"]
    found: dict[str, Any] = outcome
    return found


def test_the_first_run_stores_the_state_and_later_runs_report_only_what_is_new(early: Path, tmp_path: Path) -> None:
    file = watches(
        early, {"file": f"{tmp_path}/out/{{watch}}.md"}, {"file": f"{tmp_path}/out/r.html", "format": "html"}
    )
    assert run(file, early)["began"]
    assert run(file, early)["told"] == 0
    assert not (tmp_path / "out").exists()
    assert headwater("load", "--data", early, LAST).returncode == 0
    assert run(file, early) == {
        "watch": "country", "nodes": 1, "items": 4, "began": False, "told": 2, "pending": 0, "problems": [],
    }  # fmt: skip
    said = (tmp_path / "out" / "country.md").read_text()
    assert f"### country: 1 new in downstream of {RAW}".replace("_", "\\_") in said
    assert f"{REPORT}#country (DIRECT identity): country, by job:spark/pipeline.score_report" in said
    assert "<svg" in (tmp_path / "out" / "r.html").read_text()
    assert run(file, early)["told"] == 0


def test_the_watches_of_a_file_as_csv(early: Path) -> None:
    shown = headwater("watch", "check", watches(early, "stdout"), "--csv")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert shown.stdout == f"watch,question,nodes,schedule,tell\ncountry,downstream,{RAW},,stdout\n"


def test_standard_output_and_exit_codes(early: Path) -> None:
    file = watches(early, "stdout")
    assert headwater("watch", "run", file, "--data", early).returncode == 0
    assert headwater("load", "--data", early, LAST).returncode == 0
    done = headwater("watch", "run", file, "--data", early)
    assert done.returncode == 0
    assert done.stdout.startswith("### country: 1 new in downstream")
    assert done.stderr == "country: 1 told; 4 items of 1 nodes\n"


def test_a_webhook_is_signed_and_a_failed_delivery_is_repeated(early: Path) -> None:
    with receiving() as receiver:
        file = watches(early, {"webhook": receiver.url, "secret": "HOOK_KEY", "private": True})
        run(file, early, env=KEY)
        assert headwater("load", "--data", early, LAST).returncode == 0
        receiver.status = 503
        outcome = run(file, early, code=1, env=KEY)
        assert (outcome["told"], outcome["pending"]) == (0, 1)
        assert "answers 503 (attempt 1; tried again next time)" in outcome["problems"][0]
        assert "geheim" not in json.dumps(outcome)
        receiver.status = 200
        assert run(file, early, env=KEY)["told"] == 1
        assert run(file, early, env=KEY)["told"] == 0
    (_, first), (headers, body) = receiver.posts
    assert first == body
    assert headers["X-Hub-Signature-256"] == "sha256=" + hmac.new(b"k", body, hashlib.sha256).hexdigest()
    said = json.loads(body)
    assert (said["id"], said["watch"]) == (headers["Headwater-News"], "country")
    flow = f"file:///data/lake/pipe/staging/customers#country -> {REPORT}#country"
    assert list(said["news"][RAW]["added"]) == [f"{flow} (DIRECT identity)"]


def test_a_private_address_is_refused_unless_it_is_allowed(early: Path) -> None:
    with receiving() as receiver:
        file = watches(early, {"webhook": receiver.url})
        run(file, early)
        assert headwater("load", "--data", early, LAST).returncode == 0
        outcome = run(file, early, code=1)
        assert "is a private address" in outcome["problems"][0]
        assert receiver.posts == []


def test_a_missing_key_is_reported(early: Path) -> None:
    file = watches(early, {"webhook": "http://127.0.0.1:9/", "secret": "HOOK_KEY", "private": True})
    run(file, early)
    assert headwater("load", "--data", early, LAST).returncode == 0
    assert "HOOK_KEY with its key is not set" in run(file, early, code=1)["problems"][0]


def test_a_missing_node_is_reported_and_the_other_watches_run(early: Path) -> None:
    file = watches(early, "stdout", nodes=[f"{RAW}x", "s3://nowhere/*", RAW])
    outcome = run(file, early, code=1)
    assert outcome["items"] > 0
    assert outcome["problems"][1].startswith(f"there is no dataset or column '{RAW}x' (did you mean {RAW}")
    assert outcome["problems"][0] == "nothing matches 's3://nowhere/*'"


def test_a_pattern_takes_in_what_comes_later(early: Path) -> None:
    file = watches(early, "stdout", nodes=["file:///data/lake/pipe/out/*"], question="upstream")
    outcome = run(file, early, code=1)
    assert outcome["problems"] == ["nothing matches 'file:///data/lake/pipe/out/*'"]
    assert headwater("load", "--data", early, LAST).returncode == 0
    done = headwater("watch", "run", file, "--data", early)
    assert f"in upstream of {REPORT}".replace("_", "\\_") in done.stdout


def test_another_question_begins_anew(early: Path) -> None:
    run(watches(early, "stdout"), early)
    assert run(watches(early, "stdout", question="both"), early)["began"]
    assert not run(watches(early, {"file": "x"}, question="both"), early)["began"]


def test_reports_are_remembered_in_s3(early: Path) -> None:
    file = watches(early, "stdout")
    with running_s3(FakeS3()) as s3:
        place = f"s3://{BUCKET}/watches"
        assert run(file, early, "--state", place, env=s3.environment())["began"]
        assert list(s3.objects) == ["watches/country.json"]
        assert not run(file, early, "--state", place, env=s3.environment())["began"]
    assert not (early / "watches").exists()


def test_after_an_erasure_a_state_in_s3_keeps_nothing_from_before(early: Path) -> None:
    file = watches(early, {"webhook": "http://127.0.0.1:1/", "private": True})
    with running_s3(FakeS3()) as s3:
        place = f"s3://{BUCKET}/watches"
        run(file, early, "--state", place, env=s3.environment())
        assert headwater("load", "--data", early, LAST).returncode == 0
        assert run(file, early, "--state", place, env=s3.environment(), code=1)["pending"] == 1
        assert b"churn_by_country" in s3.objects["watches/country.json"]
        plan = 17  # of 18 entries, of LAST
        assert headwater("erase", plan, "--reason", "asked for", "--data", early).returncode == 0
        outcome = run(file, early, "--state", place, env=s3.environment(), code=1)
        assert (outcome["began"], outcome["pending"]) == (True, 0)
        assert outcome["problems"] == ["1 reports were dropped: they may hold what was erased"]
        assert b"churn_by_country" not in s3.objects["watches/country.json"]
        assert not run(file, early, "--state", place, env=s3.environment())["began"]


def test_a_state_that_is_damaged_is_told_and_nothing_is_told_twice(early: Path) -> None:
    file = watches(early, "stdout")
    run(file, early)
    (early / "watches" / "country.json").write_text('{"format": 1')
    done = headwater("watch", "run", file, "--data", early)
    assert (done.returncode, done.stdout) == (4, "")
    assert "the state of the watch country" in done.stderr


def test_serving_a_schedule_ends_with_sigterm(early: Path, tmp_path: Path) -> None:
    file = watches(early, "stdout", schedule="0 0 1 1 *")
    with serving(early) as server:
        command = [sys.executable, "-m", "headwater", "watch", "serve", str(file), "--server", server.url]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment(), cwd=tmp_path) as process:
            assert process.stderr is not None
            assert process.stderr.readline() == "1 of 1 watches have a schedule; Ctrl-C ends this\n"
            process.send_signal(signal.SIGTERM)
            assert process.wait(PATIENCE) == 0


def test_what_cannot_be_served_is_told(early: Path) -> None:
    done = headwater("watch", "serve", watches(early, "stdout"), "--data", early)
    assert (done.returncode, "has a schedule" in done.stderr) == (2, True)
    only = headwater("watch", "run", watches(early, "stdout"), "--only", "contry", "--data", early)
    assert (only.returncode, "did you mean: country" in only.stderr) == (2, True)
    assert headwater("watch", "check", early / "nothing.yaml").returncode == 2
