"""A real browser, told what to do over a pipe: Chromium's DevTools protocol, NUL between messages, no library."""

import json
import os
import queue
import shutil
import subprocess
import threading
import time

PROGRAMS = ["chromium", "chromium-browser", "google-chrome"]
PATIENCE = 60


def program():
    return next((path for name in PROGRAMS if (path := shutil.which(name))), None)


class Chromium:
    """The program, without a window. `hosts` of the tests are this machine; certificates need not be anybody's."""

    def __init__(self, folder):
        to_child, our_end = os.pipe()
        from_child, child_end = os.pipe()

        def connect():
            # Away first: one of the two may have the number that the other is to get.
            low, high = os.dup(to_child), os.dup(child_end)
            while low < 5:
                low = os.dup(low)
            while high < 5:
                high = os.dup(high)
            os.dup2(low, 3)
            os.dup2(high, 4)

        command = [program(), "--headless=new", "--remote-debugging-pipe", "--disable-gpu", "--disable-dev-shm-usage"]
        command += [f"--user-data-dir={folder}", "--no-first-run", "--disable-background-networking", "--disable-sync"]
        command += ["--ignore-certificate-errors", "--host-resolver-rules=MAP *.test 127.0.0.1"]
        # Its sandbox is for pages that are not ours, and does not start for root or in most containers.
        command += ["--no-sandbox", "about:blank"]
        self.child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            preexec_fn=connect,
            pass_fds=(3, 4),
        )
        os.close(to_child)
        os.close(child_end)
        self.pipe = our_end
        self.number = 0
        self.answers = {}
        self.sessions = {}
        threading.Thread(target=self.read, args=(from_child,), daemon=True).start()

    def read(self, pipe):
        rest = b""
        while part := os.read(pipe, 1 << 16):
            *whole, rest = (rest + part).split(b"\0")
            for message in map(json.loads, whole):
                if "id" in message:
                    self.answers[message["id"]].put(message)
                elif events := self.sessions.get(message.get("sessionId")):
                    events.put(message)

    def call(self, method, session=None, **parameters):
        self.number += 1
        answer = self.answers[self.number] = queue.Queue()
        message = {"id": self.number, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        os.write(self.pipe, json.dumps(message).encode() + b"\0")
        told = answer.get(timeout=PATIENCE)
        if "error" in told:
            raise RuntimeError(f"{method}: {told['error']}")
        return told["result"]

    def visitor(self):
        """Somebody new: without cookies, without a cache."""
        context = self.call("Target.createBrowserContext")["browserContextId"]
        target = self.call("Target.createTarget", url="about:blank", browserContextId=context)["targetId"]
        return Page(self, self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"])

    def stop(self):
        self.child.terminate()
        try:
            self.child.wait(20)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()


class Page:
    """One tab."""

    def __init__(self, browser, session):
        self.browser, self.session = browser, session
        self.events = browser.sessions[session] = queue.Queue()
        for domain in ["Page", "Network", "Runtime"]:
            self.call(f"{domain}.enable")

    def call(self, method, **parameters):
        return self.browser.call(method, self.session, **parameters)

    def load(self, act):
        """What came over the network until the page that `act` leads to was there: (redirects, responses by path)."""
        while not self.events.empty():
            self.events.get()
        act()
        redirects, responses = [], {}
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            message = self.events.get(timeout=PATIENCE)
            told = message["params"]
            match message["method"]:
                case "Network.requestWillBeSent" if "redirectResponse" in told:
                    redirects.append(told["redirectResponse"])
                case "Network.responseReceived":
                    responses[told["response"]["url"].split("/", 3)[3]] = told["response"]
                case "Network.loadingFailed":
                    raise RuntimeError(f"{told['errorText']} {told.get('blockedReason', '')}")
                case "Page.loadEventFired":
                    return redirects, responses
        raise RuntimeError("the page was not there in time")

    def open(self, url):
        return self.load(lambda: self.call("Page.navigate", url=url))

    def run(self, script):
        return self.call("Runtime.evaluate", expression=script, returnByValue=True)["result"].get("value")

    def text(self):
        return self.run("document.body.innerText")


def field(response, name):
    """All lines of a field, joined."""
    found = [value for key, value in response["headers"].items() if key.lower() == name]
    return ", ".join(found).replace("\n", ", ")
