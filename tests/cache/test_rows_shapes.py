"""Managers of the project, inheritance, columns that refer to no primary key, and query counts."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rxgraph.cache.rows.keys import among
from rxgraph.cache.steps import Row
from rxgraph.compile.tree import compile_state
from rxgraph.types import Document, InstanceKey, RowKey
from tests.cache.rows_help import Reader, documents, nested, rendered
from tests.cache.shapes.models import Bird, Branch, Leaf, Perch, Tree
from tests.cache.shapes.serializers import TreeSerializer
from tests.cache.test_rows import ALBUMS, full_album

pytestmark = pytest.mark.django_db(databases="__all__")

TREES = compile_state(TreeSerializer())
BRANCHES: Any = Branch._base_manager


@pytest.fixture
def reader() -> Reader:
    return Reader(TREES)


def oak(**values: Any) -> Tree:
    """A tree with a main branch, hidden so that it has but one face."""
    number = Tree._default_manager.count()
    found: Tree = Tree._default_manager.create(**{"name": "Oak", "code": f"oak-{number}", **values})
    BRANCHES.create(main_of=found, name="main", archived=True)
    return found


def ids(row: Row | Document, name: str) -> list[str]:
    found = row.data[name]
    assert isinstance(found, list)
    return found


def test_lists_have_the_order_and_the_filter_of_the_default_manager(reader: Reader) -> None:
    tree = oak()
    low, high = (BRANCHES.create(tree=tree, name=f"{rank}", rank=rank) for rank in (1, 5))
    BRANCHES.create(tree=tree, name="hidden", rank=9, archived=True)
    expected = [str(high.pk), str(low.pk)]
    assert ids(reader.tree(tree.pk)[0], "branches") == expected
    assert ids(reader.row("Tree", tree.pk), "branches") == expected


def test_a_one_to_one_leads_to_rows_that_the_default_manager_hides(reader: Reader) -> None:
    tree = oak()
    rows = reader.tree(tree.pk)
    assert rows[0].data["main_branch"]
    alone = documents(reader.rows(*(row.key for row in rows)).values())
    assert rows == list(alone.values())


def test_a_hidden_row_does_not_name_the_parent_whose_list_leaves_it_out(reader: Reader) -> None:
    tree = oak()
    branch = BRANCHES.create(tree=tree, name="low")
    assert reader.row("Branch", branch.pk).parents == (InstanceKey("Tree", str(tree.pk)),)
    BRANCHES.filter(pk=branch.pk).update(archived=True)
    assert reader.row("Branch", branch.pk).parents == ()


def test_columns_of_the_default_manager_are_rendered(reader: Reader) -> None:
    tree = oak()
    branch = BRANCHES.create(tree=tree, name="low")
    assert reader.row("Branch", branch.pk).data["note"] == "seen"
    main = BRANCHES.get(main_of=tree)
    assert reader.row("Branch", main.pk).data["note"] == "none"


def test_equal_places_in_a_list_go_by_primary_key(reader: Reader) -> None:
    tree = oak()
    branches = [BRANCHES.create(tree=tree, name="same", rank=3) for _ in range(5)]
    assert ids(reader.row("Tree", tree.pk), "branches") == [str(b.pk) for b in branches]


def test_rows_are_found_by_the_key_of_the_inherited_model(reader: Reader) -> None:
    tree = oak()
    assert reader.existing(InstanceKey("Tree", str(tree.pk)))
    assert reader.dependents(RowKey("shapes.place", str(tree.pk))) == frozenset()


branches = st.lists(
    st.fixed_dictionaries(
        {
            "rank": st.integers(0, 2),
            "archived": st.booleans(),
            "birds": st.lists(st.integers(0, 2), max_size=3),
            "leaves": st.lists(
                st.tuples(
                    st.floats(0, 3), st.none() | st.integers(0, 5), st.none() | st.integers(0, 2)
                ),
                max_size=3,
            ),
        }
    ),
    max_size=6,
)


@given(spec=branches)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_random_trees_are_what_drf_renders(spec: Any) -> None:
    tree = oak()
    birds = [Bird._default_manager.get_or_create(ring=f"r{n}")[0] for n in range(3)]
    made = [
        BRANCHES.create(tree=tree, name=f"b{n}", rank=s["rank"], archived=s["archived"])
        for n, s in enumerate(spec)
    ]
    for branch, s in zip(made, spec, strict=True):
        for bird in s["birds"]:
            Perch._default_manager.create(branch=branch, bird=birds[bird])
        for size, shade, visitor in s["leaves"]:
            Leaf._default_manager.create(
                branch=branch,
                size=size,
                shade=made[shade % len(made)] if shade is not None else None,
                visitor=birds[visitor] if visitor is not None else None,
            )
    reader = Reader(TREES)
    rows = reader.tree(tree.pk)
    assert nested(TREES, rows) == rendered(TREES, Tree._default_manager.get(pk=tree.pk))
    alone = documents(reader.rows(*(row.key for row in rows)).values())
    assert alone == {row.key: row for row in rows}


# -- the number of queries


def count(reader: Reader, read: Any) -> int:
    """Return how many queries *read* makes; the snapshot's own are not of interest here."""
    with reader.snapshot(), CaptureQueriesContext(connection) as captured:
        read()
    return len(captured)


def test_a_tree_takes_one_query_per_layer_and_one_per_table_between() -> None:
    reader = Reader(ALBUMS)
    found = full_album()
    queries = count(reader, lambda: reader.tree(found.pk))
    prefetched = 2  # plain lists: genres and sequels
    between = 3  # genres of albums and of tracks, artists
    computed = 1  # long_tracks
    to_field = 1  # stickers name their genre by name
    assert queries <= len(ALBUMS.layers) + prefetched + between + computed + to_field


def test_the_number_of_queries_does_not_grow_with_the_rows() -> None:
    reader = Reader(TREES)
    tree = oak()
    bird = Bird._default_manager.create(ring="x")

    def grow(number: int) -> None:
        for _ in range(number):
            branch = BRANCHES.create(tree=tree, name="b")
            Leaf._default_manager.create(branch=branch, shade=branch, visitor=bird)
            Perch._default_manager.create(branch=branch, bird=bird)

    grow(2)
    few = count(reader, lambda: reader.tree(tree.pk))
    grow(250)
    assert count(reader, lambda: reader.tree(tree.pk)) == few
    rows = reader.tree(tree.pk)
    assert nested(TREES, rows) == rendered(TREES, tree)


def test_rows_of_one_layer_take_one_query_and_one_for_each_list() -> None:
    reader = Reader(ALBUMS)
    full_album()
    keys = [row.key for row in reader.tree(full_album_again().pk) if row.key.typename == "Credit"]
    assert count(reader, lambda: reader.rows(*keys)) == 1


def full_album_again() -> Any:
    from tests.torture.models import Album

    return Album._default_manager.get(title="Blue", owner__isnull=False)


def test_any_number_of_values_is_one_parameter(reader: Reader) -> None:
    tree = oak()
    made = Branch._default_manager.bulk_create(Branch(tree=tree, name=f"{n}") for n in range(3000))
    rows = reader.rows(*(InstanceKey("Branch", str(branch.pk)) for branch in made))
    assert len(rows) == 3000
    assert among(Branch._meta.pk, range(3000), "default")
