"""Django's admin: purges that have not reached Larder, and pages that it has published, with a real Memcached."""

import time
from datetime import timedelta

import pytest
from conftest import FOLDER
from django.contrib.auth.models import Permission, User
from django.test import Client, override_settings
from django.utils import timezone
from django_larder import published
from django_larder.automatic import without_purges
from django_larder.models import OutboxEntry, PublishedPage
from fronting import ask, free_port, larder_binary
from programs import Program, memcached, start_memcached

OUTBOX = "/admin/django_larder/outboxentry/"
PAGES = "/admin/django_larder/publishedpage/"


def client_of(user):
    client = Client()
    with without_purges():
        client.force_login(user)
    return client


@pytest.fixture
def boss():
    with without_purges():
        return client_of(User.objects.create_superuser("boss"))


@pytest.fixture
def reader():
    """Somebody who may look and do nothing."""
    with without_purges():
        user = User.objects.create(username="reader", is_staff=True)
        user.user_permissions.set(Permission.objects.filter(codename__in=["view_outboxentry", "view_publishedpage"]))
    return client_of(user)


def act(client, where, action, entries):
    return client.post(where, {"action": action, "_selected_action": [entry.pk for entry in entries], "post": "yes"}, follow=True)


def messages_of(response):
    return [str(message) for message in response.context["messages"]]


# ---- the outbox ------------------------------------------------------------------------------------------------------


@pytest.fixture
def entries(larder):
    later = timezone.now() + timedelta(hours=1)
    waiting = OutboxEntry.objects.create(order={"tags": ["one"]}, attempts=2, last_error="nobody there", next_attempt=later)
    refused = OutboxEntry.objects.create(order={"urls": ["https://a.test/"]}, state="refused", last_error="400: no")
    return [waiting, refused]


def test_the_outbox_shows_what_waits_and_why(boss, entries):
    text = boss.get(OUTBOX).content.decode()
    for shown in ("tags one", "nobody there", "https://a.test/", "400: no"):
        assert shown in text
    assert "nobody there" not in boss.get(f"{OUTBOX}?state=refused").content.decode()
    assert "nobody there" in boss.get(f"{OUTBOX}{entries[0].pk}/change/").content.decode()
    assert boss.get(f"{OUTBOX}add/").status_code == 403
    assert boss.post(f"{OUTBOX}{entries[0].pk}/change/", {"state": "refused"}).status_code == 403


def test_the_outbox_sends_what_is_selected(boss, entries, larder):
    response = act(boss, OUTBOX, "retry", entries)
    assert messages_of(response) == ["2 purges sent."]
    assert larder.orders == [{"tags": ["one"]}, {"urls": ["https://a.test/"]}] or larder.orders == [
        {"urls": ["https://a.test/"]},
        {"tags": ["one"]},
    ]
    assert not OutboxEntry.objects.exists()


def test_the_outbox_says_what_can_not_be_sent(boss, entries, larder):
    larder.answer = lambda path, order: (400, {"detail": "still no"})
    assert "400: still no" in messages_of(act(boss, OUTBOX, "retry", entries[1:]))[0]
    assert OutboxEntry.objects.get(pk=entries[1].pk).last_error == "400: still no"


def test_the_outbox_deletes_what_is_selected(boss, entries, larder):
    act(boss, OUTBOX, "delete_selected", entries[1:])
    assert list(OutboxEntry.objects.all()) == entries[:1]
    assert not larder.orders


def test_who_may_only_look_only_looks(reader, entries, larder):
    response = reader.get(OUTBOX)
    assert response.status_code == 200 and b"nobody there" in response.content
    act(reader, OUTBOX, "retry", entries)
    act(reader, OUTBOX, "delete_selected", entries)
    assert OutboxEntry.objects.count() == 2 and not larder.orders


# ---- published pages -------------------------------------------------------------------------------------------------

RULES = """
upstream = "http://127.0.0.1:{site}"
lookup = "sqlite:larder.db"
hosts = ["site.test", "other.test"]

[publish.memcached]
servers = ["127.0.0.1:{memcached}"]
scheme = "http"

[danger]
admin_without_token = true

[[rule]]
path = "/*"
audience = "all-users"
ttl = "1h"
publish = "nginx"
"""


@pytest.fixture(scope="module")
def publishing():
    from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
    from threading import Thread

    class Application(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            self.send_response(200)
            for name, value in {
                "Content-Type": "text/html; charset=utf-8",
                "Surrogate-Key": f"all page{self.path[-1]}",
                "Content-Length": "4",
            }.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(b"page")

        def log_message(self, *_):
            pass

    application = ThreadingHTTPServer(("127.0.0.1", 0), Application)
    Thread(target=application.serve_forever, args=(0.02,), daemon=True).start()
    memory = start_memcached()
    port, admin = free_port(), free_port()
    rules = f"{FOLDER.name}/publishing.toml"
    with open(rules, "w") as file:
        file.write(RULES.format(site=application.server_address[1], memcached=memory.port))
    serve = [larder_binary(), "serve", "--config", rules, "--listen", f"127.0.0.1:{port}", "--admin", f"127.0.0.1:{admin}"]
    program = Program(port, serve)
    with override_settings(LARDER={"admin_url": f"http://127.0.0.1:{admin}", "timeout": 10.0, "lookup_database": "lookup"}):
        yield port
    program.stop()
    memory.stop()
    application.shutdown()
    application.server_close()


needs_memcached = pytest.mark.skipif(not memcached, reason="memcached is not installed")


@pytest.fixture
def pages(publishing):
    """Three pages, published: they are there when they are remembered and `larder warm --publish` would say so."""
    from django_larder.client import Admin

    urls = ["http://site.test/a1", "http://site.test/a2", "http://other.test/b3"]
    rows = Admin.of_settings().post("/warm", {"urls": urls, "publish": True, "renew": True}).json()["pages"]
    assert all(row.get("published") for row in rows), rows
    for _ in range(100):
        if published.present("lookup").count() == 3:
            return publishing
        time.sleep(0.05)
    raise AssertionError(f"not remembered: {rows}")


def shown(client, term=""):
    text = client.get(PAGES, {"q": term}).content.decode()
    return {url for url in ("http://site.test/a1", "http://site.test/a2", "http://other.test/b3") if url in text}


@needs_memcached
def test_published_pages_are_looked_for(boss, pages):
    everything = {"http://site.test/a1", "http://site.test/a2", "http://other.test/b3"}
    assert shown(boss) == everything
    assert shown(boss, "/a") == {"http://site.test/a1", "http://site.test/a2"}
    assert shown(boss, "/a1") == {"http://site.test/a1"}
    assert shown(boss, "http://site.test/a2") == {"http://site.test/a2"}
    assert shown(boss, "http://site.test") == {"http://site.test/a1", "http://site.test/a2"}
    assert shown(boss, "other.test") == {"http://other.test/b3"}
    assert shown(boss, "page3") == {"http://other.test/b3"}
    assert shown(boss, "all") == everything
    assert shown(boss, "%") == shown(boss, "' OR 1=1 --") == set()


@needs_memcached
def test_a_published_page_says_what_is_known_of_it(boss, pages):
    page = PublishedPage.objects.using("lookup").get(host="other.test")
    text = boss.get(f"{PAGES}{page.pk}/change/").content.decode()
    for part in ("http://other.test/b3", "tag all", "tag page3", "text/html"):
        assert part in text
    assert boss.get(f"{PAGES}add/").status_code == 403
    assert boss.get(f"{PAGES}{page.pk}/delete/").status_code == 403
    with pytest.raises(TypeError, match="purge the page"):
        page.delete()


@needs_memcached
def test_published_pages_are_purged_and_no_others(boss, pages):
    some = PublishedPage.objects.using("lookup").filter(host="site.test")
    assert messages_of(act(boss, PAGES, "purge", some)) == ["2 pages purged."]
    assert shown(boss) == {"http://other.test/b3"}
    assert b"fwd" in ask(pages, "/a1").raw and "hit" in ask(pages, "/b3", host="other.test").get("Cache-Status")


@needs_memcached
def test_who_may_only_look_purges_nothing(reader, pages):
    assert len(shown(reader)) == 3
    act(reader, PAGES, "purge", PublishedPage.objects.using("lookup").all())
    assert len(shown(reader)) == 3


@needs_memcached
def test_a_larder_that_is_away_is_said(boss, pages):
    with override_settings(LARDER={"admin_url": f"http://127.0.0.1:{free_port()}", "lookup_database": "lookup"}):
        assert "Nothing was purged" in messages_of(act(boss, PAGES, "purge", PublishedPage.objects.using("lookup").all()))[0]
