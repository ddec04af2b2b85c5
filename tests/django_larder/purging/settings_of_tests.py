"""A library's settings. Where its tables are, and what it says to Larder, the environment says."""

import json
import os
from pathlib import Path

HERE = Path(__file__).parent
FOLDER = Path(os.environ.get("LIBRARY_FOLDER", HERE))
BASE_DIR = FOLDER
SECRET_KEY = "only for tests"
DEBUG = False
ALLOWED_HOSTS = ["*"]
USE_TZ = True
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    *filter(None, os.environ.get("LIBRARY_APPS", "").split()),
    "library",
    "django_larder",
    *filter(None, os.environ.get("LIBRARY_APPS_AFTER", "").split()),
]
MIDDLEWARE = [
    "django_larder.middleware.LarderMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]


def sqlite(name):
    # Writers wait for each other, as long as it takes.
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": FOLDER / name,
        "OPTIONS": {"timeout": 20},
        "TEST": {"NAME": FOLDER / f"test-{name}"},
    }


if port := os.environ.get("LIBRARY_POSTGRES"):
    DATABASES = {
        "default": {"ENGINE": "django.db.backends.postgresql", "NAME": "postgres", "USER": "larder", "HOST": "127.0.0.1", "PORT": port}
    }
else:
    DATABASES = {"default": sqlite("default.sqlite3")}
DATABASES["other"] = sqlite("other.sqlite3")
if lookup := os.environ.get("LIBRARY_LOOKUP"):
    DATABASES["lookup"] = {"ENGINE": "django.db.backends.sqlite3", "NAME": lookup, "TEST": {"NAME": lookup}}
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
ROOT_URLCONF = "library.urls"
STATIC_URL = "static/"
LARDER = {"automatic_tags": True} | json.loads(os.environ.get("LIBRARY_LARDER", "{}"))
