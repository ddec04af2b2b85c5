"""Finished pages in Memcached, where nginx finds them: what django-nginx-memcache did.

Put `django_larder.nginx_memcache` into INSTALLED_APPS in the old app's place, and change the imports. Keys, flags and lifetimes are the
same byte for byte, so that nginx goes on finding what it found.
"""
