"""The table of pages on PostgreSQL: its tests once more, and many at a time."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from programs import POSTGRES, memcached, start_postgres

HERE = Path(__file__).parent
pytest.importorskip("psycopg")
pytestmark = pytest.mark.skipif(not POSTGRES or not memcached, reason="PostgreSQL or memcached is not installed")


@pytest.fixture(scope="module")
def port():
    with tempfile.TemporaryDirectory(prefix="larder-drop-ins-") as folder:
        server, _ = start_postgres(Path(folder))
        yield server.port
        server.stop()


def run(port, *names):
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *(str(HERE / name) for name in names)]
    done = subprocess.run(command, env=os.environ | {"DROP_INS_POSTGRES": str(port)}, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]


def test_the_tests_of_the_table(port):
    run(port, "test_nginx_memcache.py")


def test_many_at_a_time(port):
    run(port, "many_at_a_time.py")
