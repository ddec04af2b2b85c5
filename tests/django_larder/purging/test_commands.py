"""The commands: against a stand-in for Larder's words, and against `larder serve` for its deeds."""

import json

import pytest
from conftest import FOLDER
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import override_settings
from django_larder.models import OutboxEntry
from fronting import free_port, larder_binary
from library.models import Author, Book
from programs import Program


def run(capsys, *command, **options):
    call_command(*command, **options)
    return capsys.readouterr().out


def fails(capsys, *command, **options):
    with pytest.raises(CommandError) as caught:
        call_command(*command, **options)
    return str(caught.value)


# ---- larder_purge ----------------------------------------------------------------------------------------------------

PURGES = {
    ("https://a.test/x/",): [{"urls": ["https://a.test/x/"]}],
    ("https://a.test/?q=1", "--exact-query", "--soft"): [{"urls": ["https://a.test/?q=1"], "query": "exact", "soft": True}],
    ("--tag", "one", "--tag", "two"): [{"tags": ["one", "two"]}],
    ("--tag", "one", "--host", "a.test"): [{"tags": ["one"], "host": "a.test"}],
    ("--host", "a.test"): [{"host": "a.test"}],
    ("--prefix", "/blog/"): [{"prefix": "/blog/"}],
    ("--all", "--no-input"): [{"all": True}],
    ("/x/", "--tag", "one"): [{"pattern": {"url": r"^(?:/x/)(?:\?|$)"}}, {"tags": ["one"]}],
}


@pytest.mark.parametrize("given", PURGES, ids=" ".join)
def test_larder_purge_orders_what_it_is_told(larder, capsys, given):
    said = run(capsys, "larder_purge", *given)
    assert larder.orders == PURGES[given]
    assert "1 pages, 1 variants" in said
    assert not OutboxEntry.objects.exists()


WRONG = {
    (): "Say what",
    ("blog",): "no URL and no path",
    ("--tag", "a b"): "no spaces and no commas",
    ("--exact-query", "--tag", "a"): "--exact-query is about URLs",
}


@pytest.mark.parametrize("given", WRONG, ids=" ".join)
def test_larder_purge_says_what_is_wrong(larder, capsys, given):
    assert WRONG[given] in fails(capsys, "larder_purge", *given)
    assert not larder.orders


def test_larder_purge_asks_before_everything(larder, capsys, monkeypatch):
    monkeypatch.setattr("builtins.input", lambda _: "n")
    assert fails(capsys, "larder_purge", "--all") == "Nothing was purged."
    monkeypatch.setattr("builtins.input", lambda _: "y")
    run(capsys, "larder_purge", "--all")
    assert larder.orders == [{"all": True}]


def test_larder_purge_keeps_what_larder_can_not_take_now(larder, capsys):
    larder.end()
    with pytest.raises(CommandError) as caught:
        call_command("larder_purge", "/x/", "--tag", "one")
    assert caught.value.returncode == 3
    assert "Is larder serve running" in str(caught.value) and "kept in the outbox" in str(caught.value)
    assert [entry.order for entry in OutboxEntry.objects.all()] == [{"paths": ["/x/"]}, {"tags": ["one"]}]


def test_larder_purge_says_what_to_do_about_a_wrong_token_and_a_wrong_address(larder, capsys):
    larder.answer = lambda path, order: (401, {"detail": "this is not the token"})
    assert 'LARDER["token"]' in fails(capsys, "larder_purge", "/x/")
    larder.answer = lambda path, order: (404, {})
    assert "is not the admin listener" in fails(capsys, "larder_purge", "/x/")
    OutboxEntry.objects.all().delete()
    larder.answer = lambda path, order: (400, {"detail": "no such thing"})
    assert "no such thing" in fails(capsys, "larder_purge", "/x/")
    assert not OutboxEntry.objects.exists()


# ---- larder_outbox ---------------------------------------------------------------------------------------------------


def test_larder_outbox_sends_lists_tries_again_and_forgets(larder, capsys):
    OutboxEntry.objects.create(order={"tags": ["one"]})
    OutboxEntry.objects.create(order={"tags": ["bad"]}, state="refused", attempts=1, last_error="400: no")
    listed = run(capsys, "larder_outbox", "--list")
    assert "tags one" in listed and "refused, 1 attempts" in listed and "400: no" in listed and "1 waiting, 1 refused" in listed
    assert "1 sent, 0 still waiting, 0 refused" in run(capsys, "larder_outbox")
    assert larder.taken() == [{"tags": ["one"]}]
    larder.answer = lambda path, order: (400, {"detail": "still no"})
    assert fails(capsys, "larder_outbox", "--again") == "400: still no"
    assert OutboxEntry.objects.get().last_error == "400: still no"
    assert "1 forgotten" in run(capsys, "larder_outbox", "--drop-refused")
    assert not OutboxEntry.objects.exists()


def test_larder_outbox_fails_while_something_waits(larder, capsys):
    OutboxEntry.objects.create(order={"tags": ["one"]})
    larder.end()
    assert "refused" in fails(capsys, "larder_outbox")
    assert "0 sent, 1 still waiting" in capsys.readouterr().out


def test_larder_outbox_watches_until_it_is_stopped(larder, capsys, monkeypatch):
    rounds = []

    def sleep(_):
        rounds.append(len(larder.orders))
        if len(rounds) == 1:
            OutboxEntry.objects.create(order={"tags": ["two"]})
        else:
            raise KeyboardInterrupt

    OutboxEntry.objects.create(order={"tags": ["one"]})
    monkeypatch.setattr("time.sleep", sleep)
    assert run(capsys, "larder_outbox", "--watch").split("\n") == ["1 sent, 0 refused", "1 sent, 0 refused", "stopped", ""]
    assert rounds == [1, 2]


def test_checks_tell_what_waits_and_what_was_refused(larder):
    from django.core.checks import run_checks

    def ids():
        return {message.id: message for message in run_checks(tags=["django_larder"], databases=["default"])}

    assert not {"django_larder.W102", "django_larder.E103"} & set(ids())
    OutboxEntry.objects.create(order={"tags": ["new"]})
    assert "django_larder.W102" not in ids(), "one that was not tried yet is none"
    OutboxEntry.objects.create(order={"tags": ["one"]}, attempts=3, last_error="no answer")
    OutboxEntry.objects.create(order={"tags": ["bad"]}, state="refused", last_error="400: no")
    found = ids()
    assert "no answer" in found["django_larder.W102"].msg
    assert "400: no" in found["django_larder.E103"].msg
    assert not run_checks(tags=["django_larder"], databases=["other"])


def test_a_check_tells_that_nobody_says_the_tags(larder):
    from django.core.checks import run_checks

    with override_settings(MIDDLEWARE=[]):
        assert "django_larder.E101" in {message.id for message in run_checks(tags=["django_larder"])}


# ---- with a Larder ---------------------------------------------------------------------------------------------------

RULES = """
upstream = "http://127.0.0.1:{site}"

[danger]
admin_without_token = true

[identity]
session_cookies = ["sessionid"]
marker_keys = ["one={key}"]

[[rule]]
path = "/blog/*"
audience = "all-users"
ttl = "{ttl}"

[[rule]]
path = "/account/*"
audience = "anonymous-and-authenticated"
ttl = "1m"
"""


class Real:
    def __init__(self):
        from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
        from threading import Thread

        class Application(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                found = "missing" not in self.path
                body = b"page" if found else b"none"
                self.send_response(200 if found else 404)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_HEAD = do_GET

            def log_message(self, *_):
                pass

        self.application = ThreadingHTTPServer(("127.0.0.1", 0), Application)
        Thread(target=self.application.serve_forever, args=(0.02,), daemon=True).start()
        self.port, self.admin = free_port(), free_port()
        key = f"{FOLDER.name}/marker.key"
        with open(key, "w") as file:
            file.write("k" * 48)
        self.rules = f"{FOLDER.name}/commands.toml"
        with open(self.rules, "w") as file:
            file.write(RULES.format(site=self.application.server_address[1], key=f"file:{key}", ttl="10m"))
        serve = [larder_binary(), "serve", "--config", self.rules, "--listen", f"127.0.0.1:{self.port}"]
        self.program = Program(self.port, [*serve, "--admin", f"127.0.0.1:{self.admin}"])
        self.larder = {"rules": self.rules, "admin_url": f"http://127.0.0.1:{self.admin}", "hosts": ["site.test"], "timeout": 10.0}

    def end(self):
        self.program.stop()
        self.application.shutdown()
        self.application.server_close()


@pytest.fixture(scope="module")
def server():
    real = Real()
    yield real
    real.end()


@pytest.fixture
def real(server):
    with override_settings(LARDER=server.larder):
        yield server


def test_larder_warm_has_pages_fetched_and_says_which_are_stored(real, capsys):
    said = run(capsys, "larder_warm", "/blog/1", "https://site.test/blog/2")
    assert said.split() == ["2", "stored"]
    assert run(capsys, "larder_warm", "/blog/1").split() == ["1", "fresh"]
    said = run(capsys, "larder_warm", "/blog/1", "/blog/missing", "--renew")
    assert "1  stored" in said and "1  refused" in said and "https://site.test/blog/missing" in said


def test_larder_warm_fails_if_none_is_stored(real, capsys):
    assert fails(capsys, "larder_warm", "/blog/missing") == "None of the pages is stored."
    assert "Say which pages" in fails(capsys, "larder_warm")


def test_larder_warm_knows_the_pages_of_a_model(real, capsys, monkeypatch):
    monkeypatch.setattr(Book, "get_absolute_url", lambda self: f"/blog/{self.slug}/")
    ann = Author.objects.create(name="Ann", slug="ann")
    for number in range(60):
        Book.objects.create(title="x", slug=f"b{number}", author=ann, volume=number)
    assert run(capsys, "larder_warm", "--model", "library.Book").split() == ["60", "stored"]
    assert "no get_absolute_url" in fails(capsys, "larder_warm", "--model", "library.author")
    assert "is no model" in fails(capsys, "larder_warm", "--model", "library.nothing")


def test_paths_need_a_site(real, capsys):
    with override_settings(LARDER=real.larder | {"hosts": []}):
        assert "by --origin https://example.com" in fails(capsys, "larder_warm", "/blog/1")
        assert "is no origin" in fails(capsys, "larder_warm", "/blog/1", "--origin", "example.com")
        assert run(capsys, "larder_warm", "/blog/1", "--origin", "https://other.test").split() == ["1", "stored"]


def test_larder_explain_says_the_rule_here_and_there(real, capsys):
    for live in ([], ["--live"]):
        said = run(capsys, "larder_explain", "/blog/1", *live)
        assert "all-users, ttl 10m" in said, said
        said = json.loads(run(capsys, "larder_explain", "https://site.test/blog/1", "--json", *live))
        assert said["outcome"] == "shared"


def test_larder_explain_knows_what_a_user_gets(real, capsys):
    User.objects.create(username="ann")
    for live in ([], ["--live"]):
        nobody = json.loads(run(capsys, "larder_explain", "/account/", "--json", *live))
        ann = json.loads(run(capsys, "larder_explain", "/account/", "--user", "ann", "--json", *live))
        assert nobody["visitor"]["class"] == "anonymous"
        assert ann["visitor"]["class"] == "authenticated" and ann["outcome"] == "shared", ann
    assert "There is no user 'bob'" in fails(capsys, "larder_explain", "/account/", "--user", "bob")
    assert "is no field" in fails(capsys, "larder_explain", "/account/", "-H", "nothing")


def test_larder_doctor_finds_nothing_where_all_is_well(real, capsys):
    middleware = ["django_larder.middleware.LarderMiddleware", "django.contrib.sessions.middleware.SessionMiddleware"]
    with override_settings(MIDDLEWARE=[*middleware, "django.contrib.auth.middleware.AuthenticationMiddleware"]):
        said = run(capsys, "larder_doctor", "--only-django", "--path", "/blog/")
    assert "problem" not in said, said
    assert "ok        purges" in said and "the running Larder decides as the rule file says" in said


def test_larder_doctor_finds_other_rules_a_wrong_token_and_what_waits(real, capsys):
    OutboxEntry.objects.create(order={"tags": ["bad"]}, state="refused", last_error="400: no")
    other = f"{FOLDER.name}/other.toml"
    with open(real.rules) as file, open(other, "w") as copy:
        copy.write(file.read().replace("10m", "20m"))
    with override_settings(LARDER=real.larder | {"rules": other}):
        assert fails(capsys, "larder_doctor", "--only-django", "--path", "/blog/") == "There are problems."
    said = capsys.readouterr().out
    assert "the running Larder has other rules than" in said and "SIGHUP" in said
    assert "Larder refused 1 purges" in said
    with override_settings(LARDER=real.larder | {"admin_url": f"http://127.0.0.1:{free_port()}"}):
        fails(capsys, "larder_doctor", "--only-django")
    assert "Is larder serve running" in capsys.readouterr().out


def test_larder_doctor_calls_larder_doctor(real, capsys):
    try:
        said = run(capsys, "larder_doctor", "--larder", larder_binary(), "--path", "/blog/")
    except CommandError:
        said = capsys.readouterr().out
    assert "larder doctor --config" in said and "reachable" in said
    try:
        said = run(capsys, "larder_doctor", "--larder", "/nowhere/larder")
    except CommandError:
        said = capsys.readouterr().out
    assert "there is no program larder here" in said
