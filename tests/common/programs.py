"""Programs on ports that are chosen before they start, so that they can be killed and started again: Memcached, PostgreSQL, and others."""

import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

from fronting import free_port, wait_for

memcached = shutil.which("memcached")
POSTGRES = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))


class Program:
    """A program on a port of its own that can be killed and started again."""

    def __init__(self, port, command, **options):
        self.port, self.command, self.options = port, command, options
        self.start()

    def start(self):
        self.child = subprocess.Popen(
            self.command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True, **self.options
        )
        wait_for(self.port, lambda: self.child.poll() is None)

    def kill(self):
        os.killpg(self.child.pid, signal.SIGKILL)
        self.child.wait(20)

    def stop(self):
        self.child.terminate()
        try:
            self.child.wait(20)
        except subprocess.TimeoutExpired:
            self.kill()


def start_postgres(folder):
    """A server of its own; not as root, which it refuses to be."""
    binaries, data = POSTGRES[-1].parent, folder / "data"
    port = free_port()
    as_other = {}
    if os.geteuid() == 0:
        import pwd

        other = pwd.getpwnam("nobody")
        for place in (folder, *folder.parents):
            if place.is_relative_to(tempfile.gettempdir()) and place != Path(tempfile.gettempdir()):
                place.chmod(0o755)
        os.chown(folder, other.pw_uid, other.pw_gid)
        as_other = {"user": other.pw_uid, "group": other.pw_gid}
    command = [binaries / "initdb", "-D", data, "-U", "larder", "-A", "trust", "-E", "UTF8", "--no-sync"]
    subprocess.run(command, check=True, capture_output=True, cwd=folder, **as_other)
    command = [binaries / "postgres", "-D", data, "-p", str(port), "-k", "", "-h", "127.0.0.1", "-F"]
    return Program(port, command, cwd=folder, **as_other), f"postgres://larder@127.0.0.1:{port}/postgres"


def start_memcached():
    """A server of its own."""
    port = free_port()
    user = ["-u", "nobody"] if os.geteuid() == 0 else []
    return Program(port, [memcached, "-l", "127.0.0.1", "-p", str(port), *user])
