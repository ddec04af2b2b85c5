"""Sets Django up in the tests' own process, with tables in memory."""

import os
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent.parent / "common")]
os.environ["DJANGO_SETTINGS_MODULE"] = "settings_of_tests"

import django  # noqa: E402

django.setup()

from django.apps import apps  # noqa: E402
from django.db import connections  # noqa: E402
from django.test.utils import setup_databases, setup_test_environment, teardown_databases, teardown_test_environment  # noqa: E402


@pytest.fixture(scope="session", autouse=True)
def environment():
    """The tables, and Django's own arrangements for tests."""
    setup_test_environment()
    old = setup_databases(verbosity=0, interactive=False)
    yield
    if "DROP_INS_POSTGRES" not in os.environ:
        # That one ends with its server; threads of asynchronous views may still be connected.
        teardown_databases(old, verbosity=0)
    teardown_test_environment()


@pytest.fixture
def rows():
    """What is written to the tables is gone after the test. Commits are real."""
    yield
    kept = {"contenttypes.ContentType", "auth.Permission"}
    models = [model for model in apps.get_models() if model._meta.managed and not model._meta.proxy and model._meta.label not in kept]
    for connection in connections.all(initialized_only=True):
        for model in models:
            model._base_manager.using(connection.alias).all().delete()
