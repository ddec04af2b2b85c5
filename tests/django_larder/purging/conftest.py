"""Sets up a library whose pages tag themselves; with tables in SQLite, or where LIBRARY_ON is `postgres` in a server of its own."""

import atexit
import os
import sys
import tempfile
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parent.parent.parent
sys.path[:0] = [str(HERE), str(HERE.parent.parent / "common")]
MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None
FOLDER = tempfile.TemporaryDirectory(prefix="larder-purging-", dir=MEMORY)
os.environ["LIBRARY_FOLDER"] = FOLDER.name
os.environ["DJANGO_SETTINGS_MODULE"] = "settings_of_tests"
os.environ["LIBRARY_LOOKUP"] = f"{FOLDER.name}/larder.db"
os.environ.setdefault("LIBRARY_LARDER", '{"lookup_database": "lookup"}')
ON_POSTGRES = os.environ.get("LIBRARY_ON") == "postgres"
if ON_POSTGRES:
    from programs import start_postgres

    server, address = start_postgres(Path(tempfile.mkdtemp(prefix="larder-purging-")))
    atexit.register(server.stop)
    os.environ["LIBRARY_POSTGRES"] = str(server.port)

import django  # noqa: E402

django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connections  # noqa: E402
from django.test import override_settings  # noqa: E402
from django.test.utils import setup_test_environment, teardown_test_environment  # noqa: E402
from django_larder import outbox  # noqa: E402
from django_larder.models import OutboxEntry  # noqa: E402
from stand_in import StandIn  # noqa: E402


@pytest.fixture(scope="session", autouse=True)
def tables():
    """The tables; in the settings' own databases, since other processes are to find them."""
    setup_test_environment()
    for alias in ("default", "other"):
        call_command("migrate", database=alias, verbosity=0, run_syncdb=True)
    # Migrations write permissions, which is a change like any other.
    OutboxEntry.objects.all().delete()
    yield
    teardown_test_environment()
    for connection in connections.all():
        connection.close()


@pytest.fixture(autouse=True)
def empty():
    """What is written to the tables is gone after the test. Commits are real."""
    outbox.forget_state()
    yield
    from django.apps import apps
    from django_larder.automatic import without_purges

    with without_purges():
        for connection in connections.all():
            if connection.alias in ("default", "other"):
                models = [model for model in apps.get_models() if model._meta.managed and not model._meta.proxy]
                for model in models:
                    if model._meta.label not in ("contenttypes.ContentType", "auth.Permission"):
                        model._base_manager.using(connection.alias).all().delete()


@pytest.fixture
def larder():
    """A stand-in for the admin listener, which remembers what it was asked, and the settings that name it."""
    stand_in = StandIn()
    with override_settings(LARDER={"automatic_tags": True, "admin_url": stand_in.url, "token": "secret", "timeout": 10.0}):
        yield stand_in
    stand_in.end()


@pytest.fixture
def django_queries():
    """The first words of the statements that something executes."""
    from django.test.utils import CaptureQueriesContext

    def of(make):
        with CaptureQueriesContext(connections["default"]) as queries:
            make()
        return [query["sql"].split()[0] for query in queries if query["sql"] != "COMMIT"]

    return of
