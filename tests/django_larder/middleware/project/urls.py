"""Where the pages are."""

from django.urls import include, path

from project import views

urlpatterns = [
    path("", include("django_larder.urls")),
    path("plain/", views.plain),
    path("hello/", views.hello),
    path("club/", views.club),
    path("name/", views.name),
    path("cart/", views.cart),
    path("desk/", views.desk),
    path("mine/", views.mine),
    path("form/", views.form),
    path("noted/", views.noted),
    path("note/", views.note),
    path("says/", views.says),
    path("visited/", views.visited),
    path("stream/", views.stream),
    path("english/", views.english),
    path("paged/", views.paged),
    path("paged-later/", views.paged_later),
    path("paged-class/", views.Paged.as_view()),
    path("paged-class-later/", views.PagedLater.as_view()),
    path("versioned/", views.versioned),
    path("by-staff/", views.by_staff),
    path("tagged/<int:number>/", views.tagged),
    path("boom/", views.boom),
    path("login/<str:name>/", views.log_in),
    path("logout/", views.log_out),
    path("rotate/", views.rotate),
    path("promote/", views.promote),
    path("fill/", views.fill_cart),
    path("later/", views.later),
    path("later/name/", views.later_name),
    path("pay/", views.plain, {"SSL": True}),
    path("open/", views.plain, {"SSL": False}),
]
