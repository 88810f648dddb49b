"""A real Gremlin Server on loopback, for tests and figures: in a container, or as a child process.

    with serving() as server:
        store = open_store(server.url("set", 1))

Where a Docker engine answers it is TinkerPop's image. Elsewhere it needs Java, and its jars come by Maven from where
Maven takes them, once, into a folder of the user's cache. Each graph is reached by a traversal source of its own, so
that one server serves many tests; whoever takes a graph clears it.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.containers import no_engine, running
from tests.ports import free_port

VERSION = os.environ.get("GREMLIN_SERVER_VERSION", "3.7.3")
GRAPHS = 4  #: of each kind
_PORT = 8182  #: inside of a container
_POM = Path(__file__).with_name("pom.xml")
_TINKER = "org.apache.tinkerpop.gremlin.tinkergraph.structure"
_START_SECONDS, _POLL_SECONDS, _END_SECONDS = 120.0, 0.05, 10.0
#: What a graph of a kind is beside its ids. `set` has Neptune's default cardinality. (TinkerTransactionGraph, which
#: would also have its transactions, reports conflicts between a write and reads that were answered before it.)
KINDS: Mapping[str, str] = {"single": "", "set": "gremlin.tinkergraph.defaultVertexPropertyCardinality=set\n"}
#: Those that Headwater needs, as docs/stores.md and infra/container have them.
GRAPH = f"""gremlin.graph={_TINKER}.TinkerGraph
gremlin.tinkergraph.vertexIdManager=ANY
gremlin.tinkergraph.edgeIdManager=ANY
"""
_QUICK = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
_SERVER = """
host: {host}
port: {port}
maxContentLength: {largest}
channelizer: org.apache.tinkerpop.gremlin.server.channel.WebSocketChannelizer
graphs: {{{graphs}}}
scriptEngines:
  gremlin-lang: {{}}
  gremlin-groovy:
    plugins:
      org.apache.tinkerpop.gremlin.server.jsr223.GremlinServerGremlinPlugin: {{}}
      org.apache.tinkerpop.gremlin.tinkergraph.jsr223.TinkerGraphGremlinPlugin: {{}}
      org.apache.tinkerpop.gremlin.jsr223.ScriptFileGremlinPlugin: {{files: ["{init}"]}}
serializers:
  - className: org.apache.tinkerpop.gremlin.util.ser.GraphSONMessageSerializerV3
    config: {{ioRegistries: [{tinker}.TinkerIoRegistryV3]}}
  - className: org.apache.tinkerpop.gremlin.util.ser.GraphBinaryMessageSerializerV1
"""


class Missing(Exception):
    """The server cannot be run on this machine; the text says what is not there."""


@dataclass(frozen=True)
class Server:
    """A server that runs."""

    port: int

    def url(self, kind: str = "single", number: int = 0) -> str:
        """The URL of one of its graphs, which may hold what an earlier test left."""
        return f"ws://127.0.0.1:{self.port}/gremlin?g={kind}{number}"


def jars(version: str = VERSION) -> Path:
    """The folder with the server's jars, filled if it is not there. Missing: no Java, no Maven, or no network."""
    for tool in ("java", "mvn"):
        if shutil.which(tool) is None:
            raise Missing(f"Gremlin Server needs {tool}, which was not found")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "headwater"
    cache.mkdir(parents=True, exist_ok=True)
    folder = cache / f"gremlin-server-{version}"
    with (cache / "gremlin-server.lock").open("w") as lock:  # one process fetches, the others wait
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            _fetch(folder, version)
    return folder


def _fetch(folder: Path, version: str) -> None:
    place = Path(tempfile.mkdtemp(prefix="gremlin-server-", dir=folder.parent))
    command = ["mvn", "-q", "-B", "-f", str(_POM), "dependency:copy-dependencies", "-DincludeScope=runtime"]
    command += [f"-DoutputDirectory={place / 'lib'}", f"-Dgremlin.version={version}"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise Missing(f"Maven cannot get Gremlin Server: {(done.stdout or done.stderr).strip()[:200]}")
        (place / "lib").rename(folder)
    finally:
        shutil.rmtree(place, ignore_errors=True)


@contextmanager
def serving(
    *, version: str = VERSION, heap: str = "512m", largest: int = 10_485_760, java: Sequence[str] = _QUICK
) -> Iterator[Server]:
    """A server with `GRAPHS` graphs of each kind, until the end of the block. `largest`: bytes of a request."""
    place = Path(tempfile.mkdtemp(prefix="gremlin-server-"))
    options = (f"-Xmx{heap}", *java)
    try:
        with (
            _child(place, jars(version), largest, options)
            if no_engine()
            else _container(place, version, largest, options)
        ) as port:
            yield Server(port)
    finally:
        shutil.rmtree(place, ignore_errors=True)


@contextmanager
def _container(place: Path, version: str, largest: int, options: Sequence[str]) -> Iterator[int]:
    """The image's own entry point writes into its configuration, so the server is started without it."""
    place.chmod(0o755)  # the image's user has another number
    configured = _configured(place, "0.0.0.0", _PORT, largest)
    with running(
        f"tinkerpop/gremlin-server:{version}",
        port=_PORT,
        said="Channel started at port",
        files={place: str(place)},
        variables={"JAVA_OPTIONS": " ".join(options)},
        entrypoint=["/opt/gremlin-server/bin/gremlin-server.sh"],
        command=[str(configured)],
    ) as port:
        yield port


@contextmanager
def _child(place: Path, libraries: Path, largest: int, options: Sequence[str]) -> Iterator[int]:
    port = free_port()
    command = ["java", *options, "-cp", f"{libraries}/*", "org.apache.tinkerpop.gremlin.server.GremlinServer"]
    command.append(str(_configured(place, "127.0.0.1", port, largest)))
    with (place / "log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
    try:
        _await(process, port, place / "log")
        yield port
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(_END_SECONDS)
        process.kill()
        process.wait()


def _configured(place: Path, host: str, port: int, largest: int) -> Path:
    names = [f"{kind}{number}" for kind in KINDS for number in range(GRAPHS)]
    for kind, properties in KINDS.items():
        (place / f"{kind}.properties").write_text(GRAPH + properties)
    init = place / "init.groovy"
    sources = ", ".join(f"{name}: traversal().withEmbedded(graph_{name})" for name in names)
    init.write_text(f"globals = [:]\nglobals << [{sources}]\n")
    graphs = ", ".join(f"graph_{name}: {place / name.rstrip('0123456789')}.properties" for name in names)
    path = place / "server.yaml"
    path.write_text(_SERVER.format(host=host, port=port, largest=largest, graphs=graphs, init=init, tinker=_TINKER))
    return path


def _await(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    """The port is opened when the graphs are there."""
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end:
        if process.poll() is not None:
            break
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(_POLL_SECONDS)
    raise RuntimeError(f"Gremlin Server did not start: {log.read_text()[-2_000:]}")
