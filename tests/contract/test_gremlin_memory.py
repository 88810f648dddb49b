"""No question takes the memory of the process that holds the graph: each hostile one is refused, and the next answered.

They run in a process of their own whose address space is limited: where memory ends, the engine ends that process.
"""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

_LIMIT = 3 * 2**29  #: bytes of address space, the interpreter, the engine and threads' stacks included
_PROGRAM = """
import resource, sys, tempfile, uuid
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
from pathlib import Path
from headwater.graphmodel.delta import GraphDelta, vertex
from headwater.graphstore import open_store
from headwater.ingest.gremlin.evaluation import frames
from headwater.ingest.gremlin.graphson import GraphSON
from headwater.ingest.gremlin.limits import Limits
from tests.contract.queries_world import pipeline
import orjson

def ask(store, text):
    args = {"gremlin": text}
    body = orjson.dumps({"requestId": str(uuid.uuid4()), "op": "eval", "processor": "", "args": args})
    last = orjson.loads(list(frames(store, GraphSON(), body, Limits(milliseconds=60_000, memory_bytes=2**25)))[-1])
    return last["status"]["code"], last["status"]["message"], last["result"]["data"]

with tempfile.TemporaryDirectory() as folder, open_store(f"embedded:{Path(folder) / 'graph'}") as store:
    store.apply(pipeline())
    store.apply(GraphDelta(tuple(vertex(f"run:{n}", "run", error="b" * 10_000) for n in range(10)), ()))
    resource.setrlimit(resource.RLIMIT_AS, (%d, %d))
    for text in orjson.loads(sys.stdin.buffer.read()):
        code, message, _ = ask(store, text)
        print(code, text[:60], message, flush=True)
        assert ask(store, "g.V().hasLabel('dataset').count()")[2]["@value"][0]["@value"] == 3
"""
LONG = "x" * 60_000
ALL = "V().V().V()"  #: 39,304 traversers
LISTS = "V().V().V().id().fold().as('l').unfold()"  #: as many, and one list of as many texts
QUESTIONS = {
    "product() in repeat()": "inject([1,2,3]).repeat(product(identity())).times(9)",
    "product() one after the other": "inject([1,2,3])" + ".product(identity())" * 6,
    "a wide constant": f"V().{ALL}.constant('{LONG}')",
    "a wide constant, counted": f"V().{ALL}.constant('{LONG}').order().count()",
    "a wide constant inside a map": f"{ALL}.map(constant('{LONG}'))",
    "a wide sack": f"withSack('{LONG}').{ALL}.sack()",
    "a sack of lists": f"{LISTS}.sack(assign).by(select('l')).count()",
    "a long path": "V().repeat(both()).times(40).path()",
    "paths of lists": f"{LISTS}.path()",
    "many paths": f"V().{ALL}.path()",
    "a list for each traverser": f"{LISTS}.select('l')",
    "lists in a map": f"{LISTS}.project('a','b').by(select('l')).by(select('l'))",
    "lists that are joined": f"{LISTS}.select('l').combine(select('l'))",
    "lists with numbers": f"{LISTS}.select('l').index()",
    "a collection for each traverser": f"{ALL}.aggregate('x').select('x')",
    "a collection of lists": f"{LISTS}.aggregate('x').by(select('l')).cap('x')",
    "a map that grows": "inject(1).repeat(project('a','b').by(identity()).by(identity())).times(60)",
    "a list that doubles": "inject([1]).repeat(unfold().union(identity(),identity()).fold()).times(60)",
    "a text that doubles": "inject('abcdefgh').repeat(concat(identity())).times(60)",
    "a text that is replaced": f"{ALL}.constant('xxxxxxxxxx').replace('x','{LONG}')",
    "a text in characters": f"{ALL}.constant('{LONG}').split('')",
    "properties of many": f"{ALL}.values('error')",
    "element maps of many": f"{ALL}.hasLabel('run').elementMap()",
    "elements in one list": f"V().{ALL}.limit(1000000).fold()",
    "elements in one map": f"{ALL}.group().by(label)",
    "too many traversers": "V().V().V().V().V().V().count()",
    "groups by a long text": f"V().{ALL}.group().by(id().concat('{LONG}'))",
    "an order by a long text": f"{ALL}.order().by(id().concat('{LONG}'))",
}


@pytest.mark.skipif(sys.platform != "linux", reason="the address space cannot be limited")
def test_questions_that_take_too_much_are_refused_and_the_next_ones_answered() -> None:
    texts = json.dumps([f"g.{text}" for text in QUESTIONS.values()])
    program = _PROGRAM % (_LIMIT, _LIMIT)
    done = subprocess.run([sys.executable, "-c", program], input=texts, capture_output=True, text=True, check=False)
    said = done.stdout.splitlines()
    assert done.returncode == 0, said[-1:] + done.stderr.splitlines()[-20:]
    assert dict.fromkeys(QUESTIONS, True) == {
        name: line.startswith(("500 ", "597 ", "598 ")) for name, line in zip(QUESTIONS, said, strict=True)
    }
