"""Walk a nested serializer: every class becomes one layer, and every problem is noted."""

from __future__ import annotations

import copy
import inspect
import keyword
from typing import Any

from django.core.exceptions import FieldDoesNotExist
from django.db import models
from rest_framework import serializers

from rxgraph.compile import naming
from rxgraph.compile.relations import NotARelation, compile_relation
from rxgraph.compile.state_tree import Layer, Relation, ValueField
from rxgraph.compile.values import EnumOwner, compile_value, enum_owner
from rxgraph.declare.problems import Problem, dotted

Serializer = Any  # a ModelSerializer instance


def type_name(serializer_class: type[Any]) -> str:
    """Return the GraphQL type of a serializer class: ``Meta.graphql_name``, else from its name."""
    explicit = getattr(getattr(serializer_class, "Meta", None), "graphql_name", None)
    return str(explicit or naming.layer_type(serializer_class.__name__))


class Walker:
    """Collects layers and problems on one walk."""

    def __init__(self) -> None:
        self.layers: dict[str, Layer] = {}
        self.problems: list[Problem] = []
        self._classes: dict[str, type[Any]] = {}
        self._names: dict[type[Any], frozenset[str]] = {}

    def visit(self, serializer: Serializer, above: tuple[type[Any], ...]) -> str | None:
        """Compile *serializer* unless its class is known; return its type name, if it has one."""
        cls = type(serializer)
        typename = type_name(cls)
        if cls in above:
            self._report(
                "E008",
                cls,
                dotted(cls),
                "contains itself",
                "nest a smaller serializer, or a PrimaryKeyRelatedField, at the end",
            )
            return None
        fields = self._fields(serializer)
        if fields is None:
            return None
        if self._classes.get(typename, cls) is not cls:
            other = self._classes[typename]
            self._report(
                "E005",
                cls,
                dotted(cls),
                f"claims the type name {typename}, as {dotted(other)} does",
                'set graphql_name = "..." in Meta of one of them',
            )
            return None
        if cls in self._names:
            if self._names[cls] != frozenset(fields):
                self._report(
                    "E005",
                    cls,
                    dotted(cls),
                    "is nested with different fields in one state",
                    "write one serializer class for each shape",
                )
            return typename
        self._classes[typename], self._names[cls] = cls, frozenset(fields)
        self._compile(typename, serializer, fields, (*above, cls))
        return typename

    def visited(self) -> list[str]:
        """Return the type names in the order in which the walk first met them."""
        return list(self._classes)

    def _fields(self, serializer: Serializer) -> dict[str, Any] | None:
        cls = type(serializer)
        try:
            if getattr(cls.Meta, "model", None) is None:
                raise TypeError("Meta.model is missing")
            return {
                name: field
                for name, field in serializer.fields.items()
                if not field.write_only and not isinstance(field, serializers.HiddenField)
            }
        except Exception as error:  # noqa: BLE001  # DRF and the project's code: reported
            self._report(
                "E016",
                cls,
                dotted(cls),
                f"cannot be read: {type(error).__name__}: {error}",
                "see that serializer.fields works in a shell",
            )
            return None

    def _compile(
        self,
        typename: str,
        serializer: Serializer,
        fields: dict[str, Any],
        above: tuple[type[Any], ...],
    ) -> None:
        cls, model = type(serializer), serializer.Meta.model
        owner = enum_owner(cls, model, typename)
        if not naming.is_valid_name(typename):
            self._report(
                "E014",
                cls,
                dotted(cls),
                f"makes the type name {typename!r}, which GraphQL does not allow",
                'set graphql_name = "..." in its Meta',
            )
        values: list[ValueField] = []
        relations: list[Relation] = []
        for name, field in fields.items():
            nested = field.child if isinstance(field, serializers.ListSerializer) else field
            try:
                if isinstance(nested, serializers.ModelSerializer):
                    relation = self._relation(name, field, nested, model, above)
                    if relation is not None:
                        relations.append(relation)
                else:
                    values.append(self._value(name, field, cls, model, owner))
            except Exception as error:  # noqa: BLE001  # a project's field: reported
                self._report(
                    "E016",
                    cls,
                    f"{dotted(cls)}.{name}",
                    f"cannot be compiled: {type(error).__name__}: {error}",
                    "see that its source exists on the model",
                )
        self._check_names(cls, [*values, *relations])
        self.layers[typename] = Layer(
            typename=typename,
            serializer=copy.deepcopy(serializer),
            model=model,
            values=tuple(values),
            relations=tuple(relations),
            description=own_doc(cls),
            user_key=self._user_key(cls, model),
            optimistic=bool(getattr(cls.Meta, "optimistic", False)),
            optimistic_timeout_seconds=float(getattr(cls.Meta, "optimistic_timeout", 3.0)),
        )

    def _value(
        self, name: str, field: Any, cls: type[Any], model: type[models.Model], owner: EnumOwner
    ) -> ValueField:
        value = compile_value(name, field, model, owner)
        if name == "id" and not is_primary_key(field, model):
            self._report(
                "E006",
                cls,
                f"{dotted(cls)}.id",
                f"has the source {field.source}, which is not the primary key",
                "give the field another name; id is the primary key of the instance",
            )
        return value

    def _relation(
        self,
        name: str,
        field: Any,
        nested: Serializer,
        model: type[models.Model],
        above: tuple[type[Any], ...],
    ) -> Relation | None:
        target_cls = type(nested)
        if target_cls.__qualname__.endswith(".<locals>.NestedSerializer"):  # Meta.depth
            self._report(
                "E017",
                above[-1],
                f"{dotted(above[-1])}.Meta.depth",
                f"nests {name} in a serializer without a name of its own",
                "write the nested serializer as a class",
            )
            return None
        target = self.visit(nested, above)
        if target is None:
            return None
        try:
            return compile_relation(
                name,
                field.source,
                model,
                target,
                target_cls.Meta.model,
                many=nested is not field,
                is_private=getattr(target_cls.Meta, "user_key", None) is not None,
                description=str(field.help_text) if field.help_text else None,
            )
        except NotARelation as error:
            found, hint = error.args
            self._report("E007", above[-1], f"{dotted(above[-1])}.{name}", found, hint)
            return None

    def _check_names(self, cls: type[Any], fields: list[ValueField | Relation]) -> None:
        taken: dict[str, str] = {"id": "id"}
        for field in fields:
            subject = f"{dotted(cls)}.{field.name}"
            if not naming.is_valid_name(field.graphql_name) or keyword.iskeyword(field.name):
                self._report(
                    "E014",
                    cls,
                    subject,
                    f"makes the field {field.graphql_name!r}, which GraphQL or Python reserves",
                    'give it another name and set source="..."',
                )
            other = taken.setdefault(field.graphql_name, field.name)
            if other != field.name:
                self._report(
                    "E013",
                    cls,
                    subject,
                    f"becomes {field.graphql_name} in GraphQL, as {other} does",
                    'give one of them another name and set source="..."',
                )

    def _user_key(self, cls: type[Any], model: type[models.Model]) -> str | None:
        name = getattr(cls.Meta, "user_key", None)
        if name is None:
            return None
        try:
            field = model._meta.get_field(name)
        except FieldDoesNotExist:
            field = None
        if not isinstance(field, models.Field) or field.many_to_many:
            self._report(
                "E009",
                cls,
                f"{dotted(cls)}.Meta.user_key",
                f"is {name!r}, which is no column of {model._meta.label}",
                "name the model field that holds the owner",
            )
            return None
        return field.attname

    def _report(self, code: str, cls: type[Any], subject: str, found: str, hint: str) -> None:
        problem = Problem(code, subject, found, hint, cls)
        if problem not in self.problems:
            self.problems.append(problem)


def is_primary_key(field: Any, model: type[models.Model]) -> bool:
    """True when the serializer's *field* stands on the primary key of *model*."""
    if field.source == "pk":
        return True
    try:
        return bool(model._meta.get_field(field.source).primary_key)  # type: ignore[union-attr]
    except FieldDoesNotExist:
        return False


def own_doc(cls: type[Any]) -> str | None:
    """Return the docstring that *cls* itself has, without indentation, or None."""
    doc = vars(cls).get("__doc__")
    return inspect.cleandoc(doc) if doc else None
