"""An account of AWS on loopback: moto's server, and what every test that starts one must not forget."""

from __future__ import annotations

import logging
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

from moto.server import ThreadedMotoServer


@contextmanager
def moto_account() -> Iterator[str]:
    """The URL of an empty account, on a free port.

    What moto keeps is kept by the process, not by the server: without the reset the account holds what the tests before
    have left in theirs.
    """
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        url = "http://{}:{}".format(*server.get_host_and_port())
        reset = urllib.request.Request(f"{url}/moto-api/reset", method="POST")
        urllib.request.urlopen(reset, timeout=120).close()
        yield url
    finally:
        server.stop()
