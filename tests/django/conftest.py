"""Starts the site under gunicorn and Larder in front of it, on ports the kernel chose, and gives tests browsers."""

import http.client
import json
import os
import re
import socket
import ssl
import subprocess
import sys
import threading
from http.cookies import SimpleCookie
from pathlib import Path
from urllib.parse import urlencode

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
USERS = ["alice", "bob"]
# What the site's middleware says to scripts, each field once.
TRIPLE = {"Cache-Control": ["no-cache, no-store, must-revalidate"], "Pragma": ["no-cache"], "Expires": ["0"]}


class Process:
    """A program; `port` is what the first matching line of its output names."""

    def __init__(self, command, pattern, **options):
        self.child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options
        )
        self.port = None
        said = []
        for line in self.child.stdout:
            said.append(line)
            if match := re.search(pattern, line):
                self.port = int(match.group(1))
                break
        if self.port is None:
            raise RuntimeError(f"{Path(command[0]).name} did not start:\n{''.join(said)}")
        # A full pipe would stop it.
        threading.Thread(target=lambda: [None for _ in self.child.stdout], daemon=True).start()

    def stop(self):
        self.child.terminate()
        try:
            self.child.wait(20)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()


class Response:
    def __init__(self, raw):
        self.status = raw.status
        self.headers = raw.headers
        self.body = raw.read()
        self.text = self.body.decode(errors="replace")

    def all(self, name):
        return self.headers.get_all(name, [])

    def get(self, name):
        return self.headers.get(name)

    @property
    def why(self):
        return ", ".join(self.all("Cache-Status"))

    @property
    def made(self):
        """How often this page had been made when this copy of it was."""
        return int(re.search(r"made (\d+)", self.text).group(1))


class Browser:
    """Keeps its cookies, as browsers do; every request is on a connection of its own."""

    def __init__(self, port, scheme="http"):
        self.port = port
        self.scheme = scheme
        self.cookies = {}

    def connect(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        if self.scheme == "https":
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            plain = socket.create_connection(("127.0.0.1", self.port), timeout=30)
            connection.sock = context.wrap_socket(plain, server_hostname="site.test")
        return connection

    def open(self, method, path, headers=None, form=None):
        connection = self.connect()
        fields = {"Host": "site.test", "Accept-Language": "en", "User-Agent": "Test"} | (headers or {})
        if self.cookies:
            fields["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        body = None
        if form is not None:
            body = urlencode(form)
            fields["Content-Type"] = "application/x-www-form-urlencoded"
            # Browsers say where the form was, and by https Django asks for it.
            fields.setdefault("Referer", f"{self.scheme}://site.test{path}")
        connection.request(method, path, body=body, headers=fields)
        raw = connection.getresponse()
        for line in raw.headers.get_all("Set-Cookie", []):
            for name, morsel in SimpleCookie(line).items():
                self.cookies[name] = morsel.value
        return raw

    def request(self, method, path, headers=None, form=None):
        return Response(self.open(method, path, headers, form))

    def get(self, path, **headers):
        return self.request("GET", path, {name.replace("_", "-"): value for name, value in headers.items()})

    def post(self, path, **form):
        return self.request("POST", path, form=form)

    def log_in(self, name):
        page = self.get("/accounts/login/")
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text).group(1)
        return self.post("/accounts/login/", username=name, password="secret", csrfmiddlewaretoken=token)


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


BINARY = os.environ.get("LARDER_BIN", str(ROOT / "target" / "fast" / "larder"))


def start_larder(site, *more, scheme="http", listening=r"listening on (?:http://)?127\.0\.0\.1:(\d+)"):
    command = [BINARY, "serve", "--to", f"{scheme}://127.0.0.1:{site}", "--listen", "127.0.0.1:0", "--admin", "off", *more]
    return Process(command, listening)


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
