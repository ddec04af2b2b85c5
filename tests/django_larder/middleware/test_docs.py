"""docs/django.md says every key, check and argument that there is."""

import inspect
import re

from django_larder import checks, conf
from django_larder.page import page
from serving import ROOT

TEXT = (ROOT / "docs" / "django.md").read_text()


def test_every_key_of_the_setting_is_described():
    rows = set(re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (`.*?) \|", TEXT, re.M))))
    assert set(conf.KINDS) <= rows
    assert all(f'"{key}"' in TEXT for key in conf.HTTPS_KINDS)


def test_every_check_is_described_and_no_other():
    numbers = re.findall(r"_(error|warning)\(\s*(\d+),", inspect.getsource(checks))
    there = {f"{kind[0].upper()}{int(number):03}" for kind, number in numbers}
    assert there == set(re.findall(r"`django_larder\.([EW]\d+)`", TEXT))


def test_every_argument_of_page_is_described():
    assert all(f"`{name}`" in TEXT for name in inspect.signature(page).parameters)


def test_defaults_are_what_they_are():
    larder = conf.Larder()
    for key in ("headers", "identity", "marker_age", "never_xhr", "timeout", "automatic_tags", "tags_max", "outbox", "admin_url"):
        row = re.search(rf"^\| `{key}` \| `([^`]*)`", TEXT, re.M)
        assert row and row.group(1).strip('"') == str(getattr(larder, key)), key
