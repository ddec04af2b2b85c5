"""What the compiled part is like to use: what it takes, what it raises, what its types say, that it outlives a fork."""

import ast
import gc
import inspect
import multiprocessing
import os
import threading
from pathlib import Path

import pytest

from django_larder import _core
from django_larder._core import Decision, Identity, Rules, RulesError

FILE = """
[identity]
session_cookies = ["sessionid"]
lookup = "/_larder/identity"
[tags]
fields = ["Cache-Tag"]
[xhr]
never = true
[[rule]]
path = "/blog/*"
audience = "all-users"
ttl = "10m"
browser_ttl = "5s"
tags = ["blog", "news"]
[[rule]]
path = "/me/*"
audience = "per-user"
csrf = "django"
ttl = "1m"
[[rule]]
path = "/account/*"
never = true
"""


@pytest.fixture(scope="module")
def rules():
    return Rules.parse("larder.toml", FILE)


def decide(rules, target, meta=None, identity=None, method="GET"):
    return rules.decide_meta(method, "https", "a.test", target, meta or {}, identity)


def test_a_decision_says_what_the_rule_does(rules):
    decision = decide(rules, "/blog/x?y")
    assert (decision.rule, decision.place, decision.way, decision.reason) == (0, "larder.toml:9", "share", None)
    assert (decision.audience, decision.tags, decision.ttl, decision.forms) == ("all-users", ["blog", "news"], 600.0, False)
    assert decision.outward(200, [("Vary", "Accept-Language")]) == ([("Cache-Control", "max-age=5, s-maxage=600")], [])
    never = decide(rules, "/account/x")
    assert (never.way, never.reason, never.tags, never.ttl, never.audience) == ("never", "rule-never", [], None, None)
    assert never.outward(200, [("X-Accel-Expires", "60")]) == (_core.never_headers(), ["X-Accel-Expires"])
    nothing = decide(rules, "/")
    assert (nothing.rule, nothing.place, nothing.way, nothing.tags) == (None, None, "open", [])
    assert repr(never) == "<Decision never (rule-never) by larder.toml:20>"
    with pytest.raises(ValueError):
        nothing.outward(42, [])
    with pytest.raises(ValueError):
        nothing.outward(200, [("X", "a\nb")])


def test_the_application_is_asked_once_and_only_where_it_matters(rules):
    asked = []

    def identity():
        asked.append(1)
        return Identity(True, "ann")

    assert decide(rules, "/blog/x", {"HTTP_COOKIE": "sessionid=x"}, identity).way == "share"
    assert asked == []
    with_user = Rules.parse("larder.toml", FILE.replace("lookup", 'per_user = "user"\nlookup'))
    meta = {"HTTP_COOKIE": "sessionid=x"}
    ann = decide(with_user, "/me/x", meta, identity)
    assert asked == [1] and ann.needs_confirmation and ann.forms and b"ann" in ann.key
    nobody = decide(with_user, "/me/x", meta, lambda: None)
    assert nobody.way == "share" and not nobody.needs_confirmation
    assert decide(with_user, "/me/x", meta).way == "look-up"
    assert "verified: authenticated, user ann" in with_user.explain("GET", "https", "a.test", "/me/x", [], identity)
    with pytest.raises(ZeroDivisionError):
        decide(with_user, "/me/x", {}, lambda: 1 / 0)
    with pytest.raises(TypeError):
        decide(with_user, "/me/x", {}, lambda: "ann")


def test_what_is_no_request_is_refused(rules):
    for line in [
        ("G T", "https", "a.test", "/"),
        ("GET", "ftp", "a.test", "/"),
        ("GET", "https", "a/b", "/"),
        ("GET", "https", "", "/"),
        ("GET", "https", "a.test", "/ x"),
    ]:
        with pytest.raises(ValueError):
            rules.decide(*line, [])
        with pytest.raises(ValueError):
            rules.decide_meta(*line, {})
    with pytest.raises(ValueError):
        rules.decide("GET", "https", "a.test", "/", [("a b", "c")])
    with pytest.raises(TypeError):
        rules.decide("GET", "https", "a.test", "/", [("a", 1)])


def test_meta_may_be_any_mapping_with_anything_in_it(rules):
    class Meta(dict):
        pass

    class Mapping:
        def __contains__(self, key):
            return key == "HTTP_X_REQUESTED_WITH"

        def __getitem__(self, key):
            return {"HTTP_X_REQUESTED_WITH": "XMLHttpRequest"}[key]

    assert decide(rules, "/", Meta(HTTP_X_REQUESTED_WITH="XMLHttpRequest")).reason == "xhr"
    assert decide(rules, "/", Mapping()).reason == "xhr"
    assert decide(rules, "/", {"HTTP_COOKIE": None, "HTTP_X_REQUESTED_WITH": b"XMLHttpRequest", 1: 2}).way == "open"
    # What no field can carry says nothing; other characters than bytes are no reason to fail.
    assert decide(rules, "/", {"HTTP_COOKIE": "a=\n", "HTTP_X_REQUESTED_WITH": "\U0001f600"}).way == "open"


def test_properties_of_a_file(rules):
    assert (rules.warnings, rules.session_cookies, rules.lookup_path) == ("", ["sessionid"], "/_larder/identity")
    assert (rules.marker_keys, rules.marker_cookie, rules.csrf_cookie, rules.xhr_never) == (0, "larder_id", "csrftoken", True)
    assert (rules.tag_field, rules.tag_separator) == ("Cache-Tag", ",")
    plain = Rules.parse("larder.toml", "")
    assert (plain.tag_field, plain.tag_separator, plain.lookup_path, plain.xhr_never) == ("Surrogate-Key", " ", None, False)
    warned = Rules.parse("larder.toml", '[identity]\nlookup_ttl = "5m"\n')
    assert warned.warnings.startswith("larder.toml:2:14: warning: `identity.lookup_ttl` has no effect")


def test_what_only_the_proxy_needs_may_be_there_and_is_not_opened():
    Rules.parse(
        "larder.toml",
        'upstream = "http://127.0.0.1:8000"\nlisten.https = "[::]:443"\nadmin.token = "file:/nowhere"\n'
        '[[tls.certificate]]\nchain = "/nowhere/chain.pem"\nkey = "/nowhere/key.pem"\n',
    )
    with pytest.raises(RulesError, match="upsteam"):
        Rules.parse("larder.toml", 'upsteam = "http://127.0.0.1:8000"')


def test_all_that_is_wrong_is_told_at_once(tmp_path):
    with pytest.raises(RulesError) as raised:
        Rules.parse("larder.toml", '[identity]\nlookup_ttl = "5m"\n[[rule]]\npath = "a"\naudiense = "x"\n')
    error = raised.value
    assert isinstance(error, ValueError) and type(error).__module__ == "django_larder._core"
    assert (error.file, error.line, str(error)) == ("larder.toml", 4, error.text)
    assert "did you mean `audience`?" in error.text and "a path begins with `/`" in error.text
    with pytest.raises(FileNotFoundError) as missing:
        Rules.load(tmp_path / "none.toml")
    assert missing.value.filename == str(tmp_path / "none.toml")
    (tmp_path / "bytes.toml").write_bytes(b"\xff")
    with pytest.raises(RulesError) as unreadable:
        Rules.load(str(tmp_path / "bytes.toml"))
    assert unreadable.value.line is None
    with pytest.raises(RulesError, match="LARDER_NOT_THERE"):
        Rules.parse("larder.toml", '[identity]\nmarker_keys = ["k=env:LARDER_NOT_THERE"]')


def test_identities_are_values():
    ann = Identity(True, "ann", segment="staff")
    assert ann == Identity(True, "ann", "staff") and hash(ann) == hash(Identity(True, "ann", "staff"))
    assert ann != Identity(True, "ann") and ann != "ann" and len({ann, Identity(False)}) == 2
    assert (ann.authenticated, ann.user, ann.segment) == (True, "ann", "staff")
    assert ann.field() == 'class=authenticated, user="ann", segment="staff"'
    assert Identity(False).field() == "class=anonymous"
    assert repr(ann) == 'Identity(True, user="ann", segment="staff")'
    for user in ["", "é", "x" * 257, "a\n"]:
        with pytest.raises(ValueError):
            Identity(True, user).field()
    with pytest.raises(AttributeError):
        ann.user = "bob"


def functions(tree):
    """Names of functions and of classes' methods and properties, with the names of their parameters."""
    found = {}
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            found[node.name] = [a.arg for a in node.args.posonlyargs + node.args.args + node.args.kwonlyargs]
        elif isinstance(node, ast.ClassDef):
            found[node.name] = {}
            for inner in node.body:
                if isinstance(inner, ast.FunctionDef):
                    kinds = [d.id for d in inner.decorator_list if isinstance(d, ast.Name)]
                    names = [a.arg for a in inner.args.args + inner.args.kwonlyargs]
                    found[node.name][inner.name] = None if "property" in kinds else [n for n in names if n != "self"]
    return found


def test_the_types_say_what_is_there():
    stub = Path(_core.__file__).with_name("_core.pyi")
    told = functions(ast.parse(stub.read_text()))
    there = {name for name in dir(_core) if not name.startswith("_")}
    assert there == set(told)
    for name, expected in told.items():
        thing = getattr(_core, name)
        assert thing.__doc__, name
        if isinstance(expected, list):
            assert list(inspect.signature(thing).parameters) == expected, name
            continue
        members = {member for member in vars(thing) if not member.startswith("_")}
        assert members == {member for member in expected if not member.startswith("_")}, name
        for member, parameters in expected.items():
            if parameters is None:
                assert inspect.isgetsetdescriptor(getattr(thing, member)), (name, member)
            elif not member.startswith("_"):
                assert [n for n in inspect.signature(getattr(thing, member)).parameters if n != "self"] == parameters, (name, member)
                assert getattr(thing, member).__doc__, (name, member)
    assert _core.__version__


def in_child(rules, queue):
    queue.put([decide(rules, "/blog/x").way, rules.verify_marker("x", ("a", "b"), 1), len(os.listdir("/proc/self/task"))])


def test_rules_that_were_read_before_a_fork_decide_after_it(rules):
    before = threading.active_count(), len(os.listdir("/proc/self/task"))
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    children = [context.Process(target=in_child, args=(rules, queue)) for _ in range(2)]
    for child in children:
        child.start()
    said = [queue.get(timeout=30) for _ in children]
    for child in children:
        child.join(30)
        assert child.exitcode == 0
    assert all(way == "share" for way, _, _ in said)
    # It starts no thread: the one is the interpreter's, another may be the queue's.
    assert all(threads <= 2 for _, _, threads in said) and before[0] == 1


def test_threads_decide_at_the_same_time(rules):
    wrong = []

    def work(number):
        for _ in range(500):
            target = f"/blog/{number}"
            if f"/blog/{number}".encode() not in decide(rules, target).key:
                wrong.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_nothing_is_kept_of_requests(rules):
    import tracemalloc

    def round_():
        for number in range(2000):
            decide(rules, f"/blog/{number}", {"HTTP_COOKIE": f"sessionid={number}"}, lambda: None).outward(200, [("Vary", "Cookie")])
        gc.collect()

    round_()
    status = Path("/proc/self/status")

    def resident():
        return int(next(line for line in status.read_text().splitlines() if line.startswith("VmRSS")).split()[1])

    tracemalloc.start()
    before, first = tracemalloc.get_traced_memory()[0], resident()
    for _ in range(5):
        round_()
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert grown < 50_000, grown
    assert resident() - first < 8_000


def test_a_decision_outlives_its_rules():
    decision = decide(Rules.parse("larder.toml", FILE), "/blog/x")
    gc.collect()
    assert isinstance(decision, Decision) and decision.place == "larder.toml:9"
