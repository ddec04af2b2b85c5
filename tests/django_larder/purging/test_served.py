"""`larder serve` before the library under gunicorn and uvicorn: a page is a hit until something changes that it was made from."""

import json
import os
import signal
import sys
import time
from datetime import timedelta

import pytest
from conftest import FOLDER, HERE
from django.test import override_settings
from django_larder import outbox
from django_larder.models import OutboxEntry
from django_larder.purge import purge_all
from fronting import free_port, larder_binary
from library.models import Author, Book
from programs import Program
from serving import Browser

RULES = """
upstream = "http://127.0.0.1:{site}"

# A page that was a 404 a moment ago is not to be remembered as one.
[cache]
uncacheable_memory = "10ms"

[danger]
admin_without_token = true

[[rule]]
path = "/rename/*"
pass = true

[[rule]]
path = "/*"
audience = "all-users"
ttl = "1h"
browser_ttl = "5s"
"""


class Served:
    """The library, and Larder before it."""

    def __init__(self, server):
        self.site, self.port, self.admin = free_port(), free_port(), free_port()
        rules = f"{FOLDER.name}/larder-{server}.toml"
        with open(rules, "w") as file:
            file.write(RULES.format(site=self.site))
        self.larder = {"automatic_tags": True, "rules": rules, "admin_url": f"http://127.0.0.1:{self.admin}", "timeout": 10.0}
        environment = os.environ | {"LIBRARY_LARDER": json.dumps(self.larder), "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        if server == "gunicorn":
            command = ["gunicorn", "--bind", f"127.0.0.1:{self.site}", "--threads", "4", "library.wsgi"]
        else:
            command = ["uvicorn", "--port", str(self.site), "--no-access-log", "library.asgi:application"]
        programs = [Program(self.site, [sys.executable, "-m", *command], cwd=HERE, env=environment)]
        serve = [larder_binary(), "serve", "--config", rules, "--listen", f"127.0.0.1:{self.port}", "--admin", f"127.0.0.1:{self.admin}"]
        programs.append(Program(self.port, [*serve, "--access-log", "off"]))
        self.programs = programs

    def stop(self):
        for program in reversed(self.programs):
            program.stop()

    def get(self, path):
        answer = Browser(self.port).get(path)
        assert answer.status in (200, 404), (path, answer.status, answer.text[:300])
        return answer

    def is_hit(self, path):
        return "hit" in self.get(path).why


@pytest.fixture(scope="module", params=["gunicorn", "uvicorn"])
def server(request):
    served = Served(request.param)
    yield served
    served.stop()


@pytest.fixture
def served(server):
    with override_settings(LARDER=server.larder):
        # Nothing of an earlier test.
        purge_all()
        ann = Author.objects.create(id=1, name="Ann", slug="ann")
        for pk, slug in ((5, "one"), (6, "two")):
            Book.objects.create(id=pk, title=slug.title(), slug=slug, author=ann, volume=pk)
        yield server


PAGES = ["/books/", "/books/one/", "/books/two/", "/later/6/", "/authors/", "/about/", "/by-hand/", "/books/three/"]


def hits(served):
    return {path for path in PAGES if served.is_hit(path)}


def all_are_hits(served):
    hits(served)
    assert hits(served) == set(PAGES) - {"/books/three/"}, "a 404 is not kept without a rule that says so"


def test_tags_are_for_larder_and_no_visitor_sees_them(served):
    for path in PAGES:
        answer = served.get(path)
        assert answer.all("Surrogate-Key") == [] and "library" not in str(answer.headers)


CHANGES = {
    "a save": (lambda: Book.objects.get(pk=5).save(), {"/books/", "/books/one/", "/by-hand/"}),
    "an update": (lambda: Book.objects.filter(pk=6).update(title="Deux"), {"/books/", "/books/two/", "/later/6/", "/by-hand/"}),
    "an update of nobody knows which": (
        lambda: Book.objects.filter(title="One").update(title="Une"),
        {"/books/", "/books/one/", "/books/two/", "/later/6/", "/by-hand/"},
    ),
    "another book": (lambda: Book.objects.create(title="Three", slug="three", author_id=1, volume=3), {"/books/", "/by-hand/"}),
    "another author, who is in no book": (lambda: Author.objects.create(name="Bob", slug="bob"), {"/authors/"}),
    "the author of the books": (lambda: Author.objects.filter(pk=1).update(name="Anna"), {"/authors/", "/books/"}),
    "another slug": (lambda: rename_in_orm("one", "first"), {"/books/", "/books/one/", "/by-hand/"}),
    "a delete": (lambda: Book.objects.get(pk=6).delete(), {"/books/", "/books/two/", "/later/6/", "/by-hand/"}),
}


def rename_in_orm(old, new):
    book = Book.objects.get(slug=old)
    book.slug = new
    book.save()


@pytest.mark.parametrize("name", CHANGES)
def test_what_was_made_from_it_is_made_anew_and_the_rest_stays(served, name):
    change, expected = CHANGES[name]
    all_are_hits(served)
    change()
    assert not OutboxEntry.objects.exists()
    # The page of a book that is gone is an error.
    asked = set(PAGES) - {"/books/three/"} - ({"/later/6/"} if name == "a delete" else set())
    assert {path for path in asked if not served.is_hit(path)} == expected & asked


def test_an_editors_post_changes_the_page_for_the_next_visitor(served):
    all_are_hits(served)
    assert "One" in served.get("/books/one/").text
    assert Browser(served.port).post("/rename/one/", title="Eins").text == "saved"
    assert "Eins" in served.get("/books/one/").text
    assert served.is_hit("/books/two/")


def test_a_change_while_larder_is_away_is_there_when_it_is_back(served):
    larder = served.programs[1]
    all_are_hits(served)
    os.kill(larder.child.pid, signal.SIGSTOP)
    os.waitpid(larder.child.pid, os.WUNTRACED)
    try:
        with override_settings(LARDER=served.larder | {"timeout": 0.3}):
            Book.objects.filter(pk=5).update(title="Later")
            assert OutboxEntry.objects.count() == 1
    finally:
        os.kill(larder.child.pid, signal.SIGCONT)
    entry = OutboxEntry.objects.get()
    OutboxEntry.objects.update(next_attempt=entry.next_attempt - timedelta(minutes=1))
    # Any page that the application makes is followed by a look into the outbox, in its process.
    outbox.deliver()
    assert "Later" in served.get("/books/one/").text


def test_the_application_itself_sends_what_waits(served):
    OutboxEntry.objects.create(order={"tags": ["library.author"]})
    for _ in range(200):
        # It looks every ten seconds, and at its first request.
        served.get(f"/about/?{time.monotonic_ns()}")
        if not OutboxEntry.objects.exists():
            return
        time.sleep(0.1)
    raise AssertionError("nobody sent it")
