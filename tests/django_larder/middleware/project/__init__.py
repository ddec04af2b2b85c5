"""A small site for the tests of django_larder."""
