"""The admin. For other pages each test says its own by `override_settings(ROOT_URLCONF=__name__)`."""

from django.contrib import admin
from django.urls import path

urlpatterns = [path("admin/", admin.site.urls)]
