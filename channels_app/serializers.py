"""The state of a project board, as nested DRF serializers.

Docstrings and ``help_text`` become the descriptions of the GraphQL types. Every value depends on
its own row alone, so a row that is saved is all that has to be sent.
"""

from typing import Any

from django.contrib.auth.models import User
from rest_framework import serializers

from channels_app.models import (
    ChecklistItem,
    Comment,
    Label,
    Membership,
    Note,
    Project,
    Task,
)


class UserSerializer(serializers.ModelSerializer[User]):
    """A person, as the other members of a project see them."""

    class Meta:
        model = User
        fields = ("id", "username", "first_name", "last_name")


class LabelSerializer(serializers.ModelSerializer[Label]):
    """A coloured word that says what kind of work a task is."""

    class Meta:
        model = Label
        fields = ("id", "name", "colour")


class ChecklistItemSerializer(serializers.ModelSerializer[ChecklistItem]):
    """One small step of a task, to be ticked off."""

    class Meta:
        model = ChecklistItem
        fields = ("id", "text", "done", "position")
        optimistic = True


class CommentSerializer(serializers.ModelSerializer[Comment]):
    """Something a member said about a task."""

    author = UserSerializer(read_only=True, help_text="Who wrote it.")

    class Meta:
        model = Comment
        fields = ("id", "author", "body", "created_at")
        optimistic = True

    def create(self, validated_data: dict[str, Any]) -> Comment:
        """Write a comment in the name of whoever sends it."""
        return super().create({**validated_data, "author": self.context["user"]})


class NoteSerializer(serializers.ModelSerializer[Note]):
    """A private note on a task, to be ticked off. It is sent to its owner and to nobody else."""

    class Meta:
        model = Note
        fields = ("id", "owner", "body", "done", "updated_at")
        user_key = "owner"
        optimistic = True


class TaskSerializer(serializers.ModelSerializer[Task]):
    """A piece of work on the board."""

    assignee = UserSerializer(read_only=True, help_text="Who is working on it, or nobody yet.")
    labels = LabelSerializer(many=True, read_only=True, help_text="What kind of work it is.")
    checklist = ChecklistItemSerializer(
        many=True, read_only=True, help_text="The steps of the task, in order."
    )
    comments = CommentSerializer(
        many=True, read_only=True, help_text="The conversation about it, oldest first."
    )
    notes = NoteSerializer(
        many=True, read_only=True, help_text="The viewer's own private notes on it."
    )
    assignee_id = serializers.PrimaryKeyRelatedField(
        source="assignee",
        queryset=User.objects.all(),
        allow_null=True,
        required=False,
        write_only=True,
        help_text="A member of the project, or null for nobody.",
    )
    label_ids = serializers.PrimaryKeyRelatedField(
        source="labels",
        many=True,
        queryset=Label.objects.all(),
        required=False,
        write_only=True,
        help_text="All labels of the task, in any order.",
    )

    class Meta:
        model = Task
        fields = (
            "id",
            "title",
            "description",
            "status",
            "priority",
            "position",
            "due",
            "estimate",
            "created_at",
            "updated_at",
            "assignee",
            "labels",
            "checklist",
            "comments",
            "notes",
            "assignee_id",
            "label_ids",
        )
        optimistic = True


class MembershipSerializer(serializers.ModelSerializer[Membership]):
    """A person's part in a project."""

    user = UserSerializer(read_only=True, help_text="The person who takes part.")

    class Meta:
        model = Membership
        fields = ("id", "user", "role")


class ProjectSerializer(serializers.ModelSerializer[Project]):
    """A project board: who takes part, and what there is to do."""

    is_open = serializers.SerializerMethodField(
        help_text="Whether there is work left: the project is neither done nor paused."
    )
    owner = UserSerializer(read_only=True, help_text="Who answers for the project.")
    memberships = MembershipSerializer(
        many=True, read_only=True, help_text="Everybody who takes part."
    )
    tasks = TaskSerializer(
        many=True, read_only=True, help_text="The tasks in the order of the board."
    )

    class Meta:
        model = Project
        fields = (
            "id",
            "name",
            "description",
            "status",
            "is_open",
            "due",
            "budget",
            "created_at",
            "owner",
            "memberships",
            "tasks",
        )

    def get_is_open(self, project: Project) -> bool:
        return project.status in {Project.Status.PLANNED, Project.Status.ACTIVE}


class ProjectCardSerializer(serializers.ModelSerializer[Project]):
    """A project as a list shows it."""

    owner = UserSerializer(read_only=True, help_text="Who answers for the project.")

    class Meta:
        model = Project
        fields = ("id", "name", "status", "due", "owner")
