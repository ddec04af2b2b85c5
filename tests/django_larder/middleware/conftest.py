"""Sets Django up with `project`, and gives tests a database, files of rules, and real servers."""

import contextlib
import os
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
# What tests of several folders share.
sys.path.insert(0, str(HERE.parent.parent / "common"))
sys.path.insert(0, str(HERE))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")

import django  # noqa: E402

django.setup()

from django.db import transaction  # noqa: E402
from django.test import Client, override_settings  # noqa: E402
from django.urls import clear_url_caches  # noqa: E402
from django.test.utils import setup_databases, setup_test_environment, teardown_databases  # noqa: E402

KEY = "0123456789abcdef0123456789abcdef"


@pytest.fixture(scope="session", autouse=True)
def _databases():
    setup_test_environment(debug=False)
    made = setup_databases(verbosity=0, interactive=False)
    yield
    teardown_databases(made, verbosity=0)


@pytest.fixture
def db():
    """The database, as it was before when the test is over."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


@pytest.fixture
def alice(db):
    """A user."""
    from django.contrib.auth.models import User

    return User.objects.create_user("alice", password="secret")


@pytest.fixture
def bob(db):
    """Another."""
    from django.contrib.auth.models import User

    return User.objects.create_user("bob", password="secret")


@pytest.fixture
def larder(tmp_path, monkeypatch):
    """`with larder(rules, **LARDER):` has the site go by these rules, given as the text of a file."""
    monkeypatch.setenv("LARDER_MARKER_KEY", KEY)

    @contextlib.contextmanager
    def use(rules="", **keys):
        more = {name: keys.pop(name) for name in list(keys) if name.isupper()}
        file = tmp_path / "larder.toml"
        file.write_text(rules)
        with override_settings(LARDER={"rules": file, **keys}, **more):
            # Where the look-up is, is the rules' word.
            forget_urls()
            yield
        forget_urls()

    return use


def forget_urls():
    """Has the URLs read again."""
    for name in ("django_larder.urls", "project.urls"):
        sys.modules.pop(name, None)
    clear_url_caches()


@pytest.fixture
def client():
    """Makes clients without a history."""
    return lambda **headers: Client(**headers)


@pytest.fixture(scope="session")
def served_database(tmp_path_factory):
    """A database in a file, with alice, bob and carol in it, for servers that are started as programs: what names it in their environment."""
    path = tmp_path_factory.mktemp("served") / "site.sqlite3"
    environment = os.environ | {"PROJECT_DATABASE": str(path), "LARDER_MARKER_KEY": KEY}
    code = (
        "import django; django.setup()\n"
        "from django.core.management import call_command\n"
        "call_command('migrate', verbosity=0)\n"
        "from django.contrib.auth.models import User\n"
        "[User.objects.create_user(name, password='secret') for name in ('alice', 'bob', 'carol')]\n"
    )
    import subprocess

    subprocess.run([sys.executable, "-c", code], cwd=HERE, env=environment, check=True)
    return environment


