"""What `larder doctor` finds at a real Django site, and that it names Django's own remedy."""

import json
import os
import subprocess
import sys

import pytest

from conftest import HERE, Process, ROOT


# gunicorn believes X-Forwarded-Proto from this machine by itself, and from elsewhere only when it is told to.
DEAF = {"SHOP_DEAF": "1", "FORWARDED_ALLOW_IPS": "192.0.2.1"}


@pytest.fixture
def secured(site):
    """Starts the site by https only; environment variables make it wrong."""
    started = []

    def start(**environment):
        command = [sys.executable, "-m", "gunicorn", "--bind", "127.0.0.1:0", "--workers", "1", "--threads", "4"]
        env = os.environ | environment | {"DJANGO_SETTINGS_MODULE": "shop.secured"}
        process = Process(command + ["shop.wsgi"], r"Listening at: http://127\.0\.0\.1:(\d+)", cwd=HERE, env=env)
        started.append(process)
        return f"http://127.0.0.1:{process.port}"

    yield start
    for process in started:
        process.stop()


def doctor(*arguments):
    """The exit status, the report, and the findings by name; of several addresses the first."""
    binary = os.environ.get("LARDER_BIN", str(ROOT / "target" / "fast" / "larder"))
    ran = subprocess.run([binary, "doctor", "--json", "--rate", "20", *arguments], capture_output=True, text=True, timeout=120)
    assert ran.returncode in (0, 1), ran.stderr
    report = json.loads(ran.stdout)
    findings = {}
    for finding in report["findings"]:
        findings.setdefault(finding["check"], finding)
    return ran.returncode, report, findings


def verdicts(findings, *names):
    return {name: findings[name]["verdict"] for name in names}


def test_a_site_that_is_deaf_to_the_proxy_circles_and_djangos_setting_is_named(secured):
    status, report, findings = doctor("--to", secured(**DEAF), "--host", "site.test")
    assert status == 1 and report["framework"] == "django", report
    assert verdicts(findings, "redirect-loop", "scheme-ignored", "scheme-believed") == {
        "redirect-loop": "problem",
        "scheme-ignored": "problem",
        "scheme-believed": "ok",
    }
    assert 'SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")' in findings["redirect-loop"]["remedy"]
    assert findings["redirect-loop"]["found"][0]["url"] == "https://site.test/"


def test_a_site_that_hears_the_proxy_is_well(secured):
    status, report, findings = doctor("--to", secured(), "--host", "site.test")
    assert status == 0 and report["framework"] == "django", report
    names = ("reachable", "redirect-loop", "redirect-loop-untold", "scheme-ignored", "scheme-believed", "forged-scheme",
             "forged-forwarded-host", "forged-host", "forged-url", "underscore-spelling", "static-cookie", "clock-skew", "hsts")
    assert set(verdicts(findings, *names).values()) == {"ok"}, report
    assert report["requests"] <= 60


def test_a_site_that_visitors_reach_without_a_proxy_believes_them_and_that_is_a_problem(secured):
    status, report, findings = doctor("--public", secured())
    assert status == 1, report
    assert findings["scheme-believed"]["verdict"] == "problem", report
    assert "SECURE_PROXY_SSL_HEADER believes whoever connects" in findings["scheme-believed"]["remedy"]
    # Deaf, and by http alone, nobody can make it believe anything.
    _, report, findings = doctor("--public", secured(**DEAF))
    assert findings["scheme-believed"]["verdict"] == "ok", report


def test_a_form_under_a_rule_that_shares_it_is_found(secured, tmp_path):
    rules = tmp_path / "larder.toml"
    rules.write_text(
        'hosts = ["site.test"]\n'
        '[[rule]]\npath = "/contact/"\naudience = "all-users"\nttl = "1m"\n'
        '[[rule]]\npath = "/blog/"\naudience = "anonymous-only"\nttl = "1m"\n'
        '[[rule]]\npath = "/greeting/"\naudience = "all-users"\nttl = "1m"\n'
    )
    status, report, findings = doctor("--config", str(rules), "--to", secured(SHOP_REDIRECTS="no"))
    assert status == 1 and report["framework"] == "django" and report["host"] == "site.test"
    assert verdicts(findings, "shared-csrf-token", "shared-cookie", "shared-vary-cookie", "pages-differ") == {
        "shared-csrf-token": "problem",
        "shared-cookie": "problem",
        "shared-vary-cookie": "warning",
        "pages-differ": "warning",
    }
    token = findings["shared-csrf-token"]
    assert [found["url"] for found in token["found"]] == ["http://site.test/contact/"]
    assert "holds csrfmiddlewaretoken" in token["found"][0]["what"] and "larder.toml:2" in token["found"][0]["what"]
    assert "{% csrf_token %}" in token["remedy"]
    assert "csrftoken" in findings["shared-cookie"]["found"][0]["what"]
    varying = [found["url"] for found in findings["shared-vary-cookie"]["found"]]
    assert "http://site.test/greeting/" in varying and "http://site.test/blog/" not in varying
