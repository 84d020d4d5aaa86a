"""The channel of the workshop; registered by the tests that need it, not discovered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from rest_framework import serializers

from rxgraph.channels import ContextChannel
from rxgraph.declare import registry
from rxgraph.operations import CREATE, DELETE, SAVE
from tests.sync.writing.app.models import Bench, Job, Memo, Sheet, Tool, Vice


class MemoSerializer(serializers.ModelSerializer[Memo]):
    class Meta:
        model = Memo
        fields = ("id", "owner", "body")
        user_key = "owner"


class SheetSerializer(serializers.ModelSerializer[Sheet]):
    class Meta:
        model = Sheet
        fields = ("id", "text")


class ToolSerializer(serializers.ModelSerializer[Tool]):
    class Meta:
        model = Tool
        fields = ("id", "name", "is_sharp")


class ViceSerializer(serializers.ModelSerializer[Vice]):
    class Meta:
        model = Vice
        fields = ("id", "width")


class JobSerializer(serializers.ModelSerializer[Job]):
    tools = ToolSerializer(many=True, read_only=True)
    sheet = SheetSerializer(read_only=True)
    memos = MemoSerializer(many=True, read_only=True)
    tool_ids = serializers.PrimaryKeyRelatedField(
        source="tools", many=True, queryset=Tool.objects.all(), required=False
    )
    helper_id = serializers.IntegerField(required=False, allow_null=True)
    favourite = serializers.SlugRelatedField(
        slug_field="name", queryset=Tool.objects.all(), required=False, allow_null=True
    )

    class Meta:
        model = Job
        full_clean = True
        fields = (
            *("id", "title", "hours", "status", "internal", "tools", "sheet", "memos"),
            *("tool_ids", "helper_id", "favourite"),
        )
        read_only_fields = ("internal",)

    def validate(self, attrs: Any) -> Any:
        if attrs.get("title") == "greedy":
            attrs |= {"id": 999_999, "pk": 999_999, "internal": "taken"}
        return attrs

    def update(self, instance: Any, validated_data: Any) -> Any:
        hooks.updates += 1
        if validated_data.get("title") == "crash":
            raise RuntimeError("SELECT secret FROM vault")
        return super().update(instance, validated_data)


class BenchSerializer(serializers.ModelSerializer[Bench]):
    jobs = JobSerializer(many=True, read_only=True)
    vice = ViceSerializer(read_only=True)
    sharp_tools = ToolSerializer(many=True, read_only=True)

    class Meta:
        model = Bench
        fields = ("id", "name", "jobs", "vice", "sharp_tools")


Hook = Callable[..., Any]


@dataclass
class Hooks:
    """What the ``can_*`` hooks do in one test, and what they were given."""

    answer: Any = True
    calls: list[tuple[Any, ...]] = field(default_factory=list)
    updates: int = 0


hooks = Hooks()


def _asked(*call: Any) -> Any:
    hooks.calls.append(call)
    if isinstance(hooks.answer, Exception):
        raise hooks.answer
    return hooks.answer(*call) if callable(hooks.answer) else hooks.answer


with registry.isolated():

    class BenchChannel(ContextChannel):
        """One bench; every hook does what the test says."""

        class Meta:
            state = BenchSerializer()
            writable = {
                BenchSerializer: [SAVE, CREATE, DELETE],
                JobSerializer: [SAVE, CREATE, DELETE],
                SheetSerializer: [SAVE, CREATE],
                MemoSerializer: [SAVE, CREATE, DELETE],
                ToolSerializer: [SAVE, CREATE],
                ViceSerializer: [CREATE],
            }

        @staticmethod
        def has_permission(user: Any, bench_id: int) -> bool:
            return True

        def can_save(self, instance: Any, data: Any) -> Any:
            return _asked("save", instance, data)

        def can_create(self, model_class: Any, parent: Any, data: Any) -> Any:
            return _asked("create", model_class, parent, data)

        def can_delete(self, instance: Any) -> Any:
            return _asked("delete", instance)

    class AsyncBenchChannel(BenchChannel):
        """The same with ``async def``."""

        class Meta:
            graphql_name = "AsyncBench"

        async def can_save(self, instance: Any, data: Any) -> Any:
            answer = _asked("save", instance, data)
            return await answer if hasattr(answer, "__await__") else answer

        async def can_create(self, model_class: Any, parent: Any, data: Any) -> Any:
            answer = _asked("create", model_class, parent, data)
            return await answer if hasattr(answer, "__await__") else answer

        async def can_delete(self, instance: Any) -> Any:
            answer = _asked("delete", instance)
            return await answer if hasattr(answer, "__await__") else answer

    class OpenBenchChannel(BenchChannel):
        """Its hooks judge instances outside of the context themselves."""

        class Meta:
            graphql_name = "OpenBench"

        def can_save(self, instance: Any, data: Any, outside: Any = ()) -> Any:
            return _asked("save", instance, data, outside)

        def can_create(self, model_class: Any, parent: Any, data: Any, *, outside: Any = ()) -> Any:
            return _asked("create", model_class, parent, data, outside)

    class ReadOnlyBenchChannel(BenchChannel):
        """Nothing is writable."""

        class Meta:
            graphql_name = "ReadOnlyBench"
            writable: dict[Any, Any] = {}


CHANNELS: tuple[type[ContextChannel], ...] = (
    BenchChannel,
    AsyncBenchChannel,
    OpenBenchChannel,
    ReadOnlyBenchChannel,
)
