"""The README's configuration of nginx and of Larder behind it, as it stands there, with a real nginx."""

import json
import re
import shutil
import socket
import ssl
import subprocess
import time
from http.client import HTTPConnection, HTTPSConnection

import pytest

from conftest import ROOT, Response, TRIPLE, start_larder

nginx = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
pytestmark = pytest.mark.skipif(not nginx or not shutil.which("openssl"), reason="nginx and openssl are not installed")


def snippet(kind, section):
    text = (ROOT / "README.md").read_text()
    section = text.split(f"### {section}\n", 1)[1].split("\n## ", 1)[0]
    return re.search(rf"```{kind}\n(.*?)```", section, re.S).group(1)


def put(text, before, after):
    assert text.count(before) == 1, before
    return text.replace(before, after)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


# Not nginx's address: whoever asks from there is a proxy.
VISITOR = ("127.0.0.2", 0)


class Nginx:
    """nginx with the README's configuration; only ports, the certificate and the names of files are the test's."""

    def __init__(self, folder, larder):
        certificate, key = folder / "certificate.pem", folder / "key.pem"
        command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        command += ["-subj", "/CN=site.test", "-days", "2", "-keyout", str(key), "-out", str(certificate)]
        subprocess.run(command, check=True, capture_output=True)
        self.plain, self.secure = free_port(), free_port()
        site = snippet("nginx", "Behind nginx")
        site = put(site, "server 127.0.0.1:8080;", f"server 127.0.0.1:{larder};")
        site = put(site, "listen 80;", f"listen 127.0.0.1:{self.plain};")
        site = put(site, "listen 443 ssl;", f"listen 127.0.0.1:{self.secure} ssl;")
        site = put(
            site,
            "# ssl_certificate ...; ssl_certificate_key ...;",
            f"ssl_certificate {certificate}; ssl_certificate_key {key};",
        )
        kinds = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        temporary = "\n".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)
        configuration = folder / "nginx.conf"
        configuration.write_text(
            f"daemon off; worker_processes 1; pid {folder}/pid; error_log stderr;\n"
            f"events {{}}\nhttp {{ access_log off; {temporary}\n{site}\n}}\n"
        )
        self.child = subprocess.Popen(
            [nginx, "-p", str(folder), "-e", "stderr", "-c", str(configuration)], stderr=subprocess.PIPE, text=True
        )
        for port in (self.plain, self.secure):
            self.wait_for(port)

    def wait_for(self, port):
        begun = time.monotonic()
        while self.child.poll() is None and time.monotonic() - begun < 20:
            try:
                return socket.create_connection(("127.0.0.1", port), 1).close()
            except OSError:
                time.sleep(0.02)
        self.child.kill()
        raise RuntimeError(f"nginx did not start: {self.child.stderr.read()}")

    def ask(self, scheme, path, method="GET", headers=None):
        if scheme == "https":
            trust = ssl._create_unverified_context()
            connection = HTTPSConnection("127.0.0.1", self.secure, timeout=30, source_address=VISITOR, context=trust)
        else:
            connection = HTTPConnection("127.0.0.1", self.plain, timeout=30, source_address=VISITOR)
        connection.request(method, path, headers={"Host": "site.test"} | (headers or {}))
        answer = Response(connection.getresponse())
        connection.close()
        return answer

    def stop(self):
        self.child.terminate()
        self.child.wait(20)


@pytest.fixture(scope="module")
def front(site, tmp_path_factory):
    folder = tmp_path_factory.mktemp("nginx")
    configuration = folder / "larder.toml"
    configuration.write_text(snippet("toml", "Behind nginx"))
    larder = start_larder(site, "--config", str(configuration))
    proxy = Nginx(folder, larder.port)
    yield proxy
    proxy.stop()
    larder.stop()


FORGED = {
    "X-Forwarded-Proto": "http",
    "X-Forwarded-Protocol": "http",
    "X-Forwarded-SSL": "off",
    "Front-End-Https": "off",
    "Forwarded": "for=6.6.6.6;proto=http",
    "X-Forwarded-For": "6.6.6.6",
    "X-Forwarded-Host": "evil.test",
    "X-Real-IP": "6.6.6.6",
}


@pytest.mark.parametrize("fields", [{}, FORGED], ids=["honest", "forged"])
def test_by_https_django_knows_it_and_who_asks(front, fields):
    answer = json.loads(front.ask("https", "/asker/", headers=fields).text)
    assert answer["secure"] is True and answer["url"] == "https://site.test/asker/"
    assert answer["told"] == {
        "HTTP_HOST": "site.test",
        "HTTP_X_FORWARDED_FOR": "127.0.0.2",
        "HTTP_X_FORWARDED_HOST": "site.test",
        "HTTP_X_FORWARDED_PORT": "443",
        "HTTP_X_FORWARDED_PROTO": "https",
    }


@pytest.mark.parametrize("fields", [{}, FORGED, {"X-Forwarded-Proto": "https", "X-Forwarded-SSL": "on"}], ids=str)
def test_by_http_everybody_is_sent_to_https(front, fields):
    for path in ("/asker/", "/secure/?a=b"):
        answer = front.ask("http", path, headers=fields)
        assert (answer.status, answer.get("Location")) == (301, f"https://site.test{path}")
    assert front.ask("http", "/contact/", "POST", fields | {"Content-Length": "0"}).status == 308


def test_there_is_no_circle(front):
    assert front.ask("https", "/only-secure/?nginx").status == 200
    assert "detail=redirect-circle" in front.ask("https", "/only-secure/?deaf&nginx").why


def test_pages_are_cached_and_the_no_cache_triple_passes_byte_for_byte(front):
    first, second = front.ask("https", "/secure/?nginx"), front.ask("https", "/secure/?nginx")
    assert first.text == second.text and first.text.startswith("https://site.test/")
    assert "larder; hit" in second.why
    direct = front.ask("https", "/asker/")
    assert direct.all("Cache-Control") == ["max-age=0, no-cache, no-store, must-revalidate, private"]
    assert len(direct.all("Expires")) == 1


def test_the_no_cache_triple_for_scripts_passes_nginx_and_larder(front):
    script = {"X-Requested-With": "XMLHttpRequest"}
    page = front.ask("https", "/secure/?script")
    for _ in range(2):
        answer = front.ask("https", "/secure/?script", headers=script)
        assert {name: answer.all(name) for name in TRIPLE} == TRIPLE
        assert answer.text != page.text
        page = answer
    # Whoever navigates to it still has the page that was kept.
    assert "larder; hit" in front.ask("https", "/secure/?script").why


def test_health_needs_neither_host_nor_scheme(front):
    assert front.ask("http", "/_larder/health", headers={"Host": "10.0.0.1"}).text == "ok\n"
