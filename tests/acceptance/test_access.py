"""A server with TLS of its own, an access log, limits, and a log for machines; and what is said of wrong options."""

from __future__ import annotations

import asyncio
import json
import os
import ssl
import time
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

import pytest
import trustme

from headwater.ingest.http.tls import TlsFiles
from tests.acceptance.door import PATIENCE, PIPELINE, environment, headwater, serving

LAST = "file:///data/lake/pipe/out/churn_by_country#avg_score"


def certificate(folder: Path, authority: trustme.CA, *names: str) -> tuple[Path, Path]:
    """The files of a certificate and its key."""
    made = authority.issue_cert(*names)
    files = folder / "cert.pem", folder / "key.pem"
    files[0].unlink(missing_ok=True)
    for part in made.cert_chain_pems:
        part.write_to_path(str(files[0]), append=True)
    made.private_key_pem.write_to_path(str(files[1]))
    return files


def trusting(authority: trustme.CA, *, names: bool = True) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    context.check_hostname = names
    return context


def test_commands_of_the_machine_find_a_server_whose_certificate_is_for_its_public_name(tmp_path: Path) -> None:
    authority = trustme.CA()
    cert, key = certificate(tmp_path, authority, "lineage.example.com")
    folder = tmp_path / "data"
    options = ("--tls-certificate", str(cert), "--tls-key", str(key))
    with serving(folder, *options, trusted=trusting(authority, names=False)) as server:
        assert server.url.startswith("https://127.0.0.1:")
        loaded = headwater("load", "--data", folder, *PIPELINE)
        assert (loaded.returncode, loaded.stderr) == (0, "")
        assert "country" in headwater("upstream", LAST, "--data", folder).stdout
        elsewhere = headwater("upstream", LAST, "--server", server.url)  # by a name that is not in the certificate
        assert (elsewhere.returncode, "certificate" in elsewhere.stderr) == (3, True)
        with_its_name = headwater("upstream", LAST, "--server", server.url.replace("https", "http"))
        assert with_its_name.returncode == 3


def test_a_remote_command_trusts_the_authority_that_it_is_told(tmp_path: Path) -> None:
    authority = trustme.CA()
    cert, key = certificate(tmp_path, authority, "127.0.0.1")
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    options = ("--tls-certificate", str(cert), "--tls-key", str(key))
    with serving(tmp_path / "data", *options, trusted=trusting(authority)) as server:
        asked = headwater("query", "stats", "--server", server.url, SSL_CERT_FILE=str(tmp_path / "ca.pem"))
        assert (asked.returncode, asked.stderr) == (0, "")


async def test_a_renewal_that_is_half_done_changes_nothing(tmp_path: Path) -> None:
    authority = trustme.CA()
    files = TlsFiles(*certificate(tmp_path, authority, "old.example.com"))
    context = files.context()
    server = await asyncio.start_server(lambda _r, w: w.close(), "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    (tmp_path / "next").mkdir()
    cert, key = certificate(tmp_path / "next", authority, "new.example.com")
    try:
        cert.replace(files.certificate)  # its key comes later
        with pytest.raises(OSError, match="no certificate with its key"):
            files.load(context)
        assert await shown_at(port, authority) == "old.example.com"
        key.replace(files.key)
        files.load(context)
        assert await shown_at(port, authority) == "new.example.com"
    finally:
        server.close()


async def shown_at(port: int, authority: trustme.CA) -> str:
    """The name in the certificate that a new connection is shown."""
    _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=trusting(authority, names=False))
    names = writer.get_extra_info("peercert")["subjectAltName"]
    writer.close()
    with suppress(OSError):  # both sides close at once
        await writer.wait_closed()  # else its socket may outlive the event loop
    return str(names[0][1])


async def test_a_renewed_certificate_is_read_again_and_a_damaged_one_is_not(tmp_path: Path) -> None:
    authority = trustme.CA()
    cert, key = certificate(tmp_path, authority, "old.example.com")
    files = TlsFiles(cert, key)
    context = files.context()
    following = asyncio.create_task(files.follow(context, every=0.01))
    server = await asyncio.start_server(lambda _r, w: w.close(), "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]

    async def until(name: str) -> None:
        end = time.monotonic() + PATIENCE
        while (found := await shown_at(port, authority)) != name:
            assert time.monotonic() < end, found

    try:
        await until("old.example.com")
        certificate(tmp_path, authority, "new.example.com")
        await until("new.example.com")
        key.write_text("damaged")
        os.utime(key, ns=(1, 1))
        for _ in range(5):
            await asyncio.sleep(0.01)
            assert await shown_at(port, authority) == "new.example.com"
        certificate(tmp_path, authority, "newest.example.com")
        await until("newest.example.com")
    finally:
        following.cancel()
        server.close()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--tls-key", "k"], "--tls-certificate is missing"),
        (
            ["--tls-certificate", "c", "--tls-key", "k"],
            "--tls-certificate: c cannot be read: No such file or directory",
        ),
        (
            ["--tls-certificate", "README.md", "--tls-key", "k"],
            "--tls-key: k cannot be read: No such file or directory",
        ),
        (
            ["--tls-certificate", "README.md", "--tls-key", "README.md"],
            "--tls-key: README.md and README.md are no cert",
        ),
        (["--access-log", "nowhere/access.log"], "--access-log: nowhere/access.log cannot be written"),
        (["--allow-host", "https://lineage.example.com"], "a host name without scheme, port or comma"),
        (["--allow-host", "lineage.example.com:9090"], "a host name without scheme, port or comma"),
        (["--allow-host", "a.example,b.example"], "a host name without scheme, port or comma"),
        (["--allow-origin", "lineage.example.com"], "expected an origin such as https://"),
        (["--allow-origin", "https://*.example.com"], "without *"),
        (["--oidc-audience", "x"], "--oidc-audience needs --oidc-issuer"),
        (["--oidc-issuer", "https://x.example"], "an audience is needed"),
        (["--oidc-issuer", "https://x.example", "--oidc-audience", "a", "--oidc-scope", "ops"], "GROUP=SCOPE"),
        (
            ["--oidc-issuer", "https://x.example", "--oidc-audience", "a", "--oidc-scope", "a=read,ops=admin"],
            "one GROUP=SCOPE at a time",
        ),
        (
            ["--oidc-issuer", "https://x.example", "--oidc-audience", "a", "--oidc-scope", "*=read", "--alb", "x"],
            "the ARN of an Application Load Balancer",
        ),
    ],
)
def test_options_that_are_not_right_are_named_and_nothing_is_started(
    tmp_path: Path, options: list[str], said: str
) -> None:
    from tests.acceptance.door import ROOT, headwater_in

    done = headwater_in(ROOT, "serve", "--port", "0", "--data", tmp_path / "data", *options)
    assert (done.returncode, said in done.stderr) == (2, True), done.stderr
    assert "Traceback" not in done.stderr


def lines(file: Path) -> list[str]:
    return file.read_text().splitlines()


def test_the_access_log_says_who_asked_what_without_secrets(tmp_path: Path) -> None:
    folder, log = tmp_path / "data", tmp_path / "access.log"
    token = headwater("token", "add", "anna", "--scope", "read", "--data", folder).stdout.strip()
    with serving(folder, "--access-log", str(log)) as server:
        by = {"Authorization": f"Bearer {token}", "User-Agent": "dashboards/1"}
        assert server.get(f"/api/v1/upstream?node={quote('s3://nowhere/t')}&password=hunter2", **by)[0] in (400, 404)
        assert server.get("/api/v1/stats")[0] == 401
        assert server.get("/api/v1/nothing", **by)[0] == 404
        log.rename(tmp_path / "rotated.log")
        assert server.get("/api/v1/stats", **by)[0] == 200
        assert server.stop() == 0  # the last line may be written after its answer
    rows = [json.loads(line) for name in ("rotated.log", "access.log") for line in lines(tmp_path / name)]
    asked = [row for row in rows if row["agent"] == "dashboards/1"]
    assert [(row["sender"], row["path"], row["status"]) for row in asked] == [
        ("anna", "/api/v1/upstream", asked[0]["status"]),
        ("anna", "/api/v1/nothing", 404),
        ("anna", "/api/v1/stats", 200),
    ]
    assert (asked[0]["status"] in (400, 404), asked[-1]["bytes"] is None or asked[-1]["bytes"] > 10) == (True, True)
    assert "node=s3" in asked[0]["query"]
    assert [row["sender"] for row in rows if row["status"] == 401] == [None]
    whole = "".join(json.dumps(row) for row in rows)
    assert "hunter2" not in whole
    assert token not in whole
    assert not [row for row in rows if row["path"] in ("/health", "/ready")]


def test_a_sender_above_its_limit_is_told_how_long_to_wait(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    token = headwater("token", "add", "busy", "--scope", "read", "--per-minute", "2", "--data", folder).stdout.strip()
    with serving(folder) as server:
        answers = [server.get("/api/v1/stats", **{"X-API-Key": token}) for _ in range(2)]
        while answers[-1][0] == 200:  # as soon as three come within a minute
            answers.append(server.get("/api/v1/stats", **{"X-API-Key": token}))
        assert len(answers) > 2
        assert answers[-1][0] == 429
        assert "2 requests a minute: wait" in answers[-1][1]["error"]


def test_tokens_are_listed_with_their_times_and_replaced(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    made = headwater(
        "token", "add", "glue", "--scope", "write", "--scope", "read", "--expires", "90d", "--data", folder
    )
    first = made.stdout.strip()
    with serving(folder) as server:
        assert server.get("/api/v1/stats", **{"X-API-Key": first})[0] == 200
        second = headwater("token", "rotate", "glue", "--grace", "0h", "--data", folder).stdout.strip()
        assert [server.get("/api/v1/stats", **{"X-API-Key": each})[0] for each in (first, second)] == [401, 200]
    listed = json.loads(headwater("token", "list", "--data", folder, "--json").stdout)
    assert [(row["name"], row["scopes"], row["expires"] - row["created"]) for row in listed] == [
        ("glue", ["write", "read"], 90 * 86_400_000)
    ]
    shown = headwater("token", "list", "--data", folder).stdout
    assert "last used" in shown
    assert time.strftime("%Y-", time.gmtime()) in shown
    add = ("add", "x", "--scope", "read", "--expires")
    for wrong in ([*add, "soon"], [*add, "0d"], ["rotate", "glue", "--expires", "0h"], ["rotate", "nobody"]):
        assert headwater("token", *wrong, "--data", folder).returncode == 2


def test_the_log_can_be_json_also_that_of_the_graphs_process(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    variables = environment(HEADWATER_LOG_FORMAT="json")
    with serving(folder, variables=variables) as server:
        assert headwater("load", "--data", folder, PIPELINE[0]).returncode == 0
        assert server.get("/api/v1/stats", Host="elsewhere")[0] == 421
        assert server.stop() == 0
    rows = [json.loads(line) for line in lines(folder.with_name("data.log")) if line.startswith("{")]
    assert {"time", "level", "logger", "message"} == set(rows[0])
    assert [row["message"] for row in rows if "refused with 421" in row["message"]]
    assert [row for row in rows if row["message"].startswith("entry 1:")]


#: What a sender without any token is answered, and what each scope may do with methods that can change something.
OPEN = {"/", "/embed", "/health", "/ready"}
OPENED: dict[str, set[str]] = {
    "read": {"/sagemaker/query-lineage"},
    "annotate": {"/sagemaker/query-lineage", "/api/v1/statements"},
    "write": {"/producer/execution-plans", "/producer/execution-events", "/api/v1/lineage", "/api/v1/lineage/batch"},
}


def test_every_route_opens_with_every_method_to_its_scopes_alone(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    tokens = {
        scope: headwater("token", "add", scope, "--scope", scope, "--data", folder).stdout.strip()
        for scope in ("read", "annotate", "write", "admin")
    }
    with serving(folder) as server:
        admin = {"Authorization": f"Bearer {tokens['admin']}"}
        described = server.get("/api/v1/openapi.json", **admin)[1]["paths"]
        paths = {path.replace("{name}", "stats").replace("{", "").replace("}", "") for path in described} | OPEN
        paths |= {path for opened in OPENED.values() for path in opened}
        paths |= {"/gremlin", "/metrics", "/status", "/producer/status", "/api/v1/parked/retry", "/api/v1/snapshots"}
        paths |= {"/consumer/data-sources", "/api/v1/nothing", "/nothing", "/producer/nothing", "/api/v1/STATS"}
        paths -= {"/api/v1/events"}  # a stream without an end
        wrong = []
        for path in sorted(paths):
            for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"):
                if path in OPEN and method in ("GET", "HEAD"):
                    continue
                statuses = {"nobody": asked(server.url, path, method)}
                statuses |= {scope: asked(server.url, path, method, tokens[scope]) for scope in OPENED}
                expected = {"nobody": 401} | {scope: 403 for scope in OPENED if not may(scope, method, path)}
                wrong += [
                    (path, method, who, status)
                    for who, status in statuses.items()
                    if (status if status in (401, 403) else None) != expected.get(who)
                ]
        assert wrong == []


def may(scope: str, method: str, path: str) -> bool:
    """Whether a scope opens a path: those who send are told of all below /producer, also that there is nothing."""
    if scope == "write":
        return path.startswith("/producer") or (method == "POST" and path in OPENED[scope])
    if path.startswith("/producer"):
        return False
    return method in ("GET", "HEAD") or (method == "POST" and path in OPENED[scope])


def asked(url: str, path: str, method: str, token: str = "") -> int:
    """The status that a request is answered with."""
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    request = urllib.request.Request(url + path, b"{}" if method[0] == "P" else None, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
