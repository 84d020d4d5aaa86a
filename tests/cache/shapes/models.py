"""Managers that hide, order and annotate; columns that refer to no primary key; inheritance."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.db.models import Count, Value


class VisibleManager(models.Manager[Any]):
    """Hides what is archived, newest first, with a column of its own."""

    def get_queryset(self) -> models.QuerySet[Any]:
        found = super().get_queryset().filter(archived=False).order_by("-rank")
        annotated: models.QuerySet[Any] = found.annotate(
            note=Value("seen"), leaf_count=Count("leaves")
        )
        return annotated


class Place(models.Model):
    """Base of an inherited model."""

    name = models.CharField(max_length=20)


class Tree(Place):
    """The anchor; its primary key is that of the place."""

    code = models.CharField(max_length=20, unique=True)
    height = models.IntegerField(default=0)


class Branch(models.Model):
    """Belongs to a tree by its code; some are hidden."""

    tree = models.ForeignKey(
        Tree, models.CASCADE, to_field="code", null=True, related_name="branches"
    )
    main_of = models.OneToOneField(Tree, models.CASCADE, null=True, related_name="main_branch")
    name = models.CharField(max_length=20)
    rank = models.IntegerField(default=0)
    archived = models.BooleanField(default=False)
    birds: models.ManyToManyField[Bird, Perch] = models.ManyToManyField(
        "Bird", through="Perch", related_name="branches"
    )

    objects = VisibleManager()

    class Meta:
        base_manager_name = "everything"

    everything: ClassVar = models.Manager()


class Leaf(models.Model):
    """Points forward to a branch that may be hidden, and to a bird by its ring."""

    branch = models.ForeignKey(Branch, models.CASCADE, related_name="leaves")
    shade = models.ForeignKey(Branch, models.CASCADE, null=True, related_name="+")
    visitor = models.ForeignKey("Bird", models.CASCADE, to_field="ring", null=True)
    size = models.FloatField(default=1.0)

    class Meta:
        ordering: ClassVar = [models.F("size").desc(nulls_last=True)]


class Bird(models.Model):
    """Sits on branches, sometimes twice on the same."""

    ring = models.CharField(max_length=20, unique=True)

    class Meta:
        ordering: ClassVar = ["-ring"]


class Perch(models.Model):
    """A row between."""

    branch = models.ForeignKey(Branch, models.CASCADE)
    bird = models.ForeignKey(Bird, models.CASCADE, to_field="ring")
