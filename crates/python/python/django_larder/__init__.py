"""Larder for Django: one rule file for the application and for the caching proxy before it."""
