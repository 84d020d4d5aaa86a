"""How deep and wide documents are, and what is refused."""

from __future__ import annotations

import pytest
from graphql import parse
from hypothesis import given
from hypothesis import strategies as st

from rxgraph.errors import BadRequest, TooLarge
from rxgraph.serve.limits.measures import (
    Measures,
    is_longer,
    measure,
    require_simple,
    require_small,
)
from rxgraph.settings import RxGraphSettings


def test_depth_is_of_fields_and_aliases_are_counted_where_fragments_are_used() -> None:
    text = """
        query { a { ...F b { c } } x: a { ...F } }
        fragment F on T { y: d { e { f } } ... on T { z: g } }
    """
    assert measure(parse(text)) == Measures(depth=4, aliases=5)


def test_a_fragment_that_uses_itself_ends() -> None:
    assert measure(parse("{ ...F } fragment F on T { a { ...F } }")) == Measures(1, 0)
    assert measure(parse("{ ...Nobody }")) == Measures(0, 0)


def test_doubling_fragments_are_measured_at_once() -> None:
    """Written out this document has 2**200 fields: that would never end."""
    links = "".join(
        f"fragment F{n} on T {{ a: x {{ ...F{n + 1} }} b: x {{ ...F{n + 1} }} }}"
        for n in range(200)
    )
    found = measure(parse(f"{{ ...F0 }} {links} fragment F200 on T {{ id }}"))
    assert found == Measures(depth=201, aliases=2**201 - 2)


def test_a_chain_of_fragments_beyond_the_stack_is_refused() -> None:
    chain = "".join(f"fragment F{n} on T {{ ...F{n + 1} }}" for n in range(2000))
    with pytest.raises(BadRequest, match="nested too deeply"):
        measure(parse(f"{{ ...F0 }} {chain} fragment F2000 on T {{ id }}"))


def test_introspection_is_one_level() -> None:
    assert measure(parse("{ __schema { types { fields { type { name } } } } }")).depth == 1


@given(st.integers(1, 12), st.integers(0, 12))
def test_limits_are_exact(depth: int, aliases: int) -> None:
    text = (
        "{ a " * (depth - 1) + "{ b " + "".join(f"x{n}: b " for n in range(aliases)) + "}" * depth
    )
    exact = RxGraphSettings(operation_depth=depth, operation_aliases=aliases)
    require_simple(parse(text), exact)
    with pytest.raises(TooLarge, match=f"Levels of the document: {depth} found, {depth - 1} all"):
        require_simple(parse(text), RxGraphSettings(operation_depth=depth - 1))
    if aliases:
        with pytest.raises(TooLarge) as caught:
            require_simple(parse(text), RxGraphSettings(operation_aliases=aliases - 1))
        assert caught.value.details == {"found": aliases, "allowed": aliases - 1}
        assert caught.value.status == 413


@given(st.text(max_size=40), st.integers(0, 170))
def test_bytes_are_those_of_utf8(text: str, most: int) -> None:
    assert is_longer(text, most) == (len(text.encode("utf-8", "surrogatepass")) > most)


def test_long_documents_are_refused_and_none_is_no_limit() -> None:
    with pytest.raises(TooLarge, match="Bytes of the document: 11 found, 10 allowed"):
        require_small("x" * 11, RxGraphSettings(document_bytes=10))
    require_small("x" * 10_000_000, RxGraphSettings(document_bytes=None))
    require_simple(parse("{ a { b } }"), RxGraphSettings(operation_depth=None))
