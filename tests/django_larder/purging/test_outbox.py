"""Nothing is lost: not if Larder is away, refuses or hangs, not if a process ends in between, not if many send at once."""

import json
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from datetime import timedelta

import pytest
from conftest import HERE
from django.core.signals import request_finished
from django.db import connections, transaction
from django.test import override_settings
from django.utils import timezone
from django_larder import outbox
from django_larder.models import OutboxEntry
from django_larder.purge import (
    OrderError,
    purge_all,
    purge_host,
    purge_prefix,
    purge_tags,
    purge_urls,
)
from fronting import ask, free_port, larder_binary
from library.models import Author, Subject
from programs import Program


def look():
    """A request is over, and the time to look has come."""
    outbox.state.look_next = time.monotonic()
    request_finished.send(sender=None)


def later(seconds):
    """Makes what waits due as it will be then."""
    for entry in OutboxEntry.objects.all():
        OutboxEntry.objects.filter(pk=entry.pk).update(next_attempt=entry.next_attempt - timedelta(seconds=seconds))


def waiting():
    return [entry.order for entry in OutboxEntry.objects.filter(state="waiting")]


# ---- what is sent ----------------------------------------------------------------------------------------------------

ORDERS = {
    "urls": (
        lambda: purge_urls("https://a.test/x/", "http://b.test/é?q=1#part"),
        [{"urls": ["https://a.test/x/", "http://b.test/%C3%A9?q=1"]}],
    ),
    "with their query": (lambda: purge_urls("https://a.test", exact_query=True), [{"urls": ["https://a.test/"], "query": "exact"}]),
    "a path": (lambda: purge_urls("/a.b/"), [{"pattern": {"url": r"^(?:/a\.b/)(?:\?|$)"}}]),
    "a path with its query": (lambda: purge_urls("/a?b=1", exact_query=True), [{"pattern": {"url": r"^(?:/a\?b=1)$"}}]),
    "tags": (lambda: purge_tags("one", "two", "one"), [{"tags": ["one", "two"]}]),
    "tags of a host": (lambda: purge_tags("one", host="a.test", soft=True), [{"tags": ["one"], "host": "a.test", "soft": True}]),
    "a prefix": (lambda: purge_prefix("/blog/"), [{"prefix": "/blog/"}]),
    "a host": (lambda: purge_host("a.test:8080"), [{"host": "a.test:8080"}]),
    "all": (lambda: purge_all(soft=True), [{"all": True, "soft": True}]),
    "nothing": (lambda: purge_tags(), []),
}


@pytest.mark.parametrize("name", ORDERS)
def test_an_order_is_sent_with_the_token_and_forgotten(larder, name):
    order, expected = ORDERS[name]
    order()
    assert larder.orders == expected
    assert set(larder.tokens) <= {"Bearer secret"}
    assert not OutboxEntry.objects.exists()


WRONG = {
    "no URL": (lambda: purge_urls("blog"), "no URL and no path"),
    "another scheme": (lambda: purge_urls("ftp://a.test/"), "no URL and no path"),
    "another host": (lambda: purge_urls("//a.test/"), "no URL and no path"),
    "a list": (lambda: purge_urls(["/a/"]), "each an argument of its own"),
    "a tag with a space": (lambda: purge_tags("a b"), "no spaces and no commas"),
    "a tag with a comma": (lambda: purge_tags("a,b"), "no spaces and no commas"),
    "an empty tag": (lambda: purge_tags(""), "no tag"),
    "a long tag": (lambda: purge_tags("x" * 1025), "1024 is the most"),
    "a number": (lambda: purge_tags(5), "is not a tag"),
    "no prefix": (lambda: purge_prefix("blog/"), "no beginning of a URL"),
    "a URL as a host": (lambda: purge_host("https://a.test/"), "no host"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_can_not_be_purged_is_an_error_at_once(larder, name):
    order, says = WRONG[name]
    with pytest.raises(OrderError, match=says):
        order()
    assert not larder.orders and not OutboxEntry.objects.exists()


def test_many_tags_are_several_orders_and_long_paths_several_patterns(larder):
    purge_tags(*map(str, range(10_001)))
    assert [len(order["tags"]) for order in larder.taken()] == [10_000, 1]
    purge_urls(*(f"/{'x' * 100}/{number}/" for number in range(200)))
    patterns = [order["pattern"]["url"] for order in larder.taken()]
    assert len(patterns) > 2 and all(len(pattern) < 8192 for pattern in patterns)
    assert sum(pattern.count("/x") for pattern in patterns) == 200


def test_an_order_waits_for_the_outermost_commit_and_is_none_if_it_is_rolled_back(larder):
    with transaction.atomic():
        with transaction.atomic():
            purge_tags("one")
        purge_tags("one", "two")
        assert not larder.orders
        assert [entry.order for entry in OutboxEntry.objects.all()] == [{"tags": ["one"]}, {"tags": ["one", "two"]}]
    assert [order["tags"] for order in larder.taken()] == [["one"], ["one", "two"]]
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        purge_tags("one")
        1 / 0
    assert not larder.orders and not OutboxEntry.objects.exists()


def test_an_accepted_order_is_done(larder):
    larder.answer = lambda path, order: (202, {"purged": {}})
    purge_tags("one")
    assert len(larder.orders) == 1 and not OutboxEntry.objects.exists()


# ---- Larder is away --------------------------------------------------------------------------------------------------


@pytest.fixture
def away():
    """Settings that name a port at which nobody listens."""
    with override_settings(LARDER={"admin_url": f"http://127.0.0.1:{free_port()}", "timeout": 0.3, "automatic_tags": True}):
        yield


def test_an_order_that_nobody_took_stays_with_its_error_and_is_sent_later(larder, caplog):
    port = larder.port
    larder.end()
    purge_tags("one")
    purge_tags("two")
    first, second = OutboxEntry.objects.all()
    assert (first.order, first.attempts, first.state) == ({"tags": ["one"]}, 1, "waiting")
    assert "refused" in first.last_error
    # The second did not try: it was away a moment ago, and nobody waits for it each time.
    assert (second.attempts, second.last_error) == (0, "")
    assert [record.levelname for record in caplog.records if record.name == "django_larder.outbox"] == ["ERROR"]
    assert outbox.deliver().sent == 0, "nothing is due yet"
    larder.port = port
    larder.start()
    later(60)
    with caplog.at_level(logging.INFO, "django_larder.outbox"):
        assert outbox.deliver().sent == 2
    assert larder.orders == [{"tags": ["one", "two"]}]
    assert "can be sent again" in caplog.text
    assert not OutboxEntry.objects.exists()


def test_attempts_are_made_at_growing_intervals(away):
    purge_tags("one")
    pauses = []
    for _ in range(8):
        later(10_000)
        before = timezone.now()
        assert outbox.deliver().waiting == 1
        pauses.append(int((OutboxEntry.objects.get().next_attempt - before).total_seconds()))
    assert pauses == sorted(pauses) and 20 <= pauses[0] < 25 and 300 <= pauses[-1] < 305
    assert OutboxEntry.objects.get().attempts == 9


def test_a_larder_that_does_not_answer_is_waited_for_no_longer_than_said():
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(5)
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with override_settings(LARDER={"admin_url": url, "timeout": 0.2}):
            begun = time.monotonic()
            purge_tags("one")
            purge_tags("two")
            assert time.monotonic() - begun < 2
    assert "did not answer within 0.2 s" in OutboxEntry.objects.first().last_error


@pytest.mark.parametrize("status", [401, 403, 404, 408, 429, 500, 503])
def test_what_can_change_is_tried_again(larder, status):
    larder.answer = lambda path, order: (status, {"title": "no", "detail": "not now"})
    purge_tags("one")
    entry = OutboxEntry.objects.get()
    assert (entry.state, entry.last_error) == ("waiting", f"{status}: not now")


@pytest.mark.parametrize("status", [400, 413, 415])
def test_an_order_that_is_wrong_is_kept_with_its_error_and_never_sent_again(larder, status, caplog):
    bad = {"tags": ["bad"]}
    larder.answer = lambda path, order: (status, {"detail": "not like this"}) if "bad" in order["tags"] else (200, {"purged": {}})
    with transaction.atomic():
        purge_tags("one")
        purge_tags("bad")
        purge_tags("two")
    assert larder.orders == [{"tags": ["one"]}, {"tags": ["two"]}], "only the wrong one is refused"
    entry = OutboxEntry.objects.get()
    assert (entry.order, entry.state, entry.last_error) == (bad, "refused", f"{status}: not like this")
    assert "never accept" in caplog.text
    later(10_000)
    larder.taken()
    assert outbox.deliver(all_of_them=True) == outbox.Delivered()
    assert not larder.orders


def test_a_wrong_one_among_those_that_waited_holds_up_no_other(larder):
    larder.answer = lambda path, order: (400, {"detail": "no"}) if "bad" in order["tags"] else (200, {"purged": {}})
    for tag in ("one", "bad", "two"):
        OutboxEntry.objects.create(order={"tags": [tag]})
    done = outbox.deliver()
    assert (done.sent, done.refused, done.waiting) == (2, 1, 0)
    assert [entry.state for entry in OutboxEntry.objects.all()] == ["refused"]


def test_what_answers_but_is_no_larder_took_nothing(larder):
    larder.answer = lambda path, order: (200, None)
    larder.handler.do_POST = lambda self: (
        self.send_response(200),
        self.send_header("Content-Length", "2"),
        self.end_headers(),
        self.wfile.write(b"hi"),
    )
    purge_tags("one")
    assert "not Larder's admin listener" in OutboxEntry.objects.get().last_error


def test_without_an_outbox_what_can_not_be_sent_is_told(caplog):
    with override_settings(LARDER={"outbox": False, "admin_url": f"http://127.0.0.1:{free_port()}"}):
        purge_tags("one")
        Author.objects.create(name="Ann", slug="ann")
    assert not OutboxEntry.objects.exists()
    assert "a purge is lost, since there is no outbox: tags one" in caplog.text


def test_more_than_can_wait_becomes_one_order_for_everything(away, monkeypatch, caplog):
    monkeypatch.setattr(outbox, "ROWS_MAX", 20)
    OutboxEntry.objects.create(order={"tags": ["bad"]}, state="refused")
    OutboxEntry.objects.bulk_create([OutboxEntry(order={"tags": [f"t{number}"]}) for number in range(20)])
    outbox.deliver()
    assert OutboxEntry.objects.count() == 21, "so many may wait"
    OutboxEntry.objects.create(order={"tags": ["one more"]})
    outbox.deliver()
    assert [(entry.state, entry.order) for entry in OutboxEntry.objects.all()] == [("refused", {"tags": ["bad"]}), ("waiting", {"all": True})]
    assert "to purge everything" in caplog.text


def test_settings_that_are_wrong_are_no_error_after_a_request(caplog):
    with override_settings(LARDER={"retry_every": "often"}):
        look()
    assert "could not be gone through" in caplog.text


def test_before_the_migration_orders_are_sent_and_it_is_told(larder, monkeypatch, caplog):
    monkeypatch.setattr(outbox, "has_table", lambda alias: False)
    with transaction.atomic():
        purge_tags("one")
    assert larder.orders == [{"tags": ["one"]}]
    assert "manage.py migrate django_larder" in caplog.text


def test_a_request_that_is_over_sends_what_is_due_and_not_more_often_than_said(larder, django_queries):
    OutboxEntry.objects.create(order={"tags": ["one"]})
    # A process does not look before it has run for as long.
    assert django_queries(lambda: request_finished.send(sender=None)) == []
    look()
    assert larder.taken() == [{"tags": ["one"]}]
    OutboxEntry.objects.create(order={"tags": ["two"]})
    assert django_queries(lambda: request_finished.send(sender=None)) == []
    look()
    assert larder.taken() == [{"tags": ["two"]}]


def test_a_request_in_a_tests_transaction_leaves_the_outbox_alone(larder):
    with transaction.atomic():
        OutboxEntry.objects.create(order={"tags": ["one"]})
        look()
        assert not larder.orders


def test_a_test_that_may_ask_no_database_hears_nothing(larder, monkeypatch, caplog):
    def forbidden(alias):
        raise AssertionError("Database queries to 'default' are not allowed in SimpleTestCase subclasses")

    monkeypatch.setattr(outbox, "deliver", forbidden)
    look()
    assert not caplog.records


def test_a_database_that_fails_after_a_request_is_told_and_no_more(larder, monkeypatch, caplog):
    monkeypatch.setattr(outbox, "deliver", lambda alias: 1 / 0)
    look()
    assert "could not be gone through" in caplog.text


# ---- several databases -----------------------------------------------------------------------------------------------


def test_a_change_in_another_database_is_ordered_there_and_kept_here(larder):
    with transaction.atomic(using="other"):
        Subject.objects.using("other").create(id=3, name="Sea")
        assert not larder.orders
        assert OutboxEntry.objects.using("default").count() == 1
        assert not OutboxEntry.objects.using("other").exists()
    assert larder.tags == {"library.subject", "library.subject:3"}
    assert not OutboxEntry.objects.exists()


def test_the_outbox_is_in_the_database_that_is_named(larder):
    with override_settings(LARDER={"using": "other", "admin_url": f"http://127.0.0.1:{free_port()}"}):
        purge_tags("one")
        assert not OutboxEntry.objects.using("default").exists()
        assert OutboxEntry.objects.using("other").get().attempts == 1
    with override_settings(LARDER={"using": "other", "admin_url": larder.url}):
        assert outbox.deliver(all_of_them=True).sent == 1
    assert larder.orders == [{"tags": ["one"]}]


# ---- many at once ----------------------------------------------------------------------------------------------------


def test_many_that_send_at_once_send_each_order_once(larder):
    seen = []
    lock = threading.Lock()

    def slow(path, order):
        with lock:
            seen.extend(order["tags"])
        time.sleep(0.05)
        return 200, {"purged": {}}

    larder.answer = slow
    OutboxEntry.objects.bulk_create([OutboxEntry(order={"tags": [f"t{number}"]}) for number in range(1200)])
    begin = threading.Barrier(6)
    sent = []

    def retry():
        begin.wait()
        try:
            sent.append(outbox.deliver().sent)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=retry) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(sent) == 1200 and len(sent) == 6
    assert sorted(seen) == sorted(f"t{number}" for number in range(1200)), "each once"
    assert not OutboxEntry.objects.exists()


def test_what_a_process_had_claimed_before_it_ended_is_sent_after_a_while(larder):
    OutboxEntry.objects.create(order={"tags": ["one"]})
    _, entries = outbox._claim("default", all_of_them=False)
    assert len(entries) == 1
    assert outbox.deliver() == outbox.Delivered()
    assert outbox.deliver(all_of_them=True) == outbox.Delivered(), "it is being sent by another"
    later(61)
    assert outbox.deliver().sent == 1


# ---- real processes --------------------------------------------------------------------------------------------------

WRITER = """
import django, os, signal, sys
django.setup()
from django.db import transaction
from django_larder import outbox
from library.models import Author

if "before-sending" in sys.argv:
    # The transaction is committed, nothing is sent yet.
    outbox._send_committed = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
if "before-commit" in sys.argv:
    with transaction.atomic():
        Author.objects.create(id=1, name="Ann", slug="ann")
        os.kill(os.getpid(), signal.SIGKILL)
elif "autocommit" in sys.argv:
    Author.objects.create(id=1, name="Ann", slug="ann")
else:
    with transaction.atomic():
        Author.objects.create(id=1, name="Ann", slug="ann")
"""


def writer(larder, *how):
    environment = os.environ | {
        "LIBRARY_LARDER": json.dumps({"admin_url": larder.url}),
        "PYTHONPATH": os.pathsep.join([str(HERE), *sys.path]),
    }
    return subprocess.run([sys.executable, "-c", WRITER, *how], env=environment, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("how", ["autocommit", "atomic"])
def test_a_process_that_is_killed_between_commit_and_sending_loses_nothing(larder, how):
    done = writer(larder, "before-sending", how)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert Author.objects.filter(pk=1).exists() and not larder.orders
    assert waiting() == [{"tags": ["library.author", "library.author:1"]}]
    later(11)
    look()
    assert larder.orders == [{"tags": ["library.author", "library.author:1"]}]


def test_a_process_that_is_killed_before_the_commit_has_changed_and_ordered_nothing(larder):
    done = writer(larder, "before-commit")
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert not Author.objects.exists() and not OutboxEntry.objects.exists() and not larder.orders


class Real:
    """`larder serve` before an application that counts what it makes."""

    def __init__(self):
        from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

        real = self
        self.made = 0

        class Application(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                real.made += 1
                body = f"{real.made}".encode()
                self.send_response(200)
                for name, value in {
                    "Cache-Control": "max-age=600",
                    "Surrogate-Key": "one library.review",
                    "Content-Length": str(len(body)),
                }.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.application = ThreadingHTTPServer(("127.0.0.1", 0), Application)
        threading.Thread(target=self.application.serve_forever, args=(0.02,), daemon=True).start()
        self.port, self.admin = free_port(), free_port()
        command = [larder_binary(), "serve", "--to", f"http://127.0.0.1:{self.application.server_address[1]}"]
        command += ["--listen", f"127.0.0.1:{self.port}", "--admin", f"127.0.0.1:{self.admin}", "--set", "danger.admin_without_token=true"]
        self.program = Program(self.port, command)

    def page(self):
        return ask(self.port, "/").body

    def end(self):
        self.program.stop()
        self.application.shutdown()
        self.application.server_close()


@pytest.fixture
def real():
    real = Real()
    with override_settings(LARDER={"automatic_tags": True, "admin_url": f"http://127.0.0.1:{real.admin}"}):
        yield real
    real.end()


def test_a_larder_that_is_killed_and_started_again_gets_every_order(real):
    first = real.page()
    assert real.page() == first
    purge_tags("one")
    second = real.page()
    assert second != first and real.page() == second
    real.program.kill()
    purge_tags("library.review")
    assert waiting() == [{"tags": ["library.review"]}]
    real.program.start()
    third = real.page()
    assert real.page() == third
    later(60)
    assert outbox.deliver().sent == 1
    assert real.page() != third
    assert not OutboxEntry.objects.exists()


def test_a_larder_that_hangs_gets_it_when_it_goes_on(real):
    first = real.page()
    os.kill(real.program.child.pid, signal.SIGSTOP)
    os.waitpid(real.program.child.pid, os.WUNTRACED)
    try:
        with override_settings(LARDER={"admin_url": f"http://127.0.0.1:{real.admin}", "timeout": 0.2}):
            purge_tags("one")
            assert "did not answer" in OutboxEntry.objects.get().last_error
    finally:
        os.kill(real.program.child.pid, signal.SIGCONT)
    later(60)
    assert outbox.deliver().sent == 1
    assert real.page() != first


def test_every_kind_of_order_is_one_that_larder_takes(real):
    for order, _ in ORDERS.values():
        order()
    assert not OutboxEntry.objects.exists()
    real.page()
    made = real.page()
    purge_urls("/")
    assert real.page() != made
    made = real.page()
    purge_urls("/other/")
    assert real.page() == made
