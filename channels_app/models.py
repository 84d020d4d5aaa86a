"""A project board: projects with members, and tasks with all that people hang on them.

``help_text`` is written once here: the admin, DRF and the GraphQL schema show it.
"""

from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar, Self

from django.contrib.auth.models import AnonymousUser, User
from django.core.validators import MinValueValidator, RegexValidator
from django.db import models
from django.utils import timezone
from django.utils.text import Truncator

if TYPE_CHECKING:
    from django.db.models.fields.related_descriptors import RelatedManager


class ProjectQuerySet(models.QuerySet["Project"]):
    def visible_to(self, user: User | AnonymousUser) -> Self:
        """Return the projects *user* may see: all for staff, else those owned or joined."""
        if not user.is_authenticated:
            return self.none()
        if user.is_staff:
            return self.all()
        # Membership goes through a subquery, so that no join doubles a project.
        joined = Membership.objects.filter(user=user).values("project")
        return self.filter(models.Q(owner=user) | models.Q(pk__in=joined))


class Project(models.Model):
    class Status(models.TextChoices):
        PLANNED = "planned", "Planned"
        ACTIVE = "active", "Active"
        PAUSED = "paused", "Paused"
        DONE = "done", "Done"

    name = models.CharField(max_length=120, help_text="What people call the project.")
    description = models.TextField(
        blank=True, help_text="What the project is for, and what it will leave behind."
    )
    status = models.CharField(
        max_length=10,
        choices=Status,
        default=Status.PLANNED,
        help_text="Where the project stands.",
    )
    owner = models.ForeignKey(
        User,
        on_delete=models.PROTECT,
        related_name="owned_projects",
        help_text="Who answers for the project. Always sees it, member or not.",
    )
    members: "models.ManyToManyField[User, Membership]" = models.ManyToManyField(
        User,
        through="Membership",
        related_name="projects",
        help_text="Everybody who may see the project.",
    )
    due = models.DateField(
        null=True, blank=True, help_text="The day everything should be finished, if one is agreed."
    )
    budget = models.DecimalField(
        max_digits=12,
        decimal_places=2,
        null=True,
        blank=True,
        validators=[MinValueValidator(0)],
        help_text="Money set aside, in euros.",
    )
    created_at = models.DateTimeField(
        default=timezone.now, editable=False, help_text="When the project was opened."
    )

    objects: ClassVar = ProjectQuerySet.as_manager()

    if TYPE_CHECKING:
        memberships: RelatedManager["Membership"]
        tasks: RelatedManager["Task"]

    class Meta:
        ordering = ("name", "id")
        constraints = (
            models.CheckConstraint(
                condition=models.Q(budget__isnull=True) | models.Q(budget__gte=0),
                name="project_budget_not_negative",
                violation_error_message="A budget cannot be negative.",
            ),
        )

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    class Role(models.TextChoices):
        OWNER = "owner", "Owner"
        EDITOR = "editor", "Editor"
        VIEWER = "viewer", "Viewer"

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(
        User,
        on_delete=models.CASCADE,
        related_name="memberships",
        help_text="The person who takes part.",
    )
    role = models.CharField(
        max_length=10,
        choices=Role,
        default=Role.VIEWER,
        help_text="What the person may do: viewers read, editors also write, owners decide.",
    )

    class Meta:
        ordering = ("id",)
        constraints = (
            models.UniqueConstraint(
                fields=["project", "user"],
                name="membership_unique_per_project",
                violation_error_message="This person is already a member of the project.",
            ),
        )

    def __str__(self) -> str:
        return f"{self.user} in {self.project} ({self.get_role_display()})"


class Label(models.Model):
    name = models.CharField(max_length=40, unique=True, help_text="One or two words.")
    colour = models.CharField(
        max_length=7,
        default="#6b7280",
        validators=[RegexValidator(r"^#[0-9a-f]{6}\Z", "Write the colour like #1f6feb.")],
        help_text="Background colour, as #rrggbb in small letters.",
    )

    class Meta:
        ordering = ("name", "id")

    def __str__(self) -> str:
        return self.name


class Task(models.Model):
    class Status(models.TextChoices):
        TODO = "todo", "To do"
        IN_PROGRESS = "in_progress", "In progress"
        REVIEW = "review", "Review"
        DONE = "done", "Done"

    class Priority(models.IntegerChoices):
        LOW = 1, "Low"
        NORMAL = 2, "Normal"
        HIGH = 3, "High"
        URGENT = 4, "Urgent"

    project = models.ForeignKey(
        Project,
        on_delete=models.CASCADE,
        related_name="tasks",
        help_text="The board the task is on.",
    )
    title = models.CharField(max_length=200, help_text="What will be true when it is done.")
    description = models.TextField(
        blank=True, help_text="Background, links and how to tell that it is done."
    )
    status = models.CharField(
        max_length=20,
        choices=Status,
        default=Status.TODO,
        help_text="The column of the board the task is in.",
    )
    priority = models.IntegerField(
        choices=Priority, default=Priority.NORMAL, help_text="How soon it should be picked up."
    )
    assignee = models.ForeignKey(
        User,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="assigned_tasks",
        help_text="Who is working on it, or nobody yet.",
    )
    position = models.PositiveIntegerField(
        default=0, help_text="Place on the board, smallest first; equal places go by age."
    )
    due = models.DateField(null=True, blank=True, help_text="The day it should be done, if any.")
    estimate = models.DurationField(
        null=True,
        blank=True,
        validators=[MinValueValidator(timedelta(0))],
        help_text="Working time it is expected to take.",
    )
    labels: "models.ManyToManyField[Label, models.Model]" = models.ManyToManyField(
        Label,
        blank=True,
        related_name="tasks",
        help_text="What kind of work it is.",
    )
    created_at = models.DateTimeField(
        default=timezone.now, editable=False, help_text="When the task was written down."
    )
    updated_at = models.DateTimeField(auto_now=True, help_text="When the task was last saved.")

    if TYPE_CHECKING:
        checklist: RelatedManager["ChecklistItem"]
        comments: RelatedManager["Comment"]
        notes: RelatedManager["Note"]

    class Meta:
        ordering = ("position", "id")
        indexes = (models.Index(fields=["project", "position"], name="task_board_order"),)

    def __str__(self) -> str:
        return self.title


class ChecklistItem(models.Model):
    task = models.ForeignKey(Task, on_delete=models.CASCADE, related_name="checklist")
    text = models.CharField(max_length=200, help_text="One small step.")
    done = models.BooleanField(default=False, help_text="Whether the step is ticked off.")
    position = models.PositiveIntegerField(
        default=0, help_text="Place in the checklist, smallest first."
    )

    class Meta:
        ordering = ("position", "id")

    def __str__(self) -> str:
        return self.text


class Comment(models.Model):
    task = models.ForeignKey(Task, on_delete=models.CASCADE, related_name="comments")
    author = models.ForeignKey(
        User, on_delete=models.CASCADE, related_name="comments", help_text="Who wrote it."
    )
    body = models.TextField(help_text="What was said.")
    created_at = models.DateTimeField(
        default=timezone.now, editable=False, help_text="When it was said."
    )

    class Meta:
        ordering = ("created_at", "id")

    def __str__(self) -> str:
        return f"{self.author}: {Truncator(self.body).chars(60)}"


class Note(models.Model):
    """A private note: nobody but its owner ever sees it, staff included.

    Notes can be ticked off, so those on a task are also its owner's private checklist.
    """

    task = models.ForeignKey(Task, on_delete=models.CASCADE, related_name="notes")
    owner = models.ForeignKey(
        User,
        on_delete=models.CASCADE,
        related_name="notes",
        help_text="The only person who sees the note.",
    )
    body = models.TextField(help_text="What to remember.")
    done = models.BooleanField(default=False, help_text="Whether it is ticked off.")
    updated_at = models.DateTimeField(auto_now=True, help_text="When the note was last saved.")

    class Meta:
        ordering = ("id",)

    def __str__(self) -> str:
        return f"Note {self.pk}"  # the body is private, and admin logs keep this text
