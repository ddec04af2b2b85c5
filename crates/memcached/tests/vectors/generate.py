"""Asks the real readers where they look for a key, and writes it down.

    python3 -m venv venv && venv/bin/pip install -r requirements.txt && venv/bin/python generate.py > vectors.json

pymemcache is asked; pylibmc stores each key on servers that note what they get; nginx is asked over HTTP and says which of the
servers, none of which runs, it tried.
"""

import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time

import pylibmc
from pymemcache.client.hash import HashClient

DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
FOLDER = pathlib.Path("/tmp/larder-vectors")

KEYS = (
    [f"site:1:{number * 2654435761 % 2**32:08x}{number:08x}" for number in range(150)]
    + [f"larder:https://example.org/page/{number}?q={number % 7}" for number in range(150)]
    + ["k" * length for length in (1, 2, 3, 4, 5, 7, 8, 31, 32, 33, 249, 250)]
    + ["!", "~", "{}", "a/b%20c", "[key]", '"quoted"', "back\\slash"]
)

# Addresses of this machine only: the same in every run, and nobody else's.
SERVERS = {
    "two on the usual port": ["127.0.0.71:11211", "127.0.0.72:11211"],
    "three ports of one host": ["127.0.0.71:21211", "127.0.0.71:21212", "127.0.0.71:21213"],
    "a name": ["localhost:21311", "127.0.0.71:21312"],
    "IPv6": ["[::1]:21411", "[::1]:21412", "127.0.0.71:11211"],
    "sockets": [f"unix:{FOLDER}/a.sock", f"unix:{FOLDER}/b.sock", f"unix:{FOLDER}/c.sock"],
    "a socket and an address": [f"unix:{FOLDER}/a.sock", "127.0.0.71:11211"],
    "not in their order": ["127.0.0.75:11211", "127.0.0.71:9", "127.0.0.73:65535"],
} | {
    f"{count} of them": [f"127.0.0.{70 + number}:11211" for number in range(1, count + 1)]
    for count in (4, 5, 6, 7, 9, 11, 12, 13, 20, 33)
}

BEHAVIORS = {
    "pylibmc": {},
    "ketama": {"ketama": True},
    "ketama-md5": {"ketama": True, "hash": "md5"},
    "ketama-weighted": {"ketama_weighted": True},
}


def ask_pymemcache(servers):
    client = HashClient(servers)
    names = list(client.clients)
    return [names.index(client.hasher.get_node(key)) for key in KEYS]


class Noting:
    """A server that notes the keys that are stored on it."""

    def __init__(self, address):
        self.keys = set()
        if address.startswith("unix:"):
            path = address.removeprefix("unix:")
            pathlib.Path(path).unlink(missing_ok=True)
            self.listener = socket.socket(socket.AF_UNIX)
            self.listener.bind(path)
        else:
            host, port = address.rsplit(":", 1)
            host = {"localhost": "127.0.0.1"}.get(host, host.strip("[]"))
            self.listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
            self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.listener.bind((host, int(port)))
        self.listener.listen()
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        with connection, connection.makefile("rwb") as stream:
            for line in stream:
                words = line.split()
                if words[0] == b"set":
                    stream.read(int(words[4]) + 2)
                    self.keys.add(words[1].decode())
                    stream.write(b"STORED\r\n")
                elif words[0] == b"version":
                    stream.write(b"VERSION 1.6.18\r\n")
                else:
                    return
                stream.flush()

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


def ask_pylibmc(servers, behaviors):
    noting = [Noting(server) for server in servers]
    names = [server.removeprefix("unix:") for server in servers]
    client = pylibmc.Client(names, behaviors=behaviors)
    for key in KEYS:
        assert client.set(key, b"x"), key
    for server in noting:
        server.close()
    places = [[place for place, server in enumerate(noting) if key in server.keys] for key in KEYS]
    assert all(len(place) == 1 for place in places)
    return [place for [place] in places]


def ask_nginx(servers):
    folder = pathlib.Path(tempfile.mkdtemp())
    door = folder / "door"
    lines = "\n".join(f"server {server} max_fails=0;" for server in servers)
    temporary = "\n".join(f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    (folder / "nginx.conf").write_text(f"""
        daemon off; pid {folder}/pid; error_log {folder}/error.log crit; {"user root;" if os.getuid() == 0 else ""}
        events {{ }}
        http {{
          access_log off; {temporary}
          upstream caches {{ hash $http_x_key consistent; {lines} }}
          server {{
            listen unix:{door};
            location / {{
              memcached_next_upstream off; set $memcached_key x; memcached_pass caches;
              memcached_connect_timeout 1s; add_header X-Peer $upstream_addr always;
            }}
          }}
        }}""")
    program = shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin")
    process = subprocess.Popen([program, "-p", folder, "-e", folder / "error.log", "-c", folder / "nginx.conf"])
    while not door.exists():
        assert process.poll() is None, (folder / "error.log").read_text()
        time.sleep(0.01)
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(str(door))
    stream = connection.makefile("rwb")
    places = []
    try:
        for key in KEYS:
            stream.write(f"GET / HTTP/1.1\r\nHost: a\r\nX-Key: {key}\r\n\r\n".encode())
            stream.flush()
            fields = {}
            for line in iter(stream.readline, b"\r\n"):
                name, _, value = line.decode().partition(":")
                fields[name.lower()] = value.strip()
            stream.read(int(fields["content-length"]))
            peer = fields["x-peer"].replace("127.0.0.1:21311", "localhost:21311").replace("[::1]:21311", "localhost:21311")
            places.append(servers.index(peer))
    finally:
        process.terminate()
        process.wait()
        shutil.rmtree(folder)
    return places


def main():
    FOLDER.mkdir(exist_ok=True)
    cases = []
    for name, servers in SERVERS.items():
        print(name, file=sys.stderr)
        asked = {"nginx": ask_nginx(servers), "pymemcache": ask_pymemcache(servers)}
        # pylibmc takes no sockets beside addresses, and the libmemcached in its wheel no IPv6.
        sockets = sum(server.startswith("unix:") for server in servers)
        if sockets in (0, len(servers)) and not any("[" in server for server in servers):
            asked |= {routing: ask_pylibmc(servers, behaviors) for routing, behaviors in BEHAVIORS.items()}
        places = {routing: "".join(DIGITS[place] for place in places) for routing, places in asked.items()}
        cases.append({"servers": servers, "places": places})
    shutil.rmtree(FOLDER)
    by = {
        "pymemcache": "4.0.0",
        "pylibmc": f"{pylibmc.__version__}, libmemcached {pylibmc.libmemcached_version}",
        "nginx": subprocess.run(["/usr/sbin/nginx", "-v"], stderr=subprocess.PIPE, text=True).stderr.split("/")[1].strip(),
    }
    json.dump({"by": by, "keys": KEYS, "cases": cases}, sys.stdout, indent=1)
    print()


main()
