"""A small real site: pages, static files, a login, a form, a stream. What a Django project looks like before anybody thought of caches."""
