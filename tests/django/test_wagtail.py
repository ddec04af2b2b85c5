"""Wagtail's own backend for caches in front, as it is installed from PyPI: what it purges is gone, and only that."""

import http.client
import logging

import pytest

from conftest import Browser, start_larder

BACKEND = "wagtail.contrib.frontend_cache.backends.HTTPBackend"


@pytest.fixture(scope="module")
def open_larder(site):
    """The port of a Larder that this machine may purge."""
    process = start_larder(site, "--set", "purge.allow=127.0.0.1")
    yield process.port
    process.stop()


def purge(port, *urls):
    """As Wagtail's signal handlers do it, without its queue of tasks."""
    from wagtail.contrib.frontend_cache.utils import get_backends

    settings = {"default": {"BACKEND": BACKEND, "LOCATION": f"http://127.0.0.1:{port}/ignored"}}
    for backend in get_backends(settings).values():
        for url in urls:
            backend.purge(url)


def is_hit(port, path, **headers):
    answer = Browser(port).get(path, **headers)
    assert answer.status == 200
    return "hit" in answer.why


def test_a_published_page_is_made_anew_and_no_other(open_larder, caplog):
    paths = ["/", "/?page=2", "/slow/"]
    for path in paths:
        is_hit(open_larder, path)
        assert is_hit(open_larder, path)
    with caplog.at_level(logging.ERROR, "wagtail.frontendcache"):
        purge(open_larder, "https://site.test/")
    assert not caplog.records
    assert [is_hit(open_larder, path) for path in paths] == [False, True, True]


def test_a_query_and_a_host_count(open_larder, caplog):
    for path in ["/", "/?page=2"]:
        is_hit(open_larder, path)
    with caplog.at_level(logging.ERROR, "wagtail.frontendcache"):
        purge(open_larder, "http://site.test/?page=2#part", "http://other.test/", "http://site.test:8000/")
    assert not caplog.records
    assert is_hit(open_larder, "/")
    assert not is_hit(open_larder, "/?page=2")


def test_nothing_to_purge_is_no_error(open_larder, caplog):
    with caplog.at_level(logging.ERROR, "wagtail.frontendcache"):
        purge(open_larder, "https://site.test/was/never/asked/for/")
    assert not caplog.records


def test_a_larder_that_is_not_open_says_405_and_django_never_hears_of_it(larder, made, caplog):
    is_hit(larder, "/")
    before = made("home")
    with caplog.at_level(logging.ERROR, "wagtail.frontendcache"):
        purge(larder, "https://site.test/")
    assert "405" in caplog.text
    assert is_hit(larder, "/") and made("home") == before


def test_a_visitor_whom_a_proxy_passes_on_is_not_this_machine(open_larder):
    connection = http.client.HTTPConnection("127.0.0.1", open_larder, timeout=30)
    connection.request("PURGE", "/", headers={"Host": "site.test", "X-Forwarded-For": "192.0.2.1"})
    assert connection.getresponse().status == 405
