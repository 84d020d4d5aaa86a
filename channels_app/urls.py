"""Pages of the demo that Django serves; /graphql is mounted in ``asgi.py``."""

from django.contrib import admin
from django.urls import path

from channels_app.views import index

urlpatterns = [
    path("", index, name="index"),
    path("admin/", admin.site.urls),
]
