"""Applications by https: a real nginx with files, and the Django site under gunicorn with a certificate."""

import http.client
import os
import shutil
import socket
import subprocess
import sys
import time

import pytest

from conftest import HERE, Browser, Process, start_larder

nginx = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
pytestmark = pytest.mark.skipif(not nginx or not shutil.which("openssl"), reason="nginx and openssl are not installed")

BIG = bytes(range(256)) * 8000


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """One with a certificate that the application made itself, as people do it."""
    folder = tmp_path_factory.mktemp("secure")
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-subj", "/CN=app.example", "-addext", "subjectAltName=DNS:app.example,IP:127.0.0.1", "-days", "2"]
    command += ["-keyout", str(folder / "key.pem"), "-out", str(folder / "certificate.pem")]
    subprocess.run(command, check=True, capture_output=True)
    return folder


def larder(port, folder, *more):
    return start_larder(port, "--set", f"upstream_tls.ca={folder}/certificate.pem", *more, scheme="https")


class Nginx:
    """Files by https. Connections end after a few requests, so that ends are met as well."""

    def __init__(self, folder, protocols):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        (folder / "files").mkdir(exist_ok=True)
        (folder / "files" / "big").write_bytes(BIG)
        (folder / "files" / "small").write_bytes(b"small")
        kinds = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        temporary = "\n".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)
        # Its workers would be nobody, who may not read the folder.
        user = "user root;" if os.geteuid() == 0 else ""
        configuration = folder / f"{protocols}.conf"
        configuration.write_text(
            f"""{user} daemon off; worker_processes 1; pid {folder}/{protocols}.pid; error_log stderr;
events {{}}
http {{
  access_log off; {temporary}
  keepalive_requests 3;
  server {{
    listen 127.0.0.1:{self.port} ssl;
    ssl_certificate {folder}/certificate.pem; ssl_certificate_key {folder}/key.pem; ssl_protocols {protocols};
    root {folder}/files;
    add_header Cache-Control no-store;
    location = /one {{ return 200 $ssl_protocol,$ssl_session_reused,$ssl_server_name; }}
    location = /post {{ client_max_body_size 10m; return 200 posted; }}
  }}
}}
"""
        )
        self.child = subprocess.Popen(
            [nginx, "-p", str(folder), "-e", "stderr", "-c", str(configuration)], stderr=subprocess.PIPE, text=True
        )
        begun = time.monotonic()
        while self.child.poll() is None and time.monotonic() - begun < 20:
            try:
                return socket.create_connection(("127.0.0.1", self.port), 1).close()
            except OSError:
                time.sleep(0.02)
        self.child.kill()
        raise RuntimeError(f"nginx did not start: {self.child.stderr.read()}")

    def stop(self):
        self.child.terminate()
        self.child.wait(20)


@pytest.mark.parametrize("protocols", ["TLSv1.2", "TLSv1.3"])
def test_files_of_nginx(folder, protocols):
    application = Nginx(folder, protocols)
    proxy = larder(application.port, folder, "--set", "upstream_tls.name=app.example", "--workers", "1")
    try:
        browser = Browser(proxy.port)
        told = [browser.get("/one").text.split(",") for _ in range(8)]
        assert all(one[0] == protocols and one[2] == "app.example" for one in told), told
        assert told[0][1] == "." and "r" in {one[1] for one in told}, "sessions are taken up again"
        for _ in range(5):
            assert browser.get("/big").body == BIG
            assert browser.get("/small").body == b"small"
            part = browser.get("/big", Range="bytes=1000-1999")
            assert (part.status, part.body) == (206, BIG[1000:2000])
            connection = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=30)
            connection.request("POST", "/post", body=BIG, headers={"Host": "site.test"})
            answer = connection.getresponse()
            assert (answer.status, answer.read()) == (200, b"posted")
            connection.close()
    finally:
        proxy.stop()
        application.stop()


def test_a_certificate_that_nobody_named_is_refused(folder):
    application = Nginx(folder, "TLSv1.3")
    proxy = start_larder(application.port, "--set", "upstream_tls.name=app.example", scheme="https")
    try:
        answer = Browser(proxy.port).get("/small")
        assert answer.status == 502 and "certificate-untrusted" in answer.why
    finally:
        proxy.stop()
        application.stop()


def test_django_by_https(site, folder):
    command = [sys.executable, "-m", "gunicorn", "--bind", "127.0.0.1:0", "--workers", "1", "--threads", "8"]
    command += ["--certfile", str(folder / "certificate.pem"), "--keyfile", str(folder / "key.pem"), "shop.wsgi"]
    application = Process(command, r"Listening at: https://127\.0\.0\.1:(\d+)", cwd=HERE, env=os.environ)
    proxy = larder(application.port, folder)
    try:
        browser = Browser(proxy.port)
        assert browser.log_in("alice").status == 302
        for _ in range(5):
            assert "alice" in browser.get("/account/").text
            assert browser.get("/stream/go/").status == 200 and browser.get("/stream/").status == 200
        # How the application is asked says nothing of how the visitor came.
        assert '"secure": false' in browser.get("/asker/").text
    finally:
        proxy.stop()
        application.stop()
