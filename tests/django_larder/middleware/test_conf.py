"""`settings.LARDER`: what is refused, and with which words; when the rules are read."""

import dataclasses
import subprocess
import sys

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings

from conftest import HERE
from django_larder import conf

REFUSED = [
    ({"marker_agee": 3}, '["marker_agee"] is not a key of this setting. Did you mean "marker_age"?'),
    ({"zzz": 3}, "Known are rules, headers"),
    ({"https": {"redirekt": True}}, '["https"]["redirekt"] is not a key of this setting. Did you mean "redirect"?'),
    ({"https": True}, "must be a dictionary"),
    ({"https": {"exempt": ["("]}}, "no regular expression"),
    ({"https": {"host": "https://x.test/"}}, "must be a host"),
    ({"headers": 1}, "must be True or False, not 1"),
    ({"rules": 3}, "must be a path"),
    ({"rules": "missing.toml"}, "can't be read"),
    ({"segment": "project.visitors.nothing"}, "can't be imported"),
    ({"segment": 3}, "must be a function"),
    ({"marker_age": 5}, "must be 10 seconds or more"),
    ({"marker_age": True}, "must be 10 seconds or more"),
    ({"tag_header": "Cache Tag"}, "must be the name of a field"),
    ({"trusted_proxies": "127.0.0.1"}, "must be a list"),
    ({"trusted_proxies": ["localhost"]}, "no address"),
    ({"trusted_proxies": ["10.0.0.1/8"]}, "no address"),
    ({"timeout": 0}, "number of seconds above 0"),
    ({"timeout": "2s"}, "number of seconds above 0"),
    ({"tags_max": -1}, "must be a number of 0 or more"),
    ({"admin_url": "127.0.0.1:9180"}, "is no address"),
    ({"admin_url": "http://127.0.0.1:9180/purge"}, "is no address"),
    ({"token": "a", "token_file": "b"}, "leave one of the two out".capitalize()),
    ([], "LARDER must be a dictionary"),
]


@pytest.mark.parametrize(("given", "said"), REFUSED, ids=[str(given) for given, _ in REFUSED])
def test_what_is_wrong_is_refused_with_what_to_write(given, said):
    with override_settings(LARDER=given), pytest.raises(ImproperlyConfigured) as caught:
        conf.rules()
    assert said in str(caught.value)


def test_an_error_names_file_and_line_of_the_settings(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "wrong_settings.py").write_text('SECRET_KEY = "x"\n\nLARDER = {\n    "marker_agee": 3,\n}\n')
    code = "import django; from django_larder import conf; from django.conf import settings; settings.LARDER; conf.larder()"
    environment = {"DJANGO_SETTINGS_MODULE": "wrong_settings", "PYTHONPATH": f"{tmp_path}:" + ":".join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert 'ImproperlyConfigured: wrong_settings.py:4: LARDER["marker_agee"] is not' in done.stderr, done.stderr


def test_an_error_in_the_rules_names_their_file_and_line(larder):
    with larder('[[rule]]\npath = "/*"\naudience = "everybody"\n'), pytest.raises(ImproperlyConfigured) as caught:
        conf.rules()
    assert "larder.toml:3" in str(caught.value)


def test_a_missing_secret_is_told_with_its_place(larder, monkeypatch):
    rules = '[identity]\nsession_cookies = ["sessionid"]\nmarker_keys = ["k1=env:LARDER_MARKER_KEY"]\n'
    with larder(rules):
        monkeypatch.delenv("LARDER_MARKER_KEY")
        with pytest.raises(ImproperlyConfigured, match=r"larder.toml:3(.|\n)*LARDER_MARKER_KEY"):
            conf.rules()


def test_every_key_is_read_and_has_its_default():
    assert set(conf.KINDS) == {field.name for field in dataclasses.fields(conf.Larder)}
    assert set(conf.HTTPS_KINDS) == {field.name for field in dataclasses.fields(conf.Https)}
    assert conf.check({}) == conf.Larder()


def test_a_relative_path_counts_from_base_dir(tmp_path):
    (tmp_path / "larder.toml").write_text("")
    with override_settings(BASE_DIR=tmp_path, LARDER={"rules": "larder.toml"}):
        assert conf.larder().rules == tmp_path / "larder.toml"
        conf.rules()


def test_a_token_is_read_from_its_file(tmp_path):
    (tmp_path / "token").write_text("secret\n")
    with override_settings(LARDER={"token_file": tmp_path / "token"}):
        assert conf.larder().read_token() == "secret"
    with override_settings(LARDER={"token_file": tmp_path / "none"}), pytest.raises(ImproperlyConfigured, match="can't be read"):
        conf.larder().read_token()


def test_nothing_is_read_and_no_thread_begun_before_a_request_needs_it():
    code = (
        "import os, threading, sys\n"
        "os.environ['PROJECT_RULES'] = '/nowhere/larder.toml'\n"
        "import django; django.setup()\n"
        "import django_larder.middleware, django_larder.page, django_larder.views\n"
        "from django_larder import conf\n"
        "assert threading.active_count() == 1 and conf._rules is None\n"
    )
    environment = {"DJANGO_SETTINGS_MODULE": "project.settings", "PYTHONPATH": ":".join(sys.path)}
    subprocess.run([sys.executable, "-c", code], cwd=HERE, env=environment, check=True)
