"""The web page of a real server: its routes and headers, what is packed, and events as they come."""

from __future__ import annotations

import gzip
import http.client
import json
import re
import signal
import urllib.error
import urllib.request
from collections.abc import Iterator
from email.message import Message
from pathlib import Path
from urllib.parse import quote

import pytest

from headwater.client import Client
from headwater.ingest.http.page import checked_origins
from headwater.loading import through
from tests.acceptance.door import PATIENCE, PIPELINE, Server, headwater, serving

LAST = "file:///data/lake/pipe/out/churn_by_country"
WIKI = "https://wiki.example.com"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("page") / "data", "--embed-in", WIKI) as running:
        through(Client(running.url), map(Path, PIPELINE), lambda _done, _total: None)
        assert running.get("/api/v1/stats?after=18")[0] == 200
        yield running


def fetched(server: Server, path: str, **headers: str) -> tuple[int, Message, bytes]:
    request = urllib.request.Request(server.url + path, headers={k.replace("_", "-"): v for k, v in headers.items()})
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as response:
            return response.status, response.headers, response.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


def test_the_page_has_a_strict_policy_and_files_that_stay_for_ever(server: Server) -> None:
    status, headers, body = fetched(server, "/")
    policy = headers["Content-Security-Policy"]
    assert (status, headers["Content-Type"], headers["Cache-Control"]) == (200, "text/html; charset=utf-8", "no-cache")
    assert "default-src 'none'" in policy
    assert "require-trusted-types-for 'script'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    files = re.findall(r'(?:href|src)="(assets/[^"]+)"', body.decode())
    assert len(files) == 3
    for file in files:
        status, headers, plain = fetched(server, f"/{file}")
        assert (status, "immutable" in headers["Cache-Control"]) == (200, True)
        assert headers["X-Content-Type-Options"] == "nosniff"
        _, headers, packed = fetched(server, f"/{file}", Accept_Encoding="gzip")
        assert (headers["Content-Encoding"], gzip.decompress(packed)) == ("gzip", plain)


@pytest.mark.parametrize(
    "path", ["/assets/0000000000000000/page.js", "/assets/x/../../secret", "/assets/x", "/embed/x"]
)
def test_what_is_no_file_of_the_page_is_not_there(server: Server, path: str) -> None:
    assert fetched(server, path)[0] == 404


def test_a_browser_is_told_what_the_page_will_ask_first(server: Server) -> None:
    _, headers, _ = fetched(server, f"/?node={quote(LAST)}")
    question = headers["Link"].partition("<")[2].partition(">")[0]
    status, _, body = fetched(server, f"/{question}")
    assert (status, json.loads(body)["root"]) == (200, LAST)
    for more in ("/", f"/?node={quote(LAST)}&type=all", f"/?node={'x' * 2_000}", "/?job=job:spark/x"):
        assert fetched(server, more)[1]["Link"] is None


def test_who_needs_a_token_is_told_nothing_to_ask(tmp_path: Path) -> None:
    assert headwater("token", "add", "--scope", "read", "me", "--data", str(tmp_path / "data")).returncode == 0
    with serving(tmp_path / "data") as running:
        status, headers, _ = fetched(running, f"/?node={quote(LAST)}")
    assert (status, headers["Link"]) == (200, None)


def test_other_sites_may_frame_the_embedded_view_alone(server: Server) -> None:
    frame = {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "navigate", "Sec_Fetch_Dest": "iframe"}
    status, headers, _ = fetched(server, "/embed?node=x", **frame)
    assert (status, f"frame-ancestors 'self' {WIKI}" in headers["Content-Security-Policy"]) == (200, True)
    assert fetched(server, "/", **frame)[0] == 403
    assert fetched(server, "/api/v1/stats", **frame)[0] == 403


def test_an_origin_that_would_end_the_header_is_refused() -> None:
    assert checked_origins([f"{WIKI}/", "http://*.example.com:8080"]) == (WIKI, "http://*.example.com:8080")
    for origin in ("wiki", "https://a; script-src *", "https://a b", "https://a/path", "javascript:x", ""):
        with pytest.raises(ValueError, match="expected an origin"):
            checked_origins([origin])
    said = headwater("serve", "--embed-in", "https://a b")
    assert (said.returncode, "expected an origin" in said.stderr) == (2, True)


def test_the_page_needs_no_token_and_its_answers_do(tmp_path: Path) -> None:
    data = tmp_path / "data"
    token = headwater("token", "add", "--scope", "read", "page", "--data", data).stdout.strip()
    with serving(data) as server:
        assert [fetched(server, path)[0] for path in ("/", "/embed", "/api/v1/stats", "/api/v1/events")] == [
            200,
            200,
            401,
            401,
        ]
        seen = {"name": "page", "scopes": ["read"], "folder": None}
        assert server.get("/api/v1/me", Authorization=f"Bearer {token}") == (200, seen)


def test_answers_above_a_kilobyte_are_packed_for_those_who_unpack(server: Server) -> None:
    path = f"/api/v1/lineage?node={quote(LAST, safe='')}&direction=both"
    _, headers, plain = fetched(server, path)
    assert "Content-Encoding" not in headers
    _, headers, packed = fetched(server, path, Accept_Encoding="br, gzip;q=0.8")
    assert (headers["Content-Encoding"], headers["Vary"]) == ("gzip", "Accept-Encoding")
    assert json.loads(gzip.decompress(packed)) == json.loads(plain)
    assert len(packed) < len(plain) / 4
    assert "Content-Encoding" not in fetched(server, path, Accept_Encoding="gzip;q=0")[1]
    assert "Content-Encoding" not in fetched(server, "/api/v1/me", Accept_Encoding="gzip")[1]


def test_events_tell_when_something_new_is_in_the_graph_and_end_with_the_server(tmp_path: Path) -> None:
    with serving(tmp_path / "data") as server:
        host, port = server.url.removeprefix("http://").split(":")
        connection = http.client.HTTPConnection(host, int(port), timeout=PATIENCE)
        connection.request("GET", "/api/v1/events")
        events = connection.getresponse()
        assert events.headers["Content-Type"] == "text/event-stream"

        def data() -> dict[str, object]:
            while not (line := events.readline()).startswith(b"data: "):
                assert line, "the stream has ended"
            return dict(json.loads(line.removeprefix(b"data: ")))

        assert data() == {"reached": 0, "lag": 0, "rebuilding": False}
        through(Client(server.url), map(Path, PIPELINE[:1]), lambda _done, _total: None)
        assert int(str(data()["reached"])) > 0
        assert server.stop(signal.SIGTERM) == 0
        connection.close()


def test_asking_for_the_headers_of_events_listens_to_nothing(server: Server) -> None:
    for _ in range(3):
        request = urllib.request.Request(f"{server.url}/api/v1/events", method="HEAD")
        with urllib.request.urlopen(request, timeout=PATIENCE) as response:
            assert response.headers["Content-Type"] == "text/event-stream"
        assert server.get("/api/v1/me")[0] == 200  # over the same connection to the graph's process


def test_a_report_of_an_impact_can_be_kept_as_a_file(server: Server) -> None:
    node = quote("file:///data/lake/raw/shop/orders.csv#amount", safe="")
    for format_, begins in (("csv", b"grade"), ("markdown", b"#"), ("html", b"<!DOCTYPE html>")):
        status, headers, body = fetched(server, f"/api/v1/impact-report?node={node}&change=drop&format={format_}")
        assert (status, headers["Content-Disposition"].startswith("attachment")) == (200, True)
        assert body.startswith(begins), body[:80]
    assert fetched(server, f"/api/v1/impact-report?node={node}&format=pdf")[0] == 400


def test_the_types_of_columns_are_those_that_payloads_say(server: Server) -> None:
    written = server.get(f"/api/v1/column-types?dataset={quote(LAST, safe='')}")[1]
    assert written == {"dataset": LAST, "types": {"country": "string", "avg_score": "double", "n_churn": "bigint"}}
    read = server.get("/api/v1/column-types?dataset=rates.csv")[1]
    assert read["types"] == {"currency": "string", "rate_date": "string", "rate_to_eur": "string"}
    assert server.get("/api/v1/column-types?dataset=nothing")[0] == 404
    before = server.get(f"/api/v1/column-types?dataset={quote(LAST, safe='')}&asOf=2020-01-01")[1]
    assert before == {"dataset": LAST, "types": {}}
    assert server.get(f"/api/v1/column-types?dataset={quote(LAST, safe='')}&asOf=never")[0] == 400


def test_runs_lead_to_the_history_server_that_is_named(server: Server) -> None:
    (glue,) = server.get("/api/v1/run-links")[1]["links"]
    assert (glue["title"], glue["needs"]) == ("AWS Glue", "jobRun")
    said = headwater("serve", "--history-server", "javascript:alert(1)")
    assert (said.returncode, "expected an address" in said.stderr) == (2, True)
    said = headwater("serve", "--glue-region", "eu")
    assert (said.returncode, "expected a region" in said.stderr) == (2, True)


def test_health_names_the_last_check_and_the_last_anchor(server: Server, tmp_path: Path) -> None:
    anchor = tmp_path / "anchor.json"
    assert server.get("/api/v1/stats")[1]["verified"] is None
    assert headwater("verify", "--data", server.folder).returncode == 0
    assert server.get("/api/v1/stats")[1]["verified"]["anchor"] is None
    assert headwater("verify", "--anchor", anchor, "--data", server.folder).returncode == 0
    assert headwater("verify", "--data", server.folder).returncode == 0
    said = server.get("/api/v1/stats")[1]["verified"]
    noted = json.loads(anchor.read_text())
    assert (said["ok"], said["anchor"]["file"], said["anchor"]["hash"]) == (True, str(anchor), noted["hash"])


def test_a_plan_names_the_entry_that_holds_it_with_its_hash(server: Server) -> None:
    (run,) = server.get("/api/v1/queries/latest-runs?limit=1")[1]["rows"]
    entry = server.get(f"/api/v1/plan-entry?plan={quote(run['plan'])}")[1]
    assert (entry["entry"] > 0, len(entry["hash"]), entry["sender"]) == (True, 64, None)


def test_parked_entries_are_tried_again_by_those_who_may(tmp_path: Path) -> None:
    data = tmp_path / "data"
    token = {
        scope: headwater("token", "add", "--scope", scope, scope, "--data", data).stdout.strip()
        for scope in ("annotate", "admin")
    }
    with serving(data) as server:
        answers = {}
        for scope, secret in token.items():
            request = urllib.request.Request(
                f"{server.url}/api/v1/parked/retry", method="POST", headers={"Authorization": f"Bearer {secret}"}
            )
            try:
                with urllib.request.urlopen(request, timeout=PATIENCE) as response:
                    answers[scope] = response.status, json.load(response)
            except urllib.error.HTTPError as error:
                answers[scope] = error.code, None
    assert answers == {"annotate": (403, None), "admin": (200, {"retried": 0, "parked": 0})}


def test_serve_says_where_to_look(server: Server) -> None:
    said = server.folder.with_name(f"{server.folder.name}.log").read_text()
    assert f"{server.url}/\n" in said
