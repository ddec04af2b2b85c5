"""The same site by https only, as the tests of the doctor want it: right, deaf to what the proxy says, or with the forms' page."""

import os

from shop.settings import *  # noqa: F403

SECURE_SSL_REDIRECT = os.environ.get("SHOP_REDIRECTS", "yes") == "yes"
SECURE_PROXY_SSL_HEADER = None if os.environ.get("SHOP_DEAF") else ("HTTP_X_FORWARDED_PROTO", "https")
ALLOWED_HOSTS = ["site.test", "127.0.0.1"]
