"""Django's usual settings. What is Larder's: the first middleware, `django_larder`, `LARDER`, and the last line."""

import os
from pathlib import Path

BASE_DIR = Path(__file__).parent.parent
STATE = Path(os.environ.get("BLOG_STATE", BASE_DIR / "state"))
SECRET_KEY = os.environ.get("BLOG_SECRET_KEY", "only for trying it out")
DEBUG = False
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "blog.urls"
WSGI_APPLICATION = "blog.wsgi.application"
INSTALLED_APPS = [
    "blog",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_larder",
]
MIDDLEWARE = [
    "django_larder.middleware.LarderMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
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
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": STATE / "blog.sqlite3", "OPTIONS": {"timeout": 20}}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
LOGIN_REDIRECT_URL = LOGOUT_REDIRECT_URL = "/"
STATIC_URL = "/static/"
STATIC_ROOT = STATE / "static"
USE_TZ = True
TIME_ZONE = "UTC"

LARDER = {
    "rules": "larder.toml",
    "trusted_proxies": ["127.0.0.1"],
    "admin_url": os.environ.get("BLOG_ADMIN_URL", "http://127.0.0.1:9180"),
    "token": os.environ.get("LARDER_ADMIN_TOKEN") or None,
    "automatic_tags": "BLOG_SETS_UP" not in os.environ,
}
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
