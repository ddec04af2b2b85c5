"""A small site of Wagtail's."""

import os
from pathlib import Path

FOLDER = Path(os.environ["WAGTAIL_FOLDER"])
BASE_DIR = FOLDER
SECRET_KEY = "only for tests"
ALLOWED_HOSTS = ["*"]
USE_TZ = True
INSTALLED_APPS = [
    "home",
    "django_larder",
    "wagtail.contrib.frontend_cache",
    "wagtail.snippets",
    "wagtail.documents",
    "wagtail.images",
    "wagtail.users",
    "wagtail.admin",
    "wagtail.search",
    "wagtail",
    "modelcluster",
    "taggit",
    "django_larder.wagtail",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
]
MIDDLEWARE = [
    "django_larder.middleware.LarderMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": FOLDER / "wagtail.sqlite3", "OPTIONS": {"timeout": 20}}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
ROOT_URLCONF = "home.urls"
STATIC_URL = "static/"
MEDIA_ROOT = FOLDER / "media"
WAGTAIL_SITE_NAME = "Site"
WAGTAILADMIN_BASE_URL = "http://site.test"
WAGTAILFRONTENDCACHE = {"larder": {"BACKEND": "django_larder.wagtail.LarderBackend"}}
LARDER = {}
if admin := os.environ.get("WAGTAIL_LARDER"):
    LARDER = {"admin_url": admin, "rules": FOLDER / "larder.toml"}
