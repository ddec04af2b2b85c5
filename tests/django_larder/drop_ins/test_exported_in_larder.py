"""The file of `manage.py larder_export` in a running Larder: visitors share what they shared."""

import re
import socketserver
import threading
from io import StringIO
from pathlib import Path
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.core.management import call_command
from django.http import HttpResponse
from django.test import override_settings
from django.urls import path

from fronting import ask
from serving import BINARY, start_larder

pytestmark = pytest.mark.skipif(not Path(BINARY).exists(), reason="larder is not built")
TIMEOUTS = {
    "all-users": {600: ("^/",), 0: ("^/no/",)},
    "anonymous-only": {600: (r"^/anonymous/\d+",)},
    "anonymous-and-authenticated": {600: ("^/class/",)},
    "per-user": {600: ("^/mine/", r"^/anonymous/\d+/mine/")},
}
made = []


def page(request, rest):
    made.append(rest)
    # Whom the request is from, as far as the application was told.
    name = request.COOKIES.get("sessionid", "nobody")
    if is_class := request.headers.get("Larder-Identity") == "class=authenticated":
        name = "somebody"
    response = HttpResponse(f"{len(made)} {name}")
    if is_class:
        response["Vary"] = "Larder-Identity"
    if "own" in request.GET:
        response["Cache-Control"] = "max-age=0, no-store"
    return response


def identity(request):
    response = HttpResponse()
    is_known = request.COOKIES.get("sessionid") in ("alice", "bob")
    response["Larder-Identity"] = "class=authenticated" if is_known else "class=anonymous"
    return response


urlpatterns = [path("_larder/identity", identity), path("<path:rest>", page)]


class Quiet(WSGIRequestHandler):
    def log_message(self, *arguments):
        pass


class Threaded(socketserver.ThreadingMixIn, WSGIServer):
    daemon_threads = True


@pytest.fixture(scope="module")
def larder(tmp_path_factory):
    """Asks it with these cookies; who the page is of, and whether the application made it for this request."""
    middleware = ["django.middleware.common.CommonMiddleware"]
    with override_settings(ROOT_URLCONF=__name__, MIDDLEWARE=middleware, CACHE_HEADERS={"timeouts": TIMEOUTS}):
        server = Threaded(("127.0.0.1", 0), Quiet)
        server.set_app(WSGIHandler())
        threading.Thread(target=server.serve_forever, daemon=True).start()
        said = StringIO()
        call_command("larder_export", f"--upstream=http://127.0.0.1:{server.server_port}", stdout=said, stderr=StringIO())
        file = tmp_path_factory.mktemp("exported") / "larder.toml"
        file.write_text(said.getvalue())
        program = start_larder(server.server_port, "--config", str(file))

        def get(target, *cookies):
            count = len(made)
            answer = ask(program.port, target, fields=["Cookie: " + "; ".join(cookies)] if cookies else [])
            assert answer.status == 200, answer.raw
            (name,) = re.findall(rb"\d+ (\w+)", answer.body)
            return name.decode(), len(made) > count, answer

        yield get
        program.stop()
        server.shutdown()
        server.server_close()


ALICE, BOB = "sessionid=alice", "sessionid=bob"


@pytest.mark.parametrize(
    "target, one, other, expected, name",
    [
        ("/all/1", [ALICE], [BOB], True, "nobody"),
        ("/all/2", [], ["isauthenticated=1"], True, "nobody"),
        ("/all/3", [], ["messages=x"], False, "nobody"),
        ("/anonymous/1", [], ["theme=dark"], True, "nobody"),
        ("/anonymous/2", [], [ALICE], False, "alice"),
        ("/anonymous/3", [ALICE], [ALICE], False, "alice"),
        ("/anonymous/4/mine/", [ALICE], [ALICE], True, "alice"),
        ("/class/1", [], [ALICE], False, "somebody"),
        ("/class/2", [ALICE], [BOB], True, "somebody"),
        ("/class/3", [ALICE], ["isauthenticated=1"], False, "nobody"),
        ("/class/4", [ALICE], ["sessionid=forged12"], False, "nobody"),
        ("/mine/1", [ALICE], [ALICE, "a=b"], True, "alice"),
        ("/mine/2", [ALICE], [BOB], False, "bob"),
        ("/mine/3", [ALICE], [], False, "nobody"),
        ("/no/1", [], [], False, "nobody"),
        ("/all/5?own=1", [], [], False, "nobody"),
    ],
)
def test_visitors_share_what_the_policy_shares(larder, target, one, other, expected, name):
    larder(target, *one)
    seen, is_new, _ = larder(target, *other)
    assert (seen, not is_new) == (name, expected)


def test_browsers_are_told_as_before(larder):
    assert larder("/all/6")[2].get("Cache-Control") == "max-age=5"
    assert larder("/mine/6", ALICE)[2].get("Cache-Control") == "max-age=5, private"
