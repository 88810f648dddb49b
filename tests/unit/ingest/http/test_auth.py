"""Where a server may listen without tokens, and under which names."""

from __future__ import annotations

from pathlib import Path

import pytest

from headwater.ingest.http.addresses import is_loopback
from headwater.ingest.http.auth import Access, TokensRequired, access_for
from headwater.ingest.http.tokens import TokenStore


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LOCALHOST", "::1", "[::1]", "127.1.2.3"])
def test_on_a_laptop_no_token_is_needed(tmp_path: Path, host: str) -> None:
    assert is_loopback(host)
    assert not access_for(host, TokenStore(tmp_path)).needs_sender


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "10.0.0.7", "lineage.corp", "localhost.evil.com", "127.0.0.1.x"])
def test_any_other_host_refuses_to_start_without_a_token(tmp_path: Path, host: str) -> None:
    with pytest.raises(TokensRequired, match="headwater token add --scope write"):
        access_for(host, TokenStore(tmp_path))


@pytest.mark.parametrize("host", ["0.0.0.0", "127.0.0.1"])
def test_a_token_is_needed_even_after_the_last_one_was_revoked(tmp_path: Path, host: str) -> None:
    tokens = TokenStore(tmp_path)
    tokens.add(["write"], "glue")
    access = access_for(host, tokens)
    tokens.revoke("glue")
    assert access.needs_sender


def test_a_token_that_was_made_is_asked_for_on_a_laptop_too(tmp_path: Path) -> None:
    tokens = TokenStore(tmp_path)
    access = access_for("127.0.0.1", tokens)
    tokens.add(["write"], "glue")
    assert access.needs_sender


@pytest.mark.parametrize(
    ("host", "allowed", "hosts"),
    [
        ("127.0.0.1", [], {"127.0.0.1"}),
        ("0.0.0.0", ["Lineage.Corp.", "10.0.0.7"], {"lineage.corp", "10.0.0.7"}),
        ("::", ["fd00::1"], {"[fd00::1]"}),
        ("lineage.corp", [], {"lineage.corp"}),
    ],
)
def test_the_names_of_a_server_are_its_addresses_and_the_configured_ones(
    tmp_path: Path, host: str, allowed: list[str], hosts: set[str]
) -> None:
    tokens = TokenStore(tmp_path)
    tokens.add(["write"], "glue")
    assert access_for(host, tokens, allowed_hosts=allowed).hosts == hosts


def test_the_default_is_a_laptops() -> None:
    assert not Access().needs_sender
