"""Large bodies are worked on in processes of their own: what they need, and what becomes of them, holds up nobody."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from aiohttp import web

from headwater.ingest.http.receiver import create_app
from headwater.ingest.http.serving import make_runner
from headwater.ingest.intake.body import InvalidBody, Limits
from headwater.ingest.intake.bridge import Accepted, Receipt
from headwater.ingest.intake.work import Job
from headwater.ingest.ledger.group_commit import GroupCommitter
from headwater.ingest.ledger.ledger import open_ledger
from headwater.ingest.process import intake_process
from headwater.ingest.process.intake_process import IntakeProcesses
from tests.acceptance.receiver_client import EVENTS, PLANS, V12, Server
from tests.acceptance.test_receiver import EVENT, PLAN
from tests.golden.recorded import ALL


@dataclass
class World:
    server: Server
    large: IntakeProcesses


@asynccontextmanager
async def receiving(folder: Path) -> AsyncIterator[World]:
    """The real receiver with the real processes on the real ledger."""
    large = IntakeProcesses()
    with open_ledger(folder) as ledger:
        committer = GroupCommitter(ledger)
        runner = make_runner(create_app(committer, large=large), keepalive_seconds=1.0, lingering_seconds=0.2)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        try:
            yield World(Server(runner.addresses[0][1], ledger), large)
        finally:
            await runner.cleanup()
            await committer.close()


def plan(size: int, number: int = 0) -> bytes:
    return json.dumps({**PLAN, "extraInfo": {"number": number, "text": "x" * size}}).encode()


LARGE, HUGE = 300_000, 5_000_000


async def test_a_body_that_is_worked_on_delays_no_other_sender(tmp_path: Path) -> None:
    """Its process is stopped: it could take any time. All others are acknowledged meanwhile."""
    async with receiving(tmp_path) as world:
        assert (await world.server.post(PLANS, plan(HUGE))).status == 201
        (huge,) = world.large.pids
        os.kill(huge, signal.SIGSTOP)
        done: list[str] = []

        async def post(name: str, path: str, body: object) -> None:
            assert (await world.server.post(path, body)).status == 201
            done.append(name)

        waiting = asyncio.create_task(post("huge", PLANS, plan(HUGE, 1)))
        await post("event", EVENTS, [EVENT])
        await post("small", PLANS, plan(10))
        await post("large", PLANS, plan(LARGE))
        assert not waiting.done()
        os.kill(huge, signal.SIGCONT)
        await waiting
        assert done == ["event", "small", "large", "huge"]
        assert len(world.large.pids) == 2


async def test_a_process_that_dies_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    async with receiving(tmp_path) as world:
        assert (await world.server.post(PLANS, plan(LARGE))).status == 201
        (first,) = world.large.pids
        os.kill(first, signal.SIGSTOP)
        waiting = asyncio.create_task(world.server.post(PLANS, plan(LARGE, 1)))
        await world.server.post(EVENTS, [EVENT])
        os.kill(first, signal.SIGKILL)
        answer = await waiting
        assert answer.status in (503, 201)  # 201: it was dead before the body came, and another one took it
        assert answer.header("Retry-After") == ("5" if answer.status == 503 else None)
        assert (await world.server.post(PLANS, plan(LARGE, 2))).status == 201
        assert world.large.pids != [first]


async def test_a_body_that_takes_too_long_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with receiving(tmp_path) as world:
        assert (await world.server.post(PLANS, plan(LARGE))).status == 201
        os.kill(world.large.pids[0], signal.SIGSTOP)
        monkeypatch.setattr(intake_process, "WORK_SECONDS", 0.2)
        answer = await world.server.post(PLANS, plan(LARGE, 1))
        assert (answer.status, answer.text) == (413, "the body takes more than 0.2 s to be read")
        monkeypatch.undo()
        assert (await world.server.post(PLANS, plan(LARGE, 2))).status == 201


def whole(job: Job) -> Accepted | tuple[int, str, dict[str, str]]:
    try:
        return job.whole()
    except InvalidBody as refused:
        return refused.status, refused.sentence, refused.headers


async def test_what_comes_back_is_what_the_work_gives_here() -> None:
    receipt = Receipt("glue", 5, Limits())
    kinds = {"plan": "spline.plan", "event": "spline.events"}
    jobs = [Job(kinds[p.kind], p.content_type, p.body, packed=False, receipt=receipt) for p in ALL[::5]]
    secret = {**PLAN, "extraInfo": {"note": "password=hunter2"}}
    jobs += [
        Job("spline.plan", V12, gzip.compress(json.dumps(secret).encode()), packed=True, receipt=receipt),
        Job("spline.plan", V12, b"no gzip", packed=True, receipt=receipt),
        Job("spline.plan", V12, b"{}", packed=False, receipt=receipt),
        Job("spline.events", V12, b"[]", packed=False, receipt=receipt),
    ]
    large = IntakeProcesses()
    try:
        for job in jobs:
            try:
                found: object = await large.accept(job)
            except InvalidBody as refused:
                found = refused.status, refused.sentence, refused.headers
            assert found == whole(job)
    finally:
        large.close()
