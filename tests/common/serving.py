"""Programs that tests start, on ports the kernel chose, and browsers that ask them."""

import http.client
import os
import re
import socket
import ssl
import subprocess
import threading
from http.cookies import SimpleCookie
from pathlib import Path
from urllib.parse import urlencode

ROOT = Path(__file__).parent.parent.parent
BINARY = os.environ.get("LARDER_BIN", str(ROOT / "target" / "fast" / "larder"))


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


def start_larder(site, *more, scheme="http", listening=r"listening on (?:http://)?127\.0\.0\.1:(\d+)"):
    command = [BINARY, "serve", "--to", f"{scheme}://127.0.0.1:{site}", "--listen", "127.0.0.1:0", "--admin", "off", *more]
    return Process(command, listening)
