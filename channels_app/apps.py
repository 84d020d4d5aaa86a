"""The app's name in the admin."""

from django.apps import AppConfig


class ChannelsAppConfig(AppConfig):
    default_auto_field = "django.db.models.BigAutoField"
    name = "channels_app"
    verbose_name = "Project board"

    def ready(self) -> None:
        """Connect the receivers of signals."""
        from channels_app import assignments  # noqa: F401
