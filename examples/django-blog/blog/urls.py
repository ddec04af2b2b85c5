"""Where the pages are."""

from django.contrib import admin
from django.contrib.auth.views import LoginView, LogoutView
from django.urls import path

from blog import views

urlpatterns = [
    path("", views.front, name="front"),
    path("about/", views.about, name="about"),
    path("topic/<slug:topic>/", views.topic, name="topic"),
    path("post/<slug:slug>/", views.post, name="post"),
    path("write/", views.write, name="write"),
    path("accounts/login/", LoginView.as_view(), name="login"),
    path("accounts/logout/", LogoutView.as_view(), name="logout"),
    path("admin/", admin.site.urls),
]
