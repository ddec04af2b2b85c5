"""Threads that store pages, and threads that change what is on them and take them away: nothing old is left, and nothing unlisted.

Run by test_on_postgres, because SQLite writes for one at a time.
"""

import random
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.core.cache import caches
from django.db import connection
from django.http import HttpResponse
from django.test import RequestFactory, override_settings

from django_larder.nginx_memcache import cache
from django_larder.nginx_memcache.decorators import cache_page_nginx
from django_larder.nginx_memcache.models import CachedPageRecord
from programs import start_memcached

pytestmark = pytest.mark.usefixtures("rows")
ROUNDS = 150
MAKERS = 4


@pytest.fixture
def pages():
    program = start_memcached()
    place = {"BACKEND": "django.core.cache.backends.memcached.PyMemcacheCache", "LOCATION": f"127.0.0.1:{program.port}"}
    with override_settings(CACHES={"default": place}, CACHE_NGINX_USE_LOOKUP_TABLE=True, ALLOWED_HOSTS=["*"]):
        yield
    program.stop()


def test_nothing_old_is_left(pages):
    state = {"now": 0}
    key = cache.get_cache_key("testserver", "/")

    @cache_page_nginx(lookup_identifier="all", supplementary_identifier="some")
    def page(request):
        seen = state["now"]
        time.sleep(random.random() * 0.004)
        return HttpResponse(f"{seen}")

    def make():
        time.sleep(random.random() * 0.004)
        page(RequestFactory().get("/"))

    def change():
        time.sleep(random.random() * 0.008)
        state["now"] += 1
        orders = [
            lambda: cache.invalidate("testserver", "/"),
            lambda: cache.bulk_invalidate("all"),
            lambda: cache.bulk_invalidate("all", "some"),
        ]
        random.choice(orders)()

    kept = 0
    with ThreadPoolExecutor(MAKERS + 1) as threads:
        for number in range(ROUNDS):
            if number % 10 == 0:
                # Nobody comes between: these pages stay.
                change()
                together = [make] * MAKERS
            else:
                together = [make] * MAKERS + [change]
            for done in [threads.submit(work) for work in together]:
                done.result()
            # Everybody is ready: what is there now stays.
            body, rows = caches["default"].get(key), CachedPageRecord.objects.filter(pk=key).count()
            assert body is None or (int(body) == state["now"] and rows == 1), (number, body, state, rows)
            kept += body is not None
        list(threads.map(lambda _: connection.close(), range(MAKERS + 1)))
    assert kept >= ROUNDS // 10
    cache.bulk_invalidate("all")
    assert caches["default"].get(key) is None and not CachedPageRecord.objects.exists()
