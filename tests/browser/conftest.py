"""An application, Larder in front of it with a certificate of its own, and a browser."""

import os
import re
import socket
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from chromium import Chromium, program

ROOT = Path(__file__).parent.parent.parent
PARTS = 40

CONFIGURATION = """
upstream = "http://127.0.0.1:{application}"
[listen]
http = "127.0.0.1:0"
https = "127.0.0.1:{secure}"
[admin]
listen = "off"
[https]
redirect = true
hsts = "5m"
[[tls.certificate]]
chain = "{folder}/chain.pem"
key = "{folder}/key.pem"
"""


def documented():
    """The form that docs/html.md has, which fetches its token when it is sent."""
    return re.search(r"```html\n(.*?)```", (ROOT / "docs" / "html.md").read_text(), re.S).group(1)


class Application(BaseHTTPRequestHandler):
    """A page of many parts, a form, and a page that is nobody else's."""

    protocol_version = "HTTP/1.1"
    made = 0
    seen = []

    def answer(self, body, kind="text/html", **fields):
        body = body.encode()
        self.send_response(200)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        for name, value in fields.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        Application.seen.append((self.path, dict(self.headers.items())))
        if self.path == "/":
            Application.made += 1
            parts = "".join(f'<script src="/part-{number}.js"></script>' for number in range(PARTS))
            form = '<form method="post" action="/form"><input name="text"><button>send</button></form>'
            body = f"<!doctype html><title>shop</title><p>made {Application.made}</p>{form}{parts}"
            self.answer(body, Cache_Control="max-age=60")
        elif self.path == "/later/":
            self.answer(f"<!doctype html><title>later</title>{documented()}", Cache_Control="max-age=60")
        elif self.path == "/csrf/":
            self.answer('{"token": "fetched when it was needed"}', "application/json", Cache_Control="no-store")
        elif self.path.startswith("/part-"):
            filler = "/" * 3000
            self.answer(f"window.parts = (window.parts || 0) + 1 //{filler}", "text/javascript", Cache_Control="max-age=60")
        else:
            self.answer("", "image/x-icon")

    def do_POST(self):
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        Application.seen.append((self.path, dict(self.headers.items())))
        told = [form[name][0] for name in ("text", "name", "csrfmiddlewaretoken") if name in form]
        self.answer(f"<p>got {', '.join(told)}</p>", Cache_Control="no-store")

    def log_message(self, *_):
        pass


class Larder:
    def __init__(self, folder, application):
        command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        command += ["-subj", "/CN=site.test", "-addext", "subjectAltName=DNS:site.test", "-days", "2"]
        command += ["-keyout", str(folder / "key.pem"), "-out", str(folder / "chain.pem")]
        subprocess.run(command, check=True, capture_output=True)
        configuration = folder / "larder.toml"
        # Known beforehand: it is in the file that requests by http are sent there.
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            secure = probe.getsockname()[1]
        values = {"application": application, "folder": folder, "secure": secure}
        configuration.write_text(CONFIGURATION.format(**values))
        binary = os.environ.get("LARDER_BIN", str(ROOT / "target" / "fast" / "larder"))
        self.child = subprocess.Popen(
            [binary, "serve", "--config", str(configuration)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.plain = self.secure = None
        said = []
        for line in self.child.stdout:
            said.append(line)
            if match := re.search(r"listening on 127\.0\.0\.1:(\d+)( with TLS)?", line):
                setattr(self, "secure" if match.group(2) else "plain", int(match.group(1)))
            if self.plain and self.secure:
                break
        else:
            raise RuntimeError(f"larder did not start:\n{''.join(said)}")
        # A full pipe would stop it.
        threading.Thread(target=lambda: [None for _ in self.child.stdout], daemon=True).start()

    def stop(self):
        self.child.terminate()
        try:
            self.child.wait(20)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()


@pytest.fixture(scope="session")
def larder(tmp_path_factory):
    application = ThreadingHTTPServer(("127.0.0.1", 0), Application)
    threading.Thread(target=application.serve_forever, daemon=True).start()
    larder = Larder(tmp_path_factory.mktemp("larder"), application.server_address[1])
    yield larder
    larder.stop()
    application.shutdown()


@pytest.fixture(scope="session")
def chromium(tmp_path_factory):
    if not program():
        pytest.skip("chromium is not installed")
    browser = Chromium(tmp_path_factory.mktemp("chromium"))
    yield browser
    browser.stop()


@pytest.fixture
def visitor(chromium):
    """Makes visitors without a history."""
    return chromium.visitor
