"""Sets up a small site of Wagtail's; without Wagtail there is nothing to test."""

import os
import sys
import tempfile
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent.parent / "common")]
MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None
FOLDER = tempfile.TemporaryDirectory(prefix="larder-wagtail-", dir=MEMORY)
os.environ["WAGTAIL_FOLDER"] = FOLDER.name
os.environ["DJANGO_SETTINGS_MODULE"] = "settings_of_tests"

try:
    import wagtail  # noqa: F401
except ImportError:
    collect_ignore = ["test_wagtail.py"]
else:
    import django

    django.setup()


@pytest.fixture(scope="session", autouse=True)
def tables():
    """The tables, with Wagtail's own first page."""
    if "collect_ignore" in globals():
        yield
        return
    from django.core.management import call_command
    from django.test.utils import setup_test_environment, teardown_test_environment

    setup_test_environment()
    call_command("migrate", verbosity=0, run_syncdb=True)
    yield
    teardown_test_environment()
