"""What the embedded store does to its folder: it survives kills and full disks, says when it is damaged or in use."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from gremlin_python.process.graph_traversal import __
from gremlin_python.process.traversal import Bytecode, T

from headwater.graphmodel.delta import GraphDelta, edge, vertex
from headwater.graphstore import open_store, set_aside
from headwater.graphstore.embedded.store import EmbeddedStore
from headwater.graphstore.errors import (
    Damaged,
    Exceeded,
    InUse,
    InvalidRequest,
    PermanentError,
)

ROOT = Path(__file__).parents[3]
JOBS = GraphDelta(tuple(vertex(f"job{i}", "job", name=f"job {i}") for i in range(20)))
#: Writes 20 vertices and their 19 edges a delta for ever, and says after each that it was acknowledged.
WRITER = """
import sys
from headwater.graphmodel.delta import GraphDelta, edge, vertex
from headwater.graphstore import open_store
store = open_store("embedded:" + sys.argv[1])
for batch in range(10**9):
    ids = [f"{batch}.{i}" for i in range(20)]
    links = tuple(edge("follows", a, b) for a, b in zip(ids, ids[1:]))
    store.apply(GraphDelta(tuple(vertex(i, "operation", name=i) for i in ids), links))
    print(batch, flush=True)
"""
#: Fills its "disk" (files may not grow beyond 40,000 bytes), then is given room again.
FILLER = """
import resource, signal, sys
from headwater.graphmodel.delta import GraphDelta, vertex
from headwater.graphstore import open_store
from headwater.graphstore.errors import TransientError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
store = open_store("embedded:" + sys.argv[1])
delta = lambda i: GraphDelta(tuple(vertex(f"{i}.{k}", "job", name=f"{i * k:0200}") for k in range(50)))
resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, resource.RLIM_INFINITY))
written = 0
try:
    while True:
        store.apply(delta(written))
        written += 1
except TransientError as error:
    print(error)
assert store.counts()["job"] == 50 * written
try:
    store.apply(delta(written))
    raise SystemExit("written to a full disk")
except TransientError:
    pass
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
store.apply(delta(written))
assert store.counts()["job"] == 50 * (written + 1)
store.close()
"""

#: Has a commit refused, then no room even to open the store afresh, then room again; asks before it writes.
STARVED = """
import resource, signal, sys
from headwater.graphmodel.delta import GraphDelta, vertex
from headwater.graphstore import open_store
from headwater.graphstore.errors import TransientError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
store = open_store("embedded:" + sys.argv[1])
store.apply(GraphDelta((vertex("first", "job"),)))
for _ in range(3):
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
    for _ in range(3):
        try:
            store.apply(GraphDelta((vertex("second", "job"),)))
            raise SystemExit("written to a full disk")
        except TransientError:
            pass
    try:
        open_store("embedded:" + sys.argv[1] + "-other")
        raise SystemExit("made on a full disk")
    except TransientError:
        pass
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert store.counts() == {"job": 1}
store.apply(GraphDelta((vertex("second", "job"),)))
assert store.counts() == {"job": 2}
store.close()
"""
#: Opens a store that is well, on a disk that has no room.
OPENER = """
import resource, signal, sys
from headwater.graphstore import open_store
from headwater.graphstore.errors import TransientError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
try:
    open_store("embedded:" + sys.argv[1])
except TransientError:
    pass
"""


def opened(path: Path) -> EmbeddedStore:
    store = open_store(f"embedded:{path}")
    assert isinstance(store, EmbeddedStore)
    return store


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "graph"


@pytest.fixture
def closed(path: Path) -> Path:
    with opened(path) as store:
        store.apply(JOBS)
    return path


def child(script: str, path: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", script, str(path)], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_what_was_written_is_there_when_it_is_opened_again(closed: Path) -> None:
    with opened(closed) as store:
        assert store.counts() == {"job": 20}
        assert store.g.V("job7").values("name").to_list() == ["job 7"]


def test_its_folder_is_made_for_its_owner_alone(closed: Path) -> None:
    assert closed.stat().st_mode & 0o777 == 0o700
    assert [entry.name for entry in closed.parent.iterdir()] == ["graph"]


def test_an_empty_folder_becomes_a_store(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        store.apply(JOBS)
        assert store.counts() == {"job": 20}


@pytest.mark.parametrize("acknowledged", [1, 7, 40])
def test_a_kill_loses_nothing_acknowledged_and_leaves_nothing_half(path: Path, acknowledged: int) -> None:
    with child(WRITER, path) as writer:
        assert writer.stdout is not None
        lines = [writer.stdout.readline() for _ in range(acknowledged)]
        writer.send_signal(signal.SIGKILL)
        lines += writer.stdout.readlines()
    complete = sum(line.endswith("\n") for line in lines)
    with opened(path) as store:
        counts = store.counts()
    assert counts["operation"] >= 20 * complete >= 20 * acknowledged
    assert divmod(counts["operation"], 20) == (counts["follows"] // 19, 0)
    assert counts["follows"] % 19 == 0


def test_a_full_disk_passes(path: Path) -> None:
    with child(FILLER, path) as filler:
        output, errors = filler.communicate()
    assert (filler.returncode, errors) == (0, "")
    assert "File too large" in output
    with opened(path) as store:
        assert store.counts()["job"] % 50 == 0


def test_questions_are_answered_again_after_a_disk_too_full_to_reopen(path: Path) -> None:
    with child(STARVED, path) as starved:
        output, errors = starved.communicate()
    assert (starved.returncode, output, errors) == (0, "", "")


def test_a_store_on_a_full_disk_is_not_called_damaged(closed: Path) -> None:
    with child(OPENER, closed) as opener:
        output, errors = opener.communicate()
    assert (opener.returncode, output, errors) == (0, "", "")
    with opened(closed) as store:
        assert store.counts() == {"job": 20}


def test_a_second_opener_is_refused(closed: Path) -> None:
    with opened(closed) as store:
        with pytest.raises(InUse, match="in use by another process"):
            opened(closed)
        with child(WRITER, closed) as other:
            _, errors = other.communicate()
        assert "InUse" in errors
        assert store.counts() == {"job": 20}
    opened(closed).close()


def flip(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 0xFF
    file.write_bytes(content)


@pytest.mark.parametrize("harm", [flip, Path.unlink, lambda file: file.write_bytes(b"")])
def test_damage_is_reported_and_nothing_is_overwritten(closed: Path, harm: Callable[[Path], object]) -> None:
    [log] = (closed / "wal").iterdir()
    harm(log)
    before = {file: file.read_bytes() for file in closed.rglob("*") if file.is_file() and file.name != "LOCK"}
    for _ in range(2):
        with pytest.raises(Damaged, match=r"damaged[\s\S]*wal"):
            opened(closed)
    assert {file: file.read_bytes() for file in before} == before


def test_a_store_without_its_heads_is_damaged(closed: Path) -> None:
    for name in ("GRAPH", "GRAPH.copy"):
        (closed / name).unlink()
    with pytest.raises(Damaged, match="cannot be opened"):
        opened(closed)


def test_a_damaged_store_is_set_aside_for_a_new_one(closed: Path) -> None:
    for n in (1, 2):
        [log] = (closed / "wal").iterdir()
        log.unlink()
        with pytest.raises(Damaged):
            opened(closed)
        assert set_aside(f"embedded:{closed}") == closed.with_name(f"graph.damaged-{n}")
        assert (closed.with_name(f"graph.damaged-{n}") / "GRAPH").exists()
        with opened(closed) as store:
            assert store.counts() == {}
            store.apply(JOBS)


def test_a_partially_written_end_is_what_a_crash_leaves(closed: Path) -> None:
    """The commit that was being written is gone, as if it had never begun; the store goes on."""
    with opened(closed) as store:
        store.apply(GraphDelta((vertex("last", "job"),)))
        shutil.copytree(closed, closed.with_name("copy"))
    logs = sorted((closed.with_name("copy") / "wal").iterdir())
    logs[-1].write_bytes(logs[-1].read_bytes()[:-7])
    with opened(closed.with_name("copy")) as store:
        assert store.counts() == {"job": 20}
        store.apply(JOBS)


def test_other_peoples_folders_and_files_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    for path in (tmp_path, tmp_path / "thesis.txt"):
        with pytest.raises(PermanentError, match="is not a graph store"):
            opened(path)
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_opened_read_only_it_makes_and_changes_nothing(closed: Path) -> None:
    with open_store(f"embedded:{closed}", readonly=True) as store:
        with pytest.raises(InvalidRequest, match="read-only"):
            store.apply(JOBS)
        with pytest.raises(InvalidRequest, match="read-only"):
            store.clear()
        assert store.counts() == {"job": 20}
    with pytest.raises(PermanentError, match="is not a graph store"):
        open_store(f"embedded:{closed}2", readonly=True)
    assert not Path(f"{closed}2").exists()


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("neptune://cluster:8182?regoin=eu-west-1", "no parameter .regoin."),
        ("ws://", "expected ws://HOST:PORT"),
        ("ws:///gremlin", "expected ws://HOST:PORT"),
        ("ws://localhost:port/gremlin", "cannot be read"),
        ("ws://localhost:8182/gremlin?source=g", r"\?g=NAME"),
        ("ws://localhost:8182/gremlin?g=", r"\?g=NAME"),
        ("embedded:", "expected embedded:PATH"),
        ("/var/lib/graph", "expected embedded:PATH"),
        ("", "expected embedded:PATH"),
    ],
)
def test_an_url_that_is_no_store_is_explained(url: str, sentence: str) -> None:
    with pytest.raises(InvalidRequest, match=sentence):
        open_store(url)


def test_a_password_in_an_url_is_refused_and_not_repeated() -> None:
    with pytest.raises(InvalidRequest, match="HEADWATER_STORE_PASSWORD") as refused:
        open_store("wss://me:hunter2@localhost:8182/gremlin")
    assert "hunter2" not in str(refused.value)


def test_closed_it_answers_nothing(closed: Path) -> None:
    store = opened(closed)
    store.close()
    store.close()
    for use in (store.counts, lambda: store.apply(JOBS), lambda: store.g.V().to_list()):
        with pytest.raises(PermanentError, match="closed"):
            use()


def test_after_a_checkpoint_everything_is_there(closed: Path) -> None:
    with opened(closed) as store:
        store.checkpoint()
        store.apply(GraphDelta(edges=(edge("follows", "job1", "job2"),)))
        store.checkpoint()
    with opened(closed) as store:
        assert store.counts() == {"job": 20, "follows": 1}


def test_a_checkpoint_does_not_stop_writers(path: Path) -> None:
    with opened(path) as store:
        checkpoints = threading.Thread(target=store.checkpoint)
        checkpoints.start()
        for i in range(50):
            store.apply(GraphDelta((vertex(str(i), "job"),)))
        checkpoints.join()
    with opened(path) as store:
        assert store.counts() == {"job": 50}


ENDLESS = [
    lambda g: g.with_("evaluationTimeout", 5).inject(*range(500)).repeat(__.identity()).times(9_999).count(),
    lambda g: g.inject(1).repeat(__.identity()).until(__.is_(2)).count(),
]


@pytest.mark.parametrize("endless", ENDLESS)
def test_a_traversal_without_end_is_stopped(closed: Path, endless: Callable[..., object]) -> None:
    with opened(closed) as store, pytest.raises(Exceeded):
        endless(store.g).to_list()  # type: ignore[attr-defined]


INJECTIONS: list[list[object]] = [
    ['V().count().next(); g.addV("x").iterate(); g.V'],
    ['V", "x'],
    ["V().drop"],
    ["exportGraphml", "graph.xml"],
    ["execute"],
    ["io", "graph.xml"],
    ["call", "x"],
    ["V().a\n"],
]


@pytest.mark.parametrize("step", INJECTIONS, ids=repr)
def test_a_step_from_the_wire_is_never_a_script(closed: Path, step: list[object]) -> None:
    for source in (False, True):
        bytecode = Bytecode()
        (bytecode.source_instructions if source else bytecode.step_instructions).append(step)
        bytecode.add_step("V")
        with opened(closed) as store:
            with pytest.raises(InvalidRequest, match="not supported"):
                store.run(bytecode)
            assert store.counts() == {"job": 20}


def test_a_fan_of_new_edges_is_what_they_are_one_by_one(tmp_path: Path) -> None:
    """Also a second time, when each of them is there."""
    columns = tuple(vertex(f"s3://d#c{i}", "column", name=f"c{i}", resolved=bool(i % 2)) for i in range(700))
    owner = vertex("s3://d", "dataset", name="d")
    fan = tuple(edge("hasColumn", owner.id, each.id) for each in columns)
    fan += tuple(
        edge("dependsOn", owner.id, each.id, "FILTER", type="INDIRECT", certain=True, columns=number)
        for number, each in enumerate(columns)
    )
    whole = GraphDelta((owner, *columns), fan)
    found = []
    for name, deltas in {
        "at once": [whole],
        "twice": [whole, whole],
        "one by one": [
            GraphDelta((owner, *columns)),
            *(GraphDelta(edges=fan[i : i + 50]) for i in range(0, 1_400, 50)),
        ],
    }.items():
        with open_store(f"embedded:{tmp_path / name}") as store:
            for delta in deltas:
                store.apply(delta)
            rows = store.g.E().project("from", "to", "all").by(__.out_v().id_()).by(__.in_v().id_())
            edges = [
                (row["from"], row["to"], sorted((str(key), value) for key, value in row["all"].items() if key != T.id))
                for row in rows.by(__.value_map(True)).to_list()
            ]
            found.append((sorted(edges, key=str), store.counts()))
    assert found[0] == found[1] == found[2]
    assert found[0][1] == {"dataset": 1, "column": 700, "hasColumn": 700, "dependsOn": 700}
