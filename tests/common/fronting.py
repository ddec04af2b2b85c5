"""nginx with what `larder nginx-conf` prints, and stand-ins for what it asks: Memcached and Larder as test programs."""

import os
import shutil
import signal
import socket
import socketserver
import subprocess
import threading
import time
from pathlib import Path

from serving import ROOT

nginx = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
MODULES = [Path("/usr/lib/nginx/modules") / name for name in ("ndk_http_module.so", "ngx_http_set_misc_module.so")]
has_md5 = all(module.exists() for module in MODULES)
# Not nginx's address: whoever asks from there is a proxy.
VISITOR = ("127.0.0.2", 0)


def larder_binary():
    return os.environ.get("LARDER_BIN", str(ROOT / "target" / "fast" / "larder"))


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def put(text, before, after):
    assert text.count(before) == 1, (before, text.count(before))
    return text.replace(before, after)


def printed(folder, rules, *flags):
    """What `larder nginx-conf` prints for these rules, and what it says besides."""
    file = folder / "larder.toml"
    file.write_text(rules)
    command = [larder_binary(), "nginx-conf", "--config", str(file), *map(str, flags)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout, done.stderr


def whole(folder, site):
    """A configuration of nginx with `site` in its `http`."""
    kinds = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    temporary = "\n".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)
    modules = "\n".join(f"load_module {module};" for module in MODULES) if has_md5 else ""
    # With the types and the compression that Debian's own configuration has: neither may change an answer's meaning.
    return (
        f"{modules}\ndaemon off; worker_processes 1; pid {folder}/pid; error_log stderr;\nevents {{}}\n"
        f"http {{ access_log off; {temporary}\ninclude /etc/nginx/mime.types; default_type application/octet-stream;\n"
        f"gzip on;\n{site}\n}}\n"
    )


def accepts(folder, site):
    file = folder / "nginx.conf"
    file.write_text(whole(folder, site))
    done = subprocess.run([nginx, "-t", "-p", str(folder), "-e", "stderr", "-c", str(file)], capture_output=True, text=True)
    assert done.returncode == 0 and "[warn]" not in done.stderr and "[emerg]" not in done.stderr, done.stderr + site


def make_certificate(folder):
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-subj", "/CN=site.test", "-days", "2", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(command, check=True, capture_output=True)
    return certificate, key


def wait_for(port, alive=lambda: True):
    begun = time.monotonic()
    while alive() and time.monotonic() - begun < 20:
        try:
            return socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.02)
    raise RuntimeError(f"nobody listens to {port}")


class Nginx:
    """nginx with a printed configuration; only its ports are the test's."""

    def __init__(self, folder, site, tls=False):
        self.folder = folder
        self.plain, self.secure = free_port(), free_port() if tls else None
        site = put(site, "listen 80;", f"listen 127.0.0.1:{self.plain};")
        if tls:
            site = put(site, "listen 443 ssl http2;", f"listen 127.0.0.1:{self.secure} ssl http2;")
        (folder / "nginx.conf").write_text(whole(folder, site))
        self.start()

    def start(self):
        command = [nginx, "-p", str(self.folder), "-e", str(self.folder / "errors.log"), "-c", str(self.folder / "nginx.conf")]
        self.child = subprocess.Popen(command, stderr=subprocess.DEVNULL, start_new_session=True)
        wait_for(self.plain, lambda: self.child.poll() is None)

    def stop(self):
        self.child.terminate()
        self.child.wait(20)

    def kill(self):
        # With its workers, which would go on without it.
        os.killpg(self.child.pid, signal.SIGKILL)
        self.child.wait(20)


class Answer:
    """The head's lines and the body, as they came."""

    def __init__(self, data):
        head, _, self.body = data.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        self.raw = data
        self.status = int(first.split()[1]) if len(first.split()) > 1 else 0
        self.fields = [tuple(part.strip() for part in line.split(":", 1)) for line in lines if ":" in line]

    def all(self, name):
        return [value for field, value in self.fields if field.lower() == name.lower()]

    def get(self, name):
        return (self.all(name) or [None])[0]


def ask(port, target="/", method="GET", host="site.test", fields=(), version="HTTP/1.1", body=b"", raw=None):
    """One request on a connection of its own, bytes as they are given."""
    if raw is None:
        target = target if isinstance(target, bytes) else target.encode("latin-1")
        lines = [method.encode() + b" " + target + b" " + version.encode()]
        if host is not None:
            lines.append(b"Host: " + host.encode())
        lines += [field.encode("latin-1") for field in fields] + [b"Connection: close", b"", b""]
        raw = b"\r\n".join(lines) + body
    with socket.create_connection(("127.0.0.1", port), 20, source_address=VISITOR) as connection:
        connection.sendall(raw)
        connection.settimeout(20)
        data = b""
        try:
            while piece := connection.recv(65536):
                data += piece
        except ConnectionResetError:
            pass
    return Answer(data)


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, handler):
        super().__init__(("127.0.0.1", 0), handler)
        self.port = self.server_address[1]
        self.seen = []
        self.connections = []
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def handle_error(self, request, client_address):
        pass

    def process_request(self, request, client_address):
        self.connections.append(request)
        super().process_request(request, client_address)

    def end(self):
        """Nobody is answered any more, on connections that stand either."""
        self.shutdown()
        self.server_close()
        for connection in self.connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def taken(self):
        """What came since this was last asked."""
        seen, self.seen = self.seen, []
        return seen


class MemcachedStandIn(Server):
    """Has the pages in `pages`, by key, and `any_page` for all others; says what `says` says instead, if it is set."""

    def __init__(self):
        self.pages = {}
        self.any_page = None
        self.says = None
        server = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                for line in self.rfile:
                    key = line.split()[1]
                    server.seen.append(key)
                    if server.says is not None:
                        self.wfile.write(server.says)
                        if not server.says:
                            time.sleep(2)
                        return
                    page = server.pages.get(key, server.any_page)
                    if page is None:
                        self.wfile.write(b"END\r\n")
                    else:
                        self.wfile.write(b"VALUE %s 0 %d\r\n%s\r\nEND\r\n" % (key, len(page), page))

        super().__init__(Handler)


class LarderStandIn(Server):
    """Says `from larder`, and remembers each request: its first line and its fields."""

    def __init__(self):
        server = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                while first := self.rfile.readline():
                    fields = []
                    while (line := self.rfile.readline()) not in (b"\r\n", b""):
                        name, _, value = line.decode("latin-1").partition(":")
                        fields.append((name.strip().lower(), value.strip()))
                    length = int(dict(fields).get("content-length", 0))
                    self.rfile.read(length)
                    server.seen.append((first.rstrip(b"\r\n"), fields))
                    body = b"" if first.startswith(b"HEAD ") else b"from larder"
                    self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\nContent-Type: text/plain\r\n\r\n" + body)

        super().__init__(Handler)
