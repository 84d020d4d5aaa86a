"""Constants that the server fills in, as clients will see them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from rxgraph.compile.channel import compile_channel
from rxgraph.operations import CREATE, SAVE
from tests.torture.channels import AlbumChannel

COMPILED = compile_channel(AlbumChannel)


def defaults(operation):
    spec = COMPILED.write_spec("Album", operation)
    assert spec is not None
    return {item.name: item.defaults for item in spec.inputs}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("copies", (0,)),
        ("in_stock", (True,)),
        ("format", ("VINYL",)),  # by the name of the member
        ("plays", ("0",)),  # BigInt is text
        ("price", ("0.00",)),  # Decimal is text
        ("title", ()),  # none
        ("released", ()),  # null
        ("barcode", ()),  # computed
        ("extra", ()),  # computed
    ],
)
def test_a_default_is_told_as_the_layer_shows_it(name, expected):
    assert defaults(CREATE)[name] == expected


def test_a_save_fills_nothing_in():
    assert not any(defaults(SAVE).values())


def test_what_a_field_cannot_show_is_left_out():
    from rest_framework import serializers

    from rxgraph.compile.defaults import constant_default
    from tests.torture.models import Album

    odd: Any = "soon"
    field = serializers.DateField(default=odd)
    field.bind("released", serializers.Serializer())
    assert constant_default(field, Album, str) == ("soon",)
    broken = serializers.IntegerField(default=odd)
    broken.bind("copies", serializers.Serializer())
    assert constant_default(broken, Album, int) == ()
    plain = serializers.DecimalField(5, 2, default=Decimal("1.5"), coerce_to_string=False)
    plain.bind("price", serializers.Serializer())
    assert constant_default(plain, Album, Decimal) == ()
