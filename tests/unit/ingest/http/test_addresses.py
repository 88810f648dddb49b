"""By which URLs a server is reached, from its own machine and from others."""

from __future__ import annotations

import socket
from contextlib import closing

import pytest

from headwater.cli.serve import told_elsewhere
from headwater.ingest.http.addresses import url_elsewhere, url_of

#: What it listens on -> the name in the URL that its own machine uses.
HERE = {
    "127.0.0.1": "127.0.0.1",
    "localhost": "localhost",
    "0.0.0.0": "127.0.0.1",
    "::": "127.0.0.1",
    "[::]": "127.0.0.1",
    "::1": "[::1]",
    "[::1]": "[::1]",
    "lineage.example.com": "lineage.example.com",
}


@pytest.mark.parametrize("host", HERE)
def test_a_program_of_this_machine(host: str) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        port = listening.getsockname()[1]
        assert url_of(listening, "https", host) == f"https://{HERE[host]}:{port}"


#: What it listens on, the names that it is let be known by, the machine's own -> the name in the URL of others.
ELSEWHERE = [
    ("127.0.0.1", (), "node7", None),
    ("10.0.0.7", (), "node7", None),
    ("0.0.0.0", (), "node7", "node7"),
    ("::", (), "node7", "node7"),
    ("[::]", (), "node7", "node7"),
    ("0.0.0.0", ("localhost", "lineage.example.com"), "node7", "lineage.example.com"),
    ("0.0.0.0", ("2001:db8::1",), "node7", "[2001:db8::1]"),
    ("0.0.0.0", ("[2001:db8::1]",), "node7", "[2001:db8::1]"),
    ("0.0.0.0", (), "localhost", "HOST"),
]


@pytest.mark.parametrize(("host", "known_as", "own", "name"), ELSEWHERE)
def test_a_program_of_another_machine(host: str, known_as: tuple[str, ...], own: str, name: str | None) -> None:
    assert url_elsewhere("http://127.0.0.1:9090", host, known_as, own) == (name and f"http://{name}:9090")


def test_what_is_printed_where_all_addresses_are_listened_on(capsys: pytest.CaptureFixture[str]) -> None:
    own = socket.gethostname()
    assert told_elsewhere("http://127.0.0.1:9090", "::", ()) == f"http://{own}:9090"
    assert f"From other machines it is http://{own}:9090 (this machine's own name" in capsys.readouterr().out
    named = told_elsewhere("http://127.0.0.1:9090", "::", ("lineage.example.com",))
    assert named == "http://lineage.example.com:9090"
    assert capsys.readouterr().out == "From other machines it is http://lineage.example.com:9090\n"
    assert told_elsewhere("http://127.0.0.1:9090", "127.0.0.1", ()) == "http://127.0.0.1:9090"
    assert capsys.readouterr().out == ""
