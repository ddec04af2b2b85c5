"""What Python decides about a request is what `larder serve` decides: 10,000 generated pairs of a rule file and a request.

The proxy is asked on its admin listener, over HTTP, with the rules that it read from a file for itself.
`LARDER_EQUALITY_FILES=N` and `LARDER_EQUALITY_SEED=N` try others.
"""

import http.client
import json
import os
import random
import re
import subprocess
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import generated
import pytest
from serving import BINARY, ROOT

from django_larder._core import Identity, Rules

FILES = int(os.environ.get("LARDER_EQUALITY_FILES", "100"))
REQUESTS = 100
SEED = int(os.environ.get("LARDER_EQUALITY_SEED", "7"))
WAYS = {"response-decides": "open", "shared": "share", "pass": "pass", "never": "never", "look-up": "look-up"}
# What an explanation says of the decision. Of what is sent the proxy knows more: what its door takes off.
DECIDED = ["method", "url", "counts_as", "rule", "nearest", "outcome", "because", "visitor", "key", "lifetimes", "seen"]


class Proxy:
    """`larder serve` with a rule file, asked what it would do."""

    def __init__(self, path):
        command = [BINARY, "serve", "--config", str(path), "--to", "http://127.0.0.1:9", "--listen", "127.0.0.1:0"]
        command += ["--admin", "127.0.0.1:0", "--access-log", "off", "--memory", "16MiB"]
        self.child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        said = []
        for line in self.child.stdout:
            said.append(line)
            if match := re.search(r"health and metrics on 127\.0\.0\.1:(\d+)", line):
                self.asked = http.client.HTTPConnection("127.0.0.1", int(match.group(1)), timeout=60)
                return
        raise AssertionError(f"larder serve did not start:\n{''.join(said)}")

    def explain(self, request):
        url = f"{request.scheme}://{request.host}{request.target}"
        query = [("url", url), ("method", request.method)]
        # Bytes again.
        query += [("header", f"{name}: {value}".encode("latin-1")) for name, value in request.headers]
        target = "/explain?" + "&".join(f"{name}={quote(value, safe='')}" for name, value in query)
        self.asked.request("GET", target, headers={"Accept": "application/json"})
        response = self.asked.getresponse()
        return response.status, json.loads(response.read())

    def stop(self):
        self.asked.close()
        self.child.kill()
        self.child.wait()
        self.child.stdout.close()


def parts_of(key):
    """Scheme, host, target and parts of a key, read by its drawing in crates/policy/src/key.rs."""
    place = 1

    def piece():
        nonlocal place
        length, shift = 0, 0
        while True:
            byte = key[place]
            place += 1
            length |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
        place += length
        return key[place - length : place].decode("latin-1")

    url = ({1: "http", 2: "https"}[key[0]], piece(), piece())
    parts = []
    while place < len(key):
        name = piece()
        place += 1
        parts.append((name, piece() if key[place - 1] else None))
    return url, parts


def lines_of(parts):
    """The same as an explanation groups it; secrets are hashed there, so only their number is told."""
    lines = []
    for name, value in parts:
        if name == "=":
            if value is not None:
                lines[-1][1].append(value)
        elif name in ("cookie", "header", "session"):
            lines.append((f"{name} {value}", []))
        else:
            lines.append((name, [] if value is None else [value]))
    return lines


def shown(text):
    return "".join(c if " " <= c <= "~" else f"\\x{ord(c):02x}" for c in text)


def compare(rules, request, told):
    """What differs, if anything does."""
    line = (request.method, request.scheme, request.host, request.target)
    headers = [("Host", request.host), *request.headers]
    mine = json.loads(rules.explain_json(*line, headers))
    for name in DECIDED:
        assert mine[name] == told[name], name
    decisions = [rules.decide(*line, headers)]
    if len({name.lower() for name, _ in headers if name.lower() != "cookie"}) == len([n for n, _ in headers if n.lower() != "cookie"]):
        decisions.append(rules.decide_meta(*line, generated.meta_of(request)))
    if request.proven:
        decisions.append(rules.decide(*line, headers, lambda: Identity(*request.proven)))
    for decision in decisions:
        # The cache adds what HTTP itself says of a method: no rule is asked about that.
        by_http = told["outcome"] == "pass" and decision.way in ("open", "share", "look-up") and told["because"]["reason"] == "method"
        if not by_http:
            assert decision.way == WAYS[told["outcome"]]
            if decision.way in ("pass", "never") and request.method in ("GET", "HEAD"):
                assert decision.reason == told["because"]["reason"]
        assert decision.place == (told["rule"] and told["rule"]["place"])
        assert decision.audience == (told["rule"] and told["rule"]["audience"])
        url, parts = parts_of(decision.key)
        assert f"{url[0]}://{url[1]}{shown(url[2])}" == told["counts_as"]
        if told["outcome"] in ("shared", "response-decides"):
            lines = lines_of(parts)
            assert [name for name, _ in lines] == [line["name"] for line in told["key"]]
            for (name, values), line in zip(lines, told["key"], strict=True):
                hashed = [value.startswith("sha256:") for value in line["values"]]
                assert len(values) == len(hashed)
                assert any(hashed) or [shown(value) for value in values] == line["values"], name
        assert decision.key == decisions[0].key and decision.way == decisions[0].way
    return decisions[0]


def one_file(folder, number):
    """All requests of one file: what was seen, and what differed."""
    made = generated.site(SEED * 1_000_000 + number)
    path = folder / f"{number}.toml"
    path.write_text(made.text)
    rules = Rules.load(path)
    lots = random.Random(f"requests {SEED} {number}")

    def sign(identity, session, expires):
        return rules.sign_marker(Identity(*identity), session, expires)

    seen, wrong = Counter(), []
    proxy = Proxy(path)
    try:
        for _ in range(REQUESTS):
            request = generated.asked(lots, made, sign)
            status, told = proxy.explain(request)
            try:
                assert status == 200, told
                decision = compare(rules, request, told)
                seen[decision.way] += 1
                seen[decision.reason] += 1
                seen[decision.audience] += 1
            except AssertionError as error:
                wrong.append(f"{request}\n{error}\n{json.dumps(told)}\n{made.text}")
    finally:
        proxy.stop()
    return seen, wrong


@pytest.mark.skipif(not os.path.exists(BINARY), reason="there is no larder to ask")
def test_decisions_are_those_of_the_proxy(tmp_path, monkeypatch):
    monkeypatch.setenv(generated.KEY_VARIABLE, generated.SECRET)
    seen, wrong = Counter(), []
    with ThreadPoolExecutor(2) as pool:
        for counted, differed in pool.map(lambda number: one_file(tmp_path, number), range(FILES)):
            seen += counted
            wrong += differed
    assert not wrong, f"{len(wrong)} of {FILES * REQUESTS}; the first:\n{wrong[0]}"
    if FILES >= 100:
        # The lots reach everything there is to decide.
        for what in [*WAYS.values(), *generated.AUDIENCES, "rule-never", "rule-pass", "bypass-cookie", "credentials", "method", "unverified", "session-cookie", "xhr"]:
            assert seen[what] >= 20, (what, seen)


def test_a_file_that_the_proxy_refuses_is_refused_with_the_same_words(tmp_path):
    wrong = '[identity]\nsession_cookies = ["sessionid"]\n[[rule]]\npath = "/a"\naudiense = "all-users"\n[[rule]]\naudience = "nobody"\n'
    path = tmp_path / "larder.toml"
    path.write_text(wrong)
    with pytest.raises(ValueError) as raised:
        Rules.load(path)
    error = raised.value
    assert (error.file, error.line) == (str(path), 5)
    assert str(error) == error.text
    proxy = subprocess.run(
        [BINARY, "check", str(path), "--to", "http://127.0.0.1:9"], capture_output=True, text=True, cwd=ROOT
    )
    assert proxy.returncode != 0
    said = proxy.stdout + proxy.stderr
    for line in error.text.splitlines():
        message = line.split(": ", 1)[1].split(" (")[0]
        assert message in " ".join(said.split()), (message, said)
