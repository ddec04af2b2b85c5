"""Wagtail's frontend cache with Larder's backend, and the tags of its pages: with a stand-in, and with `larder serve`."""

import logging
import os
import sys

import pytest
from conftest import FOLDER, HERE
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction
from django.test import Client, override_settings
from django_larder import outbox
from django_larder.models import OutboxEntry
from fronting import free_port, larder_binary
from home.models import Banner, BlogPage, HomePage
from programs import Program
from serving import Browser
from stand_in import StandIn
from wagtail.contrib.frontend_cache.utils import (
    PurgeBatch,
    get_backends,
    purge_page_from_cache,
)
from wagtail.models import Page, Site


@pytest.fixture
def larder():
    stand_in = StandIn()
    outbox.forget_state()
    with override_settings(LARDER={"admin_url": stand_in.url, "timeout": 10.0}):
        yield stand_in
    stand_in.end()


@pytest.fixture
def pages(larder):
    """A site of a first page, two posts, and a page below one of them."""
    Page.objects.filter(depth__gt=1).delete()
    Site.objects.all().delete()
    home = Page.objects.get(depth=1).add_child(instance=HomePage(title="Home", slug="home"))
    Site.objects.create(hostname="site.test", root_page=home, is_default_site=True)
    banner = Banner.objects.create(text="Sale")
    one = home.add_child(instance=BlogPage(title="One", slug="one", banner=banner))
    two = home.add_child(instance=BlogPage(title="Two", slug="two"))
    below = one.add_child(instance=BlogPage(title="Below", slug="below"))
    larder.taken()
    OutboxEntry.objects.all().delete()
    return home, one, two, below, banner


def publish(page):
    page.save_revision().publish()


def urls_of(larder):
    return {url for order in larder.orders for url in order.get("urls", [])}


def tags(*pages, below=()):
    return {f"wagtail.page:{page.pk}" for page in pages} | {f"wagtail.below:{page.pk}" for page in below}


def test_a_published_page_is_purged_by_its_urls_and_tags_and_so_is_its_parent(larder, pages):
    home, one, _, _, _ = pages
    publish(one)
    assert urls_of(larder) == {"http://site.test/one/", "http://site.test/one/amp/"}
    assert larder.tags == tags(home, one)
    assert not OutboxEntry.objects.exists()


def test_an_unpublished_page_is_purged(larder, pages):
    home, one, _, _, _ = pages
    one.unpublish()
    assert "http://site.test/one/" in urls_of(larder) and larder.tags == tags(home, one)


def test_a_page_that_gets_another_slug_takes_those_below_along(larder, pages):
    _, one, _, _, _ = pages
    one.slug = "first"
    publish(one)
    assert tags(one, below=[one]) <= larder.tags


def test_a_page_that_is_moved_purges_both_parents_and_what_is_below(larder, pages):
    home, one, two, _, _ = pages
    Page.objects.get(pk=one.pk).move(Page.objects.get(pk=two.pk), "last-child")
    assert tags(home, one, two, below=[one]) <= larder.tags


def test_a_page_that_is_deleted_purges_its_parent_and_what_is_below(larder, pages):
    home, one, _, below, _ = pages
    Page.objects.get(pk=one.pk).delete()
    assert tags(home, one, below, below=[one]) <= larder.tags


def test_a_snippet_purges_the_pages_that_refer_to_it(larder, pages):
    _, one, _, _, banner = pages
    banner.text = "No sale"
    banner.save()
    assert larder.tags == tags(one)
    larder.taken()
    banner.delete()
    assert tags(one) <= larder.tags


def test_a_page_that_is_linked_to_purges_those_that_link(larder, pages):
    from wagtail.models import ReferenceIndex

    _, one, two, _, _ = pages
    from django.contrib.contenttypes.models import ContentType

    kind = ContentType.objects.get_for_model(Page)
    of_blog = ContentType.objects.get_for_model(BlogPage)
    more = {"model_path": "body", "content_path": "body", "content_path_hash": "0" * 32}
    ReferenceIndex.objects.create(
        base_content_type=kind, content_type=of_blog, object_id=two.pk, to_content_type=kind, to_object_id=one.pk, **more
    )
    publish(one)
    assert tags(one, two) <= larder.tags


def test_what_is_rolled_back_purges_nothing(larder, pages):
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        publish(pages[1])
        raise ZeroDivisionError
    assert not larder.orders


def test_wagtails_own_calls_and_batches(larder, pages):
    _, one, two, _, _ = pages
    purge_page_from_cache(one)
    batch = PurgeBatch()
    batch.add_pages([one, two])
    batch.purge()
    first, second = larder.orders
    assert set(first["urls"]) == {"http://site.test/one/", "http://site.test/one/amp/"}
    assert len(second["urls"]) == 4, "one order for all"


def test_the_backends_settings(larder):
    def of(**settings):
        return get_backends({"default": {"BACKEND": "django_larder.wagtail.LarderBackend", **settings}})["default"]

    of(SOFT=True, EXACT_QUERY=True).purge("http://site.test/?page=2")
    assert larder.orders == [{"urls": ["http://site.test/?page=2"], "query": "exact", "soft": True}]
    assert of(HOSTNAMES=["a.test"]).invalidates_hostname("a.test") and not of(HOSTNAMES=["a.test"]).invalidates_hostname("b.test")
    with pytest.raises(ImproperlyConfigured, match="LARDER"):
        of(LOCATION="http://127.0.0.1:9180")
    with pytest.raises(ImproperlyConfigured, match='Did you mean "SOFT"'):
        of(SOFTLY=True)


def test_a_larder_that_is_away_is_purged_later(larder, pages):
    port = larder.port
    larder.end()
    publish(pages[1])
    assert OutboxEntry.objects.exists()
    larder.port = port
    larder.start()
    assert outbox.deliver(all_of_them=True).waiting == 0
    assert "http://site.test/one/" in urls_of(larder)


def test_a_page_that_is_served_has_its_tags_and_its_ancestors(larder, pages):
    home, one, _, below, _ = pages
    root = Page.objects.get(depth=1)
    response = Client(headers={"host": "site.test"}).get("/one/below/")
    assert response.status_code == 200
    said = set(response["Surrogate-Key"].replace(",", " ").split())
    assert said == tags(below, below=[root, home, one])


# ---- with a Larder ---------------------------------------------------------------------------------------------------

RULES = """
upstream = "http://127.0.0.1:{site}"
{purge}

[danger]
admin_without_token = true

[[rule]]
path = "/cms/*"
pass = true

[[rule]]
path = "/*"
audience = "all-users"
ttl = "1h"
"""


@pytest.fixture(scope="module")
def served():
    site, port, admin = free_port(), free_port(), free_port()
    with open(f"{FOLDER.name}/larder.toml", "w") as file:
        file.write(RULES.format(site=site, purge='purge.allow = ["127.0.0.1"]'))
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "WAGTAIL_LARDER": f"http://127.0.0.1:{admin}"}
    gunicorn = [sys.executable, "-m", "gunicorn", "--bind", f"127.0.0.1:{site}", "--threads", "4", "home.wsgi"]
    application = Program(site, gunicorn, cwd=HERE, env=environment)
    serve = [larder_binary(), "serve", "--config", f"{FOLDER.name}/larder.toml", "--listen", f"127.0.0.1:{port}"]
    program = Program(port, [*serve, "--admin", f"127.0.0.1:{admin}"])
    yield port, admin
    program.stop()
    application.stop()


def hits(port):
    paths = ["/", "/one/", "/one/below/", "/two/"]
    return {path for path in paths if "hit" in Browser(port).get(path).why}


def test_what_shows_a_page_is_made_anew_and_the_rest_stays(pages, served):
    port, admin = served
    _, one, two, _, banner = pages
    with override_settings(LARDER={"admin_url": f"http://127.0.0.1:{admin}", "timeout": 10.0}):
        hits(port)
        assert hits(port) == {"/", "/one/", "/one/below/", "/two/"}
        publish(two)
        assert hits(port) == {"/one/", "/one/below/"}
        banner.text = "No sale"
        banner.save()
        assert hits(port) == {"/", "/one/below/", "/two/"}
        assert "No sale" in Browser(port).get("/one/").text


def test_wagtails_own_backend_goes_on_working(pages, served, caplog):
    port, _ = served
    one = pages[1]
    own = {"own": {"BACKEND": "wagtail.contrib.frontend_cache.backends.HTTPBackend", "LOCATION": f"http://127.0.0.1:{port}"}}
    hits(port)
    assert hits(port) == {"/", "/one/", "/one/below/", "/two/"}
    with caplog.at_level(logging.ERROR, "wagtail.frontendcache"):
        purge_page_from_cache(one, backend_settings=own)
    assert not caplog.records
    assert hits(port) == {"/", "/one/below/", "/two/"}
