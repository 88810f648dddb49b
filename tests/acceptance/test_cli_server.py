"""`headwater serve` and the commands beside it: who is asked, who is let in, what a killed server leaves."""

from __future__ import annotations

import json
import shutil
import signal
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.acceptance.door import PATIENCE, PIPELINE, Server, headwater, serving

LAST = "file:///data/lake/pipe/out/churn_by_country#avg_score"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("cli-server") / "data") as running:
        yield running


def test_with_a_server_running_commands_ask_it(server: Server) -> None:
    loaded = headwater("load", "--data", server.folder, *PIPELINE)
    assert "9 plans and 9 events loaded; 0 already known" in loaded.stdout
    assert (
        "0 plans and 0 events loaded; 18 already known" in headwater("load", "--data", server.folder, *PIPELINE).stdout
    )
    asked = headwater("upstream", LAST, "--data", server.folder, "--json")
    assert len(json.loads(asked.stdout)["nodes"]) == 20
    assert json.loads(headwater("upstream", LAST, "--server", server.url, "--json").stdout) == json.loads(asked.stdout)
    assert headwater("verify", "--data", server.folder).returncode == 0
    for command in (["erase", "1", "--reason", "x"], ["replay", "--yes"], ["parked", "--retry"]):
        refused = headwater(*command, "--data", server.folder)
        assert (refused.returncode, "stop it before" in refused.stderr) == (3, True)


def test_a_second_server_on_the_folder_refuses(server: Server) -> None:
    second = headwater("serve", "--port", "0", "--data", server.folder)
    assert second.returncode == 3
    assert "in use" in second.stderr


def test_a_port_in_use_is_reported(server: Server, tmp_path: Path) -> None:
    second = headwater("serve", "--port", server.url.rpartition(":")[2], "--data", tmp_path / "data")
    assert second.returncode == 3
    assert "cannot be listened on" in second.stderr


def test_a_killed_server_leaves_nothing_in_the_way(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with serving(folder) as server:
        headwater("load", "--data", folder, *PIPELINE)
        server.stop(signal.SIGKILL)
    assert (folder / "server.json").exists()
    assert headwater("upstream", LAST, "--data", folder).returncode == 0


def test_a_copy_of_a_folder_is_not_what_the_server_of_the_original_runs_on(tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    headwater("load", PIPELINE[0], "--data", copy)
    with serving(tmp_path / "data") as server:
        shutil.copy(server.folder / "server.json", copy)  # as `cp -r` does
        loaded = headwater("load", PIPELINE[1], "--data", copy)
        assert loaded.returncode == 0, loaded.stderr
        assert server.get("/api/v1/stats")[1]["entries"] == 0
        link = tmp_path / "link"
        link.symlink_to(server.folder)  # the same folder by another name is that server's
        headwater("load", PIPELINE[1], "--data", link)
        assert server.get("/api/v1/stats")[1]["entries"] > 0
    assert "ok: 4 entries" in headwater("verify", "--data", copy).stdout


def test_ctrl_c_and_sigterm_end_a_server_with_zero(tmp_path: Path) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        with serving(tmp_path / "data") as server:
            assert server.stop(number) == 0
        assert not (tmp_path / "data" / "server.json").exists()


def test_tokens_are_shown_once_and_open_what_they_are_for(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    made = headwater("token", "add", "dashboards", "--scope", "read", "--data", folder)
    reader = made.stdout.strip()
    assert "refuses every request without one" in made.stderr
    assert headwater("token", "list", "--data", folder, "--json").stdout.count("dashboards") == 1
    with serving(folder) as server:
        assert server.get("/api/v1/stats")[0] == 401
        assert server.get("/api/v1/stats", Authorization=f"Bearer {reader}")[0] == 200
        refused = headwater("load", "--server", server.url, PIPELINE[0], HEADWATER_TOKEN=reader)
        assert refused.returncode != 0
        assert reader not in refused.stderr
        revoked = headwater("token", "revoke", "dashboards", "--data", folder)
        assert (revoked.returncode, "That was the last token" in revoked.stderr) == (0, True)
        assert server.get("/api/v1/stats")[0] == 401
    assert headwater("token", "revoke", "dashboards", "--data", folder).returncode == 2


def test_people_tag_with_a_token_of_their_own_and_agents_cannot(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    tokens = {
        scope: headwater("token", "add", scope, "--scope", scope, "--data", folder).stdout.strip()
        for scope in ("annotate", "read", "write")
    }
    with serving(folder) as server:
        headwater("load", "--data", folder, *PIPELINE)
        codes = {
            scope: headwater("tag", LAST, "pii", "--server", server.url, HEADWATER_TOKEN=token).returncode
            for scope, token in tokens.items()
        }
        assert codes == {"annotate": 0, "read": 2, "write": 2}
        tagged = headwater("query", "tags", f"node={LAST}", "--server", server.url, HEADWATER_TOKEN=tokens["annotate"])
        assert "pii" in tagged.stdout
        said = json.dumps({"kind": "tag", "subject": LAST, "value": "gold", "by": "the chief"}).encode()
        headers = {"Authorization": f"Bearer {tokens['annotate']}", "Content-Type": "application/json"}
        urllib.request.urlopen(
            urllib.request.Request(f"{server.url}/api/v1/statements", said, headers), timeout=PATIENCE
        ).close()
        assert headwater("tag", LAST, "old", "--by", "ann", "--data", folder).returncode == 0  # the server's own user
        asked = server.get(f"/api/v1/queries/tags?node={quote(LAST)}&after=21", **headers)[1]["rows"]
        assert {row["tag"]: row["statedBy"] for row in asked} == {"pii": "annotate", "gold": "annotate", "old": "ann"}


def test_what_serve_prints_can_be_opened_and_probes_are_answered_under_any_name(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with serving(folder) as server:
        status, text = server.get("/")
        assert (status, text.startswith("<!doctype html>")) == (200, True)
        assert [server.get(path)[0] for path in ("/producer", "/producer/status")] == [200, 200]
        assert [server.get(path, Host="10.0.0.7")[0] for path in ("/health", "/ready", "/", "/metrics")] == [
            200,
            200,
            421,
            421,
        ]
        token = headwater("token", "add", "dashboards", "--scope", "read", "--data", folder).stdout.strip()
        headers = {"Host": "10.0.0.7", "X-API-Key": token}
        assert [server.get(path, **headers)[0] for path in ("/", "/metrics", "/producer")] == [200, 200, 403]
        log = folder.with_name("data.log").read_text()
        assert "refused with 421 (Misdirected Request): GET /metrics" in log
        assert token not in log


def test_a_server_that_does_not_answer_keeps_its_folder(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with serving(folder) as server:
        server.process.send_signal(signal.SIGSTOP)
        shown = headwater("upstream", LAST, "--data", folder)
        server.process.send_signal(signal.SIGCONT)
        assert (shown.returncode, shown.stdout) == (3, "")
        assert "in use" in shown.stderr
        assert server.stop() == 0


def test_another_folders_server_on_the_port_of_a_killed_one_is_not_asked(tmp_path: Path) -> None:
    loaded = tmp_path / "data"
    headwater("load", "--data", loaded, *PIPELINE)
    with serving(loaded) as killed:
        killed.stop(signal.SIGKILL)
    with serving(tmp_path / "other", "--port", killed.url.rpartition(":")[2]) as other:
        assert other.url == killed.url
        assert headwater("upstream", LAST, "--data", loaded).returncode == 0
        assert headwater("upstream", LAST, "--data", other.folder).returncode == 2


def test_commands_of_the_servers_own_user_need_no_token(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    headwater("token", "add", "glue", "--scope", "write", "--data", folder)
    with serving(folder) as server:
        assert (folder / "server.json").stat().st_mode & 0o777 == 0o600
        assert headwater("load", "--data", folder, *PIPELINE).stdout.startswith("9 plans and 9 events loaded")
        assert headwater("upstream", LAST, "--data", folder).returncode == 0
        from_elsewhere = headwater("upstream", LAST, "--server", server.url)
        assert (from_elsewhere.returncode, from_elsewhere.stdout) == (2, "")
        assert "HEADWATER_TOKEN" in from_elsewhere.stderr
        told = json.loads((folder / "server.json").read_text())["token"]
        assert server.stop() == 0
    with serving(folder) as again:  # it lived as long as the server
        assert again.get("/api/v1/stats", Authorization=f"Bearer {told}")[0] == 401


def test_a_store_named_beside_a_running_server_must_be_its_own(server: Server, tmp_path: Path) -> None:
    own = f"embedded:{server.folder / 'graph'}"
    assert headwater("query", "jobs", "--data", server.folder, HEADWATER_STORE=own).returncode == 0
    other = headwater("query", "jobs", "--data", server.folder, "--store", f"embedded:{tmp_path / 'graph'}")
    assert (other.returncode, other.stdout) == (3, "")
    assert "leave out --store" in other.stderr


def test_a_damaged_list_of_tokens_lets_nobody_in(tmp_path: Path) -> None:
    (tmp_path / "tokens.json").write_text("{")
    for command in (["serve", "--port", "0"], ["token", "list"]):
        shown = headwater(*command, "--data", tmp_path)
        assert (shown.returncode, shown.stdout) == (2, "")
        assert "no list of tokens" in shown.stderr


def test_a_ledger_that_is_removed_under_a_server_is_said_by_every_answer(tmp_path: Path) -> None:
    """The graph still answers, but nobody can check what it says; and what is sent could not be kept."""
    folder = tmp_path / "data"
    with serving(folder) as server:
        headwater("load", "--data", folder, *PIPELINE)
        asked = f"/api/v1/lineage?node={LAST.replace('#', '%23')}&after=18"
        assert (before := server.get(asked)[1])["complete"]
        (folder / "ledger.sqlite").rename(folder / "aside")
        answer = server.get(asked.removesuffix("&after=18"))[1]
        assert (answer["complete"], answer["reason"]) == (False, "ledger")
        assert answer["nodes"] == before["nodes"]
        status, ready = server.get("/ready")
        assert (status, ready["reason"]) == (503, "ledger")
        assert headwater("load", "--data", folder, *PIPELINE).returncode == 3
        (folder / "aside").rename(folder / "ledger.sqlite")
        assert server.get(asked)[1] == before
        assert server.get("/ready")[0] == 200
        assert "18 already known" in headwater("load", "--data", folder, *PIPELINE).stdout
