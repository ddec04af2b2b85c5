"""What is for Wagtail asks for Wagtail where it is used, and nowhere else."""

import importlib.util

import pytest

import django_larder.wagtail

has_wagtail = importlib.util.find_spec("wagtail") is not None


@pytest.mark.skipif(has_wagtail, reason="Wagtail is installed")
def test_without_wagtail_the_package_is_there_and_the_backend_is_not():
    with pytest.raises(ImportError, match="wagtail"):
        _ = django_larder.wagtail.LarderBackend


def test_what_is_not_there_is_said():
    with pytest.raises(AttributeError):
        _ = django_larder.wagtail.VarnishBackend
