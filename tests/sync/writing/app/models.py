"""Benches with jobs, and what people hang on them: every relation a write can go through."""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models

from rxgraph.decorators import related_property


class Row(models.Model):
    """Says to mypy what the plugin only knows of the project's own apps."""

    objects: ClassVar[models.Manager[Any]] = models.Manager()

    class Meta:
        abstract = True


class Vice(Row):
    """FORWARD, one to one, of a bench."""

    width = models.IntegerField(default=10)


class Bench(Row):
    """The anchor."""

    name = models.CharField(max_length=40, unique=True)
    vice = models.OneToOneField(Vice, models.SET_NULL, null=True, related_name="bench")
    secret = models.CharField(max_length=40, default="sealed")

    @related_property("jobs__tools", "jobs__bench")
    def sharp_tools(self) -> list[Tool]:
        """The tools of its jobs that are sharp."""
        return list(Tool.objects.filter(jobs__bench=self, is_sharp=True).distinct())


class Tool(Row):
    """MANY_TO_MANY of jobs."""

    name = models.CharField(max_length=40, unique=True)
    is_sharp = models.BooleanField(default=False)

    class Meta:
        ordering = ("name", "pk")

    def __str__(self) -> str:
        return self.name


class Job(Row):
    """REVERSE, many, of a bench."""

    bench = models.ForeignKey(Bench, models.CASCADE, related_name="jobs")
    title = models.CharField(max_length=40)
    hours = models.IntegerField(default=1)
    status = models.CharField(
        max_length=10, default="todo", choices=[("todo", "To do"), ("done", "Done")]
    )
    internal = models.CharField(max_length=40, default="untouched")
    tools = models.ManyToManyField(Tool, blank=True, related_name="jobs")
    helper = models.ForeignKey("self", models.SET_NULL, null=True, blank=True)
    favourite = models.ForeignKey(Tool, models.PROTECT, null=True, blank=True, related_name="+")

    class Meta:
        ordering = ("pk",)
        unique_together = (("bench", "title"),)
        constraints = [
            models.CheckConstraint(
                condition=models.Q(hours__gte=0), name="writing_hours_not_negative"
            )
        ]

    def __str__(self) -> str:
        return self.title

    def clean(self) -> None:
        if self.title == "unclean":
            raise ValidationError({"title": ValidationError("Wash your hands", code="dirty")})


class Sheet(Row):
    """REVERSE, one to one, of a job."""

    job = models.OneToOneField(Job, models.CASCADE, related_name="sheet")
    text = models.CharField(max_length=40)


class Memo(Row):
    """Private: of its owner alone."""

    job = models.ForeignKey(Job, models.CASCADE, related_name="memos")
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE)
    body = models.CharField(max_length=40)

    class Meta:
        ordering = ("pk",)


class Warranty(Row):
    """Protects its job, and is part of no state."""

    job = models.ForeignKey(Job, models.PROTECT)
