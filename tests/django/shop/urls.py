"""Where the pages are."""

from django.contrib.auth.views import LoginView
from django.urls import path, re_path

from shop import forms, views

urlpatterns = [
    path("", views.home),
    path("plain/", views.plain),
    path("slow/", views.slow),
    path("greeting/", views.greeting),
    path("account/", views.account),
    path("contact/", views.contact),
    path("feedback/", forms.feedback),
    path("boxed/", forms.boxed),
    path("user-box/", forms.user_box),
    path("newsletter/", forms.newsletter),
    path("csrf/", forms.csrf),
    path("elsewhere/", forms.elsewhere),
    path("article/", views.article),
    path("blog/", views.blog),
    path("blog/comment/", views.blog_comment),
    path("club/", views.club),
    path("unaware/", views.unaware),
    path("_larder/identity", views.identity),
    path("asker/", views.asker),
    path("secure/", views.secure),
    path("only-secure/", views.only_secure),
    path("thing/", views.thing),
    path("things/<int:number>/", views.thing),
    path("stream/", views.stream),
    path("stream/go/", views.stream_go),
    path("made/", views.made),
    re_path("^echo/(?P<rest>.*)$", views.echo),
    path("accounts/login/", LoginView.as_view()),
]
