"""The state that both sides keep live: one nested serializer of three layers."""

from __future__ import annotations

from rest_framework import serializers

from benchmarks.project.board.models import Comment, Project, Task


class CommentSerializer(serializers.ModelSerializer):  # type: ignore[type-arg]
    class Meta:
        model = Comment
        fields = ["id", "task", "body", "kind", "lang", "score", "likes", "author", "created_at"]


class TaskSerializer(serializers.ModelSerializer):  # type: ignore[type-arg]
    comments = CommentSerializer(many=True)

    class Meta:
        model = Task
        fields = [
            "id",
            "project",
            "title",
            "description",
            "status",
            "label",
            "priority",
            "estimate",
            "assignee",
            "due_at",
            "comments",
        ]


class ProjectSerializer(serializers.ModelSerializer):  # type: ignore[type-arg]
    tasks = TaskSerializer(many=True)

    class Meta:
        model = Project
        fields = [
            "id",
            "name",
            "code",
            "status",
            "description",
            "budget",
            "priority",
            "owner",
            "created_at",
            "tasks",
        ]
