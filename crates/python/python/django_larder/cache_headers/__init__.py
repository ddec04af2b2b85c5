"""Cache headers by policy for each URL, set up by `settings.CACHE_HEADERS`: what django-cache-headers did.

Change the middleware's import path to `django_larder.cache_headers.middleware.CacheHeadersMiddleware` and, for the commands
`generate_vcl` and `larder_export`, put `django_larder.cache_headers` into INSTALLED_APPS in the old app's place.
"""
