"""A recorded job that reads and writes PostgreSQL, run live: in a container, or against the system's."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.acceptance.door import PATIENCE, serving
from tests.containers import no_engine, running
from tests.golden.recorded import PAYLOADS
from tests.ports import free_port
from tests.spark.openlineage_jar import Missing, fetched
from tests.spark.scripts import report
from tests.spark.session import needs_spark

#: A JVM and a database start, on a machine that may have more to do.
pytestmark = [pytest.mark.spark, pytest.mark.timeout(1_800)]

DRIVER = "org.postgresql:postgresql:42.7.4"
#: Who runs the database where the tests run as root, as whom it does not start.
USER = "postgres"
TABLES = "create schema inventory; create table inventory.stock (sku_id int, qty_on_hand int);"


def programs() -> Path:
    """The folder with PostgreSQL's programs, the newest; without one the test is skipped."""
    known = [Path(found).parent for found in [shutil.which("initdb")] if found]
    known += sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: int(folder.parent.name))
    if not known:
        pytest.skip("PostgreSQL is not installed (apt-get install postgresql)")
    return known[-1]


@contextmanager
def database(place: Path) -> Iterator[int]:
    """A server with the database ``shopdb`` of the user ``shop``, until the end of the block; its port."""
    with _systems_own() if no_engine() else _container(place) as port:
        yield port


@contextmanager
def _container(place: Path) -> Iterator[int]:
    (place / "tables.sql").write_text(TABLES)
    with running(
        "postgres:16",
        port=5432,
        said="(?s)ready to accept connections.*ready to accept connections",  # it starts once more after its scripts
        files={place: "/docker-entrypoint-initdb.d"},
        variables={"POSTGRES_USER": "shop", "POSTGRES_DB": "shopdb", "POSTGRES_HOST_AUTH_METHOD": "trust"},
    ) as port:
        yield port


@contextmanager
def _systems_own() -> Iterator[int]:
    """PostgreSQL's programs of this machine, in a folder of their own."""
    bin_, user = programs(), USER if os.geteuid() == 0 else None
    if user and not _is_known(user):
        pytest.skip(f"PostgreSQL does not start as root, and there is no user {user}")
    data = Path(tempfile.mkdtemp(prefix="postgres-"))  # pytest's own folders are closed to other users
    port = free_port()

    def ask(*command: str, text: str = "") -> int:
        done = subprocess.run(command, capture_output=True, text=True, check=False, input=text, user=user, cwd="/")
        return done.returncode

    if user:
        shutil.chown(data, user)
    if ask(str(bin_ / "initdb"), "-D", str(data), "-U", "shop", "--auth=trust", "--no-sync"):
        shutil.rmtree(data, ignore_errors=True)
        pytest.skip(f"PostgreSQL cannot make a database in {data}, as the user {user or 'that runs the tests'}")
    options = ("-p", str(port), "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "fsync=off")
    server = subprocess.Popen(
        [str(bin_ / "postgres"), "-D", str(data), *options], stderr=subprocess.DEVNULL, user=user, cwd="/"
    )
    try:
        psql = (str(bin_ / "psql"), "-q", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", str(port), "-U", "shop")
        end = time.monotonic() + PATIENCE
        while ask(*psql, "-d", "postgres", text="create database shopdb") and time.monotonic() < end:
            time.sleep(0.1)  # until it takes connections
        assert ask(*psql, "-d", "shopdb", text=TABLES) == 0
        yield port
    finally:
        server.terminate()
        server.wait()
        shutil.rmtree(data, ignore_errors=True)


def _is_known(user: str) -> bool:
    try:
        pwd.getpwnam(user)
    except KeyError:
        return False
    return True


def test_the_recorded_job_has_its_lineage_across_the_database(tmp_path: Path) -> None:
    needs_spark()
    try:
        driver = fetched(DRIVER)
    except Missing as missing:
        pytest.skip(str(missing))
    lake, scripts = tmp_path / "lake", tmp_path / "scripts"
    shutil.copytree(PAYLOADS / "_data" / "lake", lake)
    scripts.mkdir()
    with database(scripts) as port, serving(tmp_path / "data") as server:
        job = (PAYLOADS / "i01_jdbc_postgres/job.py").read_text()
        script = tmp_path / "job.py"
        script.write_text(job.replace("/data/lake", str(lake)).replace("127.0.0.1:56777", f"127.0.0.1:{port}"))
        report(script, server.url, str(driver))
        after = server.get("/ready")[1]["entries"]
        place = f"postgres://127.0.0.1:{port}/shopdb."
        products, stock = f"{place}public.products", f"{place}inventory.stock"
        for target in (f"{place}public.stock_value", f"file://{lake}/mart/stock_value"):
            status, answer = server.get(f"/api/v1/lineage?after={after}&node={target}&level=column&depth=1")
            assert status == 200, answer
            edges = {(edge["target"].rpartition("#")[2], edge["source"]) for edge in answer["edges"]}
            assert edges == {
                ("product_id", f"{products}#product_id"),
                ("qty_on_hand", f"{stock}#qty_on_hand"),
                ("stock_value", f"{stock}#qty_on_hand"),
                ("stock_value", f"{products}#list_price"),
                ("top_price", f"{products}#list_price"),
            }
            _, whole = server.get(f"/api/v1/lineage?node={target}%23top_price")
            assert f"file://{lake}/raw/shop/products.csv#list_price" in {node["id"] for node in whole["nodes"]}
