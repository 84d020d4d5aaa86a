"""Project → task → comment."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models


class Project(models.Model):
    objects: ClassVar[models.Manager[Project]] = models.Manager()

    name = models.CharField(max_length=100)
    code = models.CharField(max_length=30)
    status = models.CharField(max_length=20)
    description = models.TextField()
    budget = models.IntegerField(default=0)
    priority = models.IntegerField(default=0)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name


class Task(models.Model):
    objects: ClassVar[models.Manager[Task]] = models.Manager()

    project = models.ForeignKey(Project, models.CASCADE, related_name="tasks")
    title = models.CharField(max_length=100)
    description = models.TextField()
    status = models.CharField(max_length=20)
    label = models.CharField(max_length=30)
    priority = models.IntegerField(default=0)
    estimate = models.IntegerField(default=0)
    assignee = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    due_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.title


class Comment(models.Model):
    objects: ClassVar[models.Manager[Comment]] = models.Manager()

    task = models.ForeignKey(Task, models.CASCADE, related_name="comments")
    body = models.TextField()
    kind = models.CharField(max_length=20)
    lang = models.CharField(max_length=8)
    score = models.IntegerField(default=0)
    likes = models.IntegerField(default=0)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.body
