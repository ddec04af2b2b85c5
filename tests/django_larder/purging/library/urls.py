"""Where the library's pages are."""

from django.contrib import admin
from django.urls import path

from library import views

urlpatterns = [
    path("books/", views.books),
    path("books/<slug:slug>/", views.book),
    path("later/<int:pk>/", views.later),
    path("authors/", views.authors),
    path("about/", views.about),
    path("by-hand/", views.by_hand),
    path("rename/<slug:slug>/", views.rename),
    path("admin/", admin.site.urls),
]
