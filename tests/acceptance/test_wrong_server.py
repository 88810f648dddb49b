"""The address of a server that was mistyped, or that another program answers at: one line that says what to do."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

import pytest

from headwater import cli
from headwater.cli.serve import port_errors
from headwater.client import Client
from headwater.errors import HeadwaterError, Unreachable, WrongUse
from headwater.settings import TOKEN, data_folder
from tests.acceptance.loopback import QuietHandler, served

Captured: TypeAlias = pytest.CaptureFixture[str]
PAGE = b"<!DOCTYPE HTML>\n<html><body><h1>Error response</h1></body></html>"


class Stranger(QuietHandler):
    """A web server that is not Headwater's, and one that has a plain word for some of its errors."""

    def do_GET(self) -> None:  # noqa: N802 - the base class's name
        """A page, whatever is asked."""
        self.send(404, b"404: Not Found" if self.path.startswith("/plain") else PAGE)

    def do_POST(self) -> None:  # noqa: N802 - the base class's name
        """What the agents' routes of a Headwater server answer."""
        self.body()
        self.send(400, b"$.id: expected an UUID")


@pytest.fixture(scope="module")
def stranger() -> Iterator[str]:
    with served(Stranger) as url:
        yield url


@pytest.mark.parametrize(
    "url",
    [
        "127.0.0.1:9090",
        "htp://127.0.0.1:9090",
        "http://",
        "http://127.0.0.1:abc",  # was an internal error
        "http://127.0.0.1:99999",  # no port has this number
        "http://[::1",
    ],
)
def test_what_is_no_address_of_a_server_is_named(url: str) -> None:
    with pytest.raises(WrongUse, match=r"is no server: expected http://HOST:PORT"):
        Client(url)


@pytest.mark.parametrize("end", ["", "/", "/producer", "/producer/", "/consumer", "/api/v1", "/gremlin", "/?node=x#y"])
def test_the_address_that_others_have_of_the_server_is_understood(end: str) -> None:
    assert Client(f"http://127.0.0.1:9090{end}").url == "http://127.0.0.1:9090"
    assert Client(f"https://tools.example.com/lineage{end}").url == "https://tools.example.com/lineage"


def test_tls_to_a_server_without_it_is_said_in_words(stranger: str) -> None:
    with pytest.raises(Unreachable) as caught:
        Client(stranger.replace("http:", "https:")).get("/ready")
    assert str(caught.value).endswith(f"it seems to speak plain HTTP: try {stranger}")
    assert "SSL" not in str(caught.value)


def test_a_page_of_another_program_is_not_shown(stranger: str) -> None:
    with pytest.raises(WrongUse) as caught:
        Client(stranger).get("/api/v1/queries/jobs", [("limit", 3)])
    assert str(caught.value) == (
        f"what is at {stranger} answers /api/v1/queries/jobs with 404 Not Found, and not as Headwater does"
    )
    with pytest.raises(WrongUse, match=r"with 404 Not Found.*give the address alone, http://HOST:PORT"):
        Client(f"{stranger}/plain").get("/api/v1/queries/jobs")


def test_a_refusal_in_plain_text_is_shown_as_it_is(stranger: str) -> None:
    with pytest.raises(HeadwaterError, match=r"^\$\.id: expected an UUID$"):
        Client(stranger).post("/producer/execution-plans", b"{}", "application/json")


@pytest.mark.parametrize("token", ["secret\nX-More: 1", "two secrets", "secr\u00e9t"])
def test_a_token_that_no_header_can_hold_is_refused_and_not_shown(token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TOKEN.variable, token)
    with pytest.raises(WrongUse, match=TOKEN.variable) as caught:
        Client("http://127.0.0.1:9090")
    assert token not in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_line_break_at_the_end_of_a_tokens_file_does_no_harm(stranger: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TOKEN.variable, "secret\n")
    with pytest.raises(WrongUse, match="404"):
        Client(stranger).get("/ready")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("", "is named by an empty text"),
        ("/dev/null", "/dev/null is not a folder"),
        ("/dev/null/x/y", "/dev/null is not"),
    ],
)
@pytest.mark.parametrize("command", [["serve", "--port", "0"], ["jobs"], ["doctor"], ["token", "list"]], ids="".join)
def test_a_folder_that_can_be_none_is_named_and_none_is_made(
    command: list[str], given: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    monkeypatch.chdir(tmp_path)  # where an empty text made a ledger
    assert cli.run([*command, "--data", given]) == 2
    assert said in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
    with pytest.raises(WrongUse, match=said):
        data_folder(given)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["mcp", "--http", "--server", "nope"], 2, "'nope' is no server: expected http://HOST:PORT"),
        (["mcp", "--http", "--server", "http://h:1", "--port", "99999"], 2, "99999 is not in the range"),
        (["mcp", "--http", "--server", "http://h:1", "--host", "300.1.1.1"], 3, "300.1.1.1:9595 cannot be listened on"),
    ],
)
def test_where_to_listen_is_told_in_one_line(
    arguments: list[str], code: int, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    monkeypatch.setenv("HEADWATER_DATA", str(tmp_path / "data"))
    assert cli.run(arguments) == code
    shown = capsys.readouterr().err.strip().splitlines()
    assert said in shown[-1]


def test_a_host_that_is_none_is_named_by_its_option() -> None:
    with pytest.raises(WrongUse, match=r"--host 300\.1\.1\.1 is no address"), port_errors("300.1.1.1", 9090):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")


def test_a_port_of_another_program_is_named_by_the_server_for_assistants(stranger: str, capsys: Captured) -> None:
    port = stranger.rpartition(":")[2]
    assert cli.run(["mcp", "--http", "--server", stranger, "--port", port]) == 3
    assert capsys.readouterr().err == f"headwater: 127.0.0.1:{port} cannot be listened on: Address already in use\n"
