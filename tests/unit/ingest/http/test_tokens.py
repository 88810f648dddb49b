"""Tokens are shown once, kept hashed, and work or stop working while the server runs."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
from contextlib import ExitStack
from hashlib import sha256
from pathlib import Path

import pytest

from headwater.ingest.http.authenticator import SCOPES, Scope, Sender, UnknownSender
from headwater.ingest.http.rates import Rates
from headwater.ingest.http.tokens import LOG_FILE, TOKENS_FILE, USES_FILE, TokenInfo, TokenStore, TokensUnreadable
from headwater.ingest.places.user import user_name


@pytest.fixture
def store(tmp_path: Path) -> TokenStore:
    return TokenStore(tmp_path / "data", clock=lambda: 1_700_000_000_000)


def test_a_token_names_its_sender_and_opens_its_scope(store: TokenStore) -> None:
    token = store.add(["write"], "glue")
    sender = store.check(token)
    assert sender is not None
    assert sender.name == "glue"


@pytest.mark.parametrize(
    ("scope", "opens"),
    [
        ("write", {"write"}),  # agents: it stands in the parameters of jobs
        ("read", {"read"}),
        ("annotate", {"annotate", "read"}),
        ("admin", {"write", "read", "annotate", "admin"}),
    ],
)
def test_a_scope_opens(store: TokenStore, scope: Scope, opens: set[Scope]) -> None:
    sender = store.check(store.add([scope], "x"))
    assert sender is not None
    assert {each for each in SCOPES if sender.may(each)} == opens


def test_a_file_of_the_version_before_and_scopes_of_a_later_one_are_read(store: TokenStore, tmp_path: Path) -> None:
    tokens = {name: f"hw_{name}" for name in ("glue", "anna", "ops", "new")}
    scopes = {"glue": ["write"], "anna": ["read"], "ops": ["admin"], "new": ["erase"]}
    rows = [
        {"name": name, "scopes": scopes[name], "sha256": sha256(token.encode()).hexdigest(), "createdMs": 1}
        for name, token in tokens.items()
    ]
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / TOKENS_FILE).write_text(json.dumps({"version": 1, "tokens": rows}))
    opened = {name: {s for s in SCOPES if sender.may(s)} for name in tokens if (sender := store.check(tokens[name]))}
    assert opened == {"glue": {"write"}, "anna": {"read"}, "ops": set(SCOPES), "new": set()}


def test_a_token_is_bound_to_an_account_and_stays_so(store: TokenStore, tmp_path: Path) -> None:
    first = store.add(["write"], "glue-prod", account="123456789012", per_minute=5)
    second = store.rotate("glue-prod", grace_ms=60_000)
    for token in (first, second):
        sender = TokenStore(tmp_path / "data", clock=lambda: 1_700_000_000_000).check(token)
        assert sender == Sender("glue-prod", frozenset({"write"}), 5, "123456789012")
    assert [known.account for known in store.list()] == ["123456789012"] * 2


@pytest.mark.parametrize(
    ("scopes", "account", "said"),
    [
        (["write"], "Prod", "12 digits"),
        (["write"], "", "12 digits"),
        (["read"], "prod", "scope write alone"),
        (["write", "read"], "prod", "scope write alone"),
        (["admin"], "prod", "scope write alone"),
    ],
)
def test_an_account_is_one_and_for_senders_alone(store: TokenStore, scopes: list[str], account: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        store.add(scopes, "x", account=account)
    assert not store.in_use


def test_a_binding_that_cannot_be_read_lets_nobody_in(store: TokenStore, tmp_path: Path) -> None:
    store.add(["write"], "glue", account="prod")
    file = tmp_path / "data" / TOKENS_FILE
    file.write_text(file.read_text().replace('"prod"', "7"))
    with pytest.raises(TokensUnreadable):
        store.check("hw_x")


@pytest.mark.parametrize("wrong", ["", "hw_", "hw_x", "\udcff", "é", "x" * 10_000])
def test_what_is_no_token_opens_nothing(store: TokenStore, wrong: str) -> None:
    token = store.add(["write"], "glue")
    assert store.check(wrong) is None
    assert store.check(token[:-1]) is None
    assert store.check(token + " ") is None


def test_the_file_holds_no_token_and_is_its_owners_alone(store: TokenStore, tmp_path: Path) -> None:
    token = store.add(["write"], "glue")
    file = tmp_path / "data" / TOKENS_FILE
    assert token not in file.read_text()
    assert token.removeprefix("hw_") not in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert {path.name for path in file.parent.iterdir()} == {TOKENS_FILE, LOG_FILE}


def test_the_log_says_who_did_what_to_which_token(store: TokenStore, tmp_path: Path) -> None:
    shown = [store.add(["write"], "glue", account="team-x"), store.rotate("glue", grace_ms=0)]
    chosen = "0123456789abcdef" * 4
    for _ in range(2):  # at each start; nothing changes the second time
        store.keep("admin", "bootstrap", chosen)
    assert store.revoke("glue")
    assert not store.revoke("nobody")
    file = tmp_path / "data" / LOG_FILE
    text = file.read_text()
    assert [each for each in (*shown, chosen) if each in text] == []
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    rows = [json.loads(line) for line in text.splitlines()]
    assert [(row["what"], row["name"], row["scopes"], row.get("account")) for row in rows] == [
        ("added", "glue", ["write"], "team-x"),
        ("rotated", "glue", ["write"], "team-x"),
        ("taken from a file", "bootstrap", ["admin"], None),
        ("revoked", "glue", ["write"], "team-x"),
    ]
    assert {(row["by"], row["time"]) for row in rows} == {(user_name(), "2023-11-14T22:13:20+00:00")}


def test_a_log_that_cannot_be_written_stops_no_change(store: TokenStore, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "elsewhere").write_text("as it was")
    (tmp_path / "data" / LOG_FILE).symlink_to(tmp_path / "elsewhere")
    assert store.check(store.add(["write"], "glue")) is not None
    assert (tmp_path / "elsewhere").read_text() == "as it was"


def test_tokens_are_listed_without_themselves_oldest_first(store: TokenStore) -> None:
    store.add(["write"], "glue")
    store.add(["read"], "anna")
    assert store.list() == (
        TokenInfo("glue", ("write",), 1_700_000_000_000),
        TokenInfo("anna", ("read",), 1_700_000_000_000),
    )


def test_another_process_adds_and_revokes_while_this_one_runs(store: TokenStore, tmp_path: Path) -> None:
    elsewhere = TokenStore(tmp_path / "data")
    assert store.list() == ()
    token = elsewhere.add(["write"], "glue")
    assert store.check(token) is not None
    assert elsewhere.revoke("glue")
    assert store.check(token) is None
    assert not elsewhere.revoke("glue")


@pytest.mark.parametrize(
    ("scope", "name", "message"),
    [
        ("write", "glue", "there is a token of the name glue already"),
        ("root", "x", "a scope is one of write, read, annotate, admin, not root"),
        ("write", "", "a name has 1 to 80 printable characters"),
        ("write", " ", "a name has 1 to 80 printable characters"),
        ("write", "a\nb", "a name has 1 to 80 printable characters"),
        ("write", "x" * 81, "a name has 1 to 80 printable characters"),
    ],
)
def test_a_token_that_cannot_be_named_is_not_made(store: TokenStore, scope: Scope, name: str, message: str) -> None:
    store.add(["write"], "glue")
    with pytest.raises(ValueError, match=message):
        store.add([scope], name)
    assert len(store.list()) == 1


@pytest.mark.parametrize("damage", ["", "[]", "{}", '{"tokens":[{"name":"x"}]}', '{"tokens":[1]}', '{"tokens":'])
def test_a_damaged_file_lets_nobody_in(store: TokenStore, tmp_path: Path, damage: str) -> None:
    token = store.add(["write"], "glue")
    (tmp_path / "data" / TOKENS_FILE).write_text(damage)
    with pytest.raises(TokensUnreadable):
        store.check(token)


def test_removing_the_file_removes_all_tokens(store: TokenStore, tmp_path: Path) -> None:
    token = store.add(["write"], "glue")
    (tmp_path / "data" / TOKENS_FILE).unlink()
    assert store.check(token) is None


def test_a_write_that_was_broken_off_does_not_stop_the_next_one(store: TokenStore, tmp_path: Path) -> None:
    store.add(["write"], "glue")
    for left in (tmp_path / "data").iterdir():
        left.with_suffix(".1.new").write_text("half")
    store.add(["read"], "anna")
    assert json.loads((tmp_path / "data" / TOKENS_FILE).read_text())["version"] == 1
    assert len(store.list()) == 2


_ADDS = """
import sys
from contextlib import ExitStack
from pathlib import Path
from headwater.ingest.http.tokens import TokenStore
store, name = TokenStore(Path(sys.argv[1])), sys.argv[2]
print("ready", flush=True)
sys.stdin.readline()
for number in range(5):
    store.add(["write"], f"{name}-{number}")
    assert store.revoke(f"old-{name}-{number}")
"""


def test_what_eight_processes_add_and_revoke_at_once_is_all_done(store: TokenStore, tmp_path: Path) -> None:
    names = [f"{process}-{number}" for process in range(8) for number in range(5)]
    for name in names:
        store.add(["read"], f"old-{name}")
    command = [sys.executable, "-c", _ADDS, str(tmp_path / "data")]
    pipe = subprocess.PIPE
    with ExitStack() as stack:
        started = [subprocess.Popen([*command, str(number)], stdin=pipe, stdout=pipe, text=True) for number in range(8)]
        processes = [stack.enter_context(process) for process in started]
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
    assert [process.returncode for process in processes] == [0] * 8
    assert sorted(known.name for known in store.list()) == sorted(names)


def test_tokens_are_asked_for_from_the_first_one_on_until_their_file_is_removed(
    store: TokenStore, tmp_path: Path
) -> None:
    assert not store.in_use
    store.add(["write"], "glue")
    assert store.revoke("glue")
    assert (store.in_use, store.knows_anybody) == (True, False)
    (tmp_path / "data" / TOKENS_FILE).unlink()
    assert not store.in_use


def test_a_link_in_place_of_the_file_lets_nobody_in(store: TokenStore, tmp_path: Path) -> None:
    token = store.add(["write"], "glue")
    file = tmp_path / "data" / TOKENS_FILE
    file.replace(tmp_path / "elsewhere.json")
    file.symlink_to(tmp_path / "elsewhere.json")
    with pytest.raises(TokensUnreadable):
        store.check(token)
    file.unlink()
    file.symlink_to(tmp_path / "nowhere")
    assert store.in_use


def test_a_token_that_was_chosen_elsewhere_replaces_the_one_of_its_name(store: TokenStore) -> None:
    first, second = "a" * 64, "b" * 64
    other = store.add(["read"], "anna")
    store.keep("admin", "bootstrap", first)
    store.keep("admin", "bootstrap", first)  # at each start
    assert [token.name for token in store.list()] == ["anna", "bootstrap"]
    sender = store.check(first)
    assert sender is not None
    assert sender.may("admin")
    store.keep("admin", "bootstrap", second)
    assert (store.check(first), store.check(other) is None, store.check(second) is None) == (None, False, False)


# Tokens that end, are replaced, and are limited -----------------------------------------------------------------------


class Clock:
    """Milliseconds since 1970 that a test lets pass."""

    now = 1_700_000_000_000

    def __call__(self) -> int:
        return self.now


DAY = 86_400_000


def test_a_token_opens_nothing_from_its_end_on_and_its_name_can_be_given_again(tmp_path: Path) -> None:
    clock = Clock()
    store = TokenStore(tmp_path, clock=clock)
    token = store.add(["read", "write"], "glue", lasts_ms=DAY)
    assert store.check(token) == Sender("glue", frozenset({"read", "write"}))
    clock.now += DAY
    with pytest.raises(UnknownSender, match="the token of glue has expired"):
        store.check(token)
    assert (store.knows_anybody, store.in_use) == (False, True)
    other = store.add(["write"], "glue")
    assert store.check(other) is not None
    assert store.check(token) is None
    assert [info.scopes for info in store.list()] == [("write",)]


def test_a_token_is_replaced_without_a_gap(tmp_path: Path) -> None:
    clock = Clock()
    store = TokenStore(tmp_path, clock=clock)
    first = store.add(["read"], "dashboards", lasts_ms=30 * DAY, per_minute=100)
    clock.now += 29 * DAY
    second = store.rotate("dashboards", grace_ms=7 * DAY)
    assert store.check(first) == store.check(second) == Sender("dashboards", frozenset({"read"}), 100)
    # The first ends when it was to end anyway, the second lasts as long as the first did.
    assert [info.expires_ms - clock.now for info in store.list() if info.expires_ms] == [DAY, 30 * DAY]
    third = store.rotate("dashboards", grace_ms=0, lasts_ms=DAY)
    assert [store.check(token) is not None for token in (first, second, third)] == [False, False, True]
    assert store.revoke("dashboards")
    assert store.check(third) is None
    with pytest.raises(KeyError):
        store.rotate("dashboards", grace_ms=DAY)


def test_when_a_token_was_last_used_is_noted_by_a_server_alone(tmp_path: Path) -> None:
    clock = Clock()
    server, command = TokenStore(tmp_path, notes_uses=True, clock=clock), TokenStore(tmp_path, clock=clock)
    token = server.add(["read"], "dashboards")
    assert command.check(token)
    assert [info.used_ms for info in command.list()] == [None]
    assert server.check(token)
    clock.now += 30_000
    assert server.check(token)
    assert [info.used_ms for info in command.list()] == [clock.now - 30_000]
    clock.now += 30_000
    assert server.check(token)
    assert [info.used_ms for info in command.list()] == [clock.now]
    assert stat.S_IMODE((tmp_path / USES_FILE).stat().st_mode) == 0o600
    (tmp_path / USES_FILE).write_text("[")
    assert [info.used_ms for info in command.list()] == [None]


def test_a_sender_with_a_limit_waits_until_its_bucket_has_filled() -> None:
    now = [0.0]
    rates = Rates(lambda: now[0])
    assert [rates.wait("a", 2) for _ in range(3)] == [0, 0, 30]
    assert rates.wait("b", 2) == 0
    now[0] = 29.0
    assert rates.wait("a", 2) == 1
    now[0] = 30.0
    assert [rates.wait("a", 2) for _ in range(2)] == [0, 30]
    now[0] = 1_000.0
    assert [rates.wait("a", 2) for _ in range(3)] == [0, 0, 30]
