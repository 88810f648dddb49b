"""The process that has the graph, at the pipe to its server."""

from __future__ import annotations

import subprocess
import sys

TELLS = "from headwater.ingest.process import graph_worker as worker; worker._tell({'beat': None})"


def test_where_nobody_reads_any_more_it_ends_without_a_word() -> None:
    """The server was killed between two beats."""
    process = subprocess.Popen([sys.executable, "-c", TELLS], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    with process.stderr as said:
        assert said.read() == b""
    assert process.wait() == 1
