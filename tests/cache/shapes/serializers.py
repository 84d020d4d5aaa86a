"""A tree with its branches and leaves."""

from __future__ import annotations

from typing import ClassVar

from rest_framework import serializers

from tests.cache.shapes.models import Bird, Branch, Leaf, Tree


class BirdSerializer(serializers.ModelSerializer[Bird]):
    class Meta:
        model = Bird
        fields: ClassVar = ["id", "ring"]


class ShadeSerializer(serializers.ModelSerializer[Branch]):
    class Meta:
        model = Branch
        fields: ClassVar = ["id", "name"]


class LeafSerializer(serializers.ModelSerializer[Leaf]):
    shade = ShadeSerializer()
    visitor = BirdSerializer()

    class Meta:
        model = Leaf
        fields: ClassVar = ["id", "branch", "size", "shade", "visitor"]


class BranchSerializer(serializers.ModelSerializer[Branch]):
    leaves = LeafSerializer(many=True)
    birds = BirdSerializer(many=True)
    note = serializers.ReadOnlyField(default="none")

    class Meta:
        model = Branch
        fields: ClassVar = ["id", "name", "archived", "leaves", "birds", "note"]


class TreeSerializer(serializers.ModelSerializer[Tree]):
    branches = BranchSerializer(many=True)
    main_branch = BranchSerializer()

    class Meta:
        model = Tree
        fields: ClassVar = ["id", "name", "code", "height", "branches", "main_branch"]
