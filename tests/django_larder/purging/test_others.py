"""Caches of queries beside automatic tags, and the same claims on PostgreSQL: each in a process of its own."""

import os
import subprocess
import sys

import pytest
from conftest import HERE, ON_POSTGRES, ROOT
from programs import POSTGRES

CACHALOT = """
import django, sys
django.setup()
from django.core.management import call_command
from django.db import connection, transaction
from django.test import override_settings
from django_larder import automatic, outbox
from django_larder.models import OutboxEntry
from library.models import Author, Book, Review
from stand_in import StandIn

for alias in ("default", "other"):
    call_command("migrate", database=alias, verbosity=0, run_syncdb=True)
larder = StandIn()

def tags_of(make):
    with automatic.collect() as seen:
        make()
    return set(seen.tags())

with override_settings(LARDER={"automatic_tags": True, "admin_url": larder.url, "timeout": 10.0}):
    outbox.deliver(all_of_them=True)
    ann = Author.objects.create(id=1, name="Ann", slug="ann")
    book = Book.objects.create(id=5, title="One", slug="one", author=ann)
    Review.objects.create(id=8, book=book, text="x")

    # What cachalot answers out of its cache has the tags of what it was made from.
    first, second = tags_of(lambda: list(Book.objects.all())), tags_of(lambda: list(Book.objects.all()))
    assert first == second == {"library.book"}, (first, second)
    with CaptureQueries() as queries:
        again = tags_of(lambda: Book.objects.get(pk=5))
        again = tags_of(lambda: Book.objects.get(pk=5))
    assert len(queries) == 1, "cachalot has cached it"
    assert "library.book" in again or "library.book:5" in again, again

    # What the ORM writes purges its rows; cachalot's word for the whole table says nothing more.
    larder.taken()
    with transaction.atomic():
        Review.objects.filter(pk=8).update(text="y")
    if "before" in sys.argv:
        assert larder.tags == {"library.review", "library.review:8"}, larder.orders
    else:
        assert {"library.review", "library.review:8"} <= larder.tags

    # SQL by a cursor, which cachalot reads.
    larder.taken()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE library_review SET text = 'z'")
    assert larder.tags == {"library.review", "library.review:*"}, larder.orders
    larder.taken()
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("UPDATE library_review SET text = 'z'")
        assert not larder.orders
    assert larder.tags == {"library.review", "library.review:*"}, larder.orders

    # What somebody invalidates by hand.
    from cachalot.api import invalidate
    larder.taken()
    invalidate(Author)
    assert larder.tags == {"library.author", "library.author:*"}, larder.orders
    larder.taken()
    invalidate("django_session")
    assert not larder.orders
print("all of it")
"""

CAPTURE = """
class CaptureQueries:
    def __enter__(self):
        from django.test.utils import CaptureQueriesContext
        self.context = CaptureQueriesContext(connection)
        return self.context.__enter__()
    def __exit__(self, *error):
        return self.context.__exit__(*error)
"""

CACHEOPS = """
import django
django.setup()
from django.core.management import call_command
from django.test import override_settings
from cacheops.signals import cache_invalidated
from django_larder import outbox
from library.models import Author, Book
from stand_in import StandIn

for alias in ("default", "other"):
    call_command("migrate", database=alias, verbosity=0, run_syncdb=True)
larder = StandIn()
with override_settings(LARDER={"automatic_tags": True, "admin_url": larder.url, "timeout": 10.0}):
    outbox.deliver(all_of_them=True)
    larder.taken()
    cache_invalidated.send(sender=Book, obj_dict={"id": 5, "title": "One"})
    assert larder.tags == {"library.book", "library.book:5"}, larder.orders
    larder.taken()
    cache_invalidated.send(sender=Author, obj_dict=None)
    assert larder.tags == {"library.author", "library.author:*"}, larder.orders
    larder.taken()
    cache_invalidated.send(sender=None, obj_dict=None)
    assert larder.orders == [{"all": True}], larder.orders
print("all of it")
"""


def run(program, folder, *arguments, **environment):
    environment = os.environ | {
        "LIBRARY_FOLDER": str(folder),
        "LIBRARY_LARDER": "{}",
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        **environment,
    }
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], env=environment, cwd=HERE, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0 and "all of it" in done.stdout, done.stderr[-4000:]


@pytest.mark.skipif(ON_POSTGRES, reason="once is enough")
@pytest.mark.parametrize("place", ["before", "after"])
def test_cachalot(tmp_path, place):
    pytest.importorskip("cachalot")
    program = CACHALOT.replace("larder = StandIn()", f"{CAPTURE}\nlarder = StandIn()")
    name = "LIBRARY_APPS" if place == "before" else "LIBRARY_APPS_AFTER"
    run(program, tmp_path, place, **{name: "cachalot"})


@pytest.mark.skipif(ON_POSTGRES, reason="once is enough")
def test_cacheops_by_its_signals(tmp_path):
    """Without its Redis, which sends nothing of its own here: the signals are sent as it sends them."""
    pytest.importorskip("cacheops")
    run(CACHEOPS, tmp_path, LIBRARY_APPS="cacheops")


@pytest.mark.skipif(ON_POSTGRES or not POSTGRES, reason="PostgreSQL is not installed, or this is it")
def test_all_of_it_on_postgresql():
    pytest.importorskip("psycopg")
    files = [str(HERE / name) for name in ("test_reading.py", "test_writing.py", "test_outbox.py")]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *files]
    done = subprocess.run(command, env=os.environ | {"LIBRARY_ON": "postgres"}, cwd=ROOT, capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stdout[-6000:]
