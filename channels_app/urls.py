"""Pages of the demo that Django serves; /graphql is mounted in ``asgi.py``."""

from django.contrib import admin
from django.urls import path

from channels_app.views import demo_server, demo_session, index

urlpatterns = [
    path("", index, name="index"),
    path("demo/session", demo_session, name="demo_session"),
    path("demo/server", demo_server, name="demo_server"),
    path("admin/", admin.site.urls),
]
