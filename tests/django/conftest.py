"""Starts the site under gunicorn and Larder in front of it, on ports the kernel chose, and gives tests browsers."""

import json
import os
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
# What tests of several folders share.
sys.path.insert(0, str(HERE.parent / "common"))
from serving import BINARY, ROOT, Browser, Process, Response, start_larder  # noqa: E402, F401

USERS = ["alice", "bob"]
# What the site's middleware says to scripts, each field once.
TRIPLE = {"Cache-Control": ["no-cache, no-store, must-revalidate"], "Pragma": ["no-cache"], "Expires": ["0"]}


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """The site's port."""
    folder = tmp_path_factory.mktemp("shop")
    os.environ |= {
        "SHOP_DATABASE": str(folder / "shop.sqlite3"),
        "SHOP_STATIC": str(folder / "static"),
        "DJANGO_SETTINGS_MODULE": "shop.settings",
    }
    sys.path.insert(0, str(HERE))
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)
    call_command("collectstatic", verbosity=0, interactive=False)
    from django.contrib.auth.models import User

    for name in USERS:
        User.objects.create_user(name, password="secret")
    process = start_gunicorn()
    yield process.port
    process.stop()


def start_gunicorn(*more):
    # One process, so that the pages' counters and the stream's switch are the same for every request.
    command = [sys.executable, "-m", "gunicorn", "--bind", "127.0.0.1:0", "--workers", "1", "--threads", "24", *more]
    return Process(command + ["shop.wsgi"], r"Listening at: http://127\.0\.0\.1:(\d+)", cwd=HERE)


@pytest.fixture(scope="session")
def larder(site):
    """Larder's port."""
    process = start_larder(site)
    yield process.port
    process.stop()


@pytest.fixture(scope="session")
def ruled(site):
    """The port of a Larder with rules."""
    process = start_larder(site, "--config", str(HERE / "rules.toml"))
    yield process.port
    process.stop()


@pytest.fixture
def browser(larder):
    """Makes browsers without a history."""
    return lambda: Browser(larder)


@pytest.fixture
def visitor(ruled):
    """Makes browsers without a history, in front of the Larder with rules."""
    return lambda: Browser(ruled)


@pytest.fixture
def made(larder):
    """How often a page was made so far."""
    return lambda page: json.loads(Browser(larder).get("/made/").text).get(page, 0)
