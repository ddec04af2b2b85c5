"""No pages: each test says its own by `override_settings(ROOT_URLCONF=__name__)`."""

urlpatterns: list = []
