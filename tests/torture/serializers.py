"""Every kind of serializer field, nested as deep as the models go."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, ClassVar

from rest_framework import serializers

from tests.torture.models import (
    Album,
    Artist,
    Contract,
    Country,
    Cover,
    Credit,
    Genre,
    Memo,
    Review,
    Sticker,
    Studio,
    Track,
)


class CountrySerializer(serializers.ModelSerializer[Country]):
    """Its key is called code."""

    class Meta:
        model = Country
        fields = ["code", "name"]


class StudioSerializer(serializers.ModelSerializer[Studio]):
    """Does not show its key at all."""

    country = CountrySerializer(read_only=True)

    class Meta:
        model = Studio
        fields = ["name", "country"]


class StickerSerializer(serializers.ModelSerializer[Sticker]):
    class Meta:
        model = Sticker
        fields = ["id", "colour"]


class GenreSerializer(serializers.ModelSerializer[Genre]):
    """Everything, by ``__all__``, and one relation by ``to_field``."""

    stickers = StickerSerializer(many=True, read_only=True)

    class Meta:
        model = Genre
        fields = "__all__"


class CoverSerializer(serializers.ModelSerializer[Cover]):
    class Meta:
        model = Cover
        fields = ["id", "picture", "width"]


class ContractSerializer(serializers.ModelSerializer[Contract]):
    class Meta:
        model = Contract
        fields = ["album", "text"]


class TrackSerializer(serializers.ModelSerializer[Track]):
    genres = GenreSerializer(many=True, read_only=True)
    album_title = serializers.CharField(source="album.title", read_only=True)

    class Meta:
        model = Track
        fields = ["id", "title", "position", "seconds", "genres", "album_title"]


class ReviewSerializer(serializers.ModelSerializer[Review]):
    """Renders itself in its own way."""

    country = CountrySerializer(read_only=True)

    class Meta:
        model = Review
        fields = ["id", "body", "country"]

    def to_representation(self, instance: Review) -> dict[str, Any]:
        data = super().to_representation(instance)
        data["body"] = data["body"].strip()
        return data


class ArtistSerializer(serializers.ModelSerializer[Artist]):
    class Meta:
        model = Artist
        fields = ["id", "name"]


class CreditSerializer(serializers.ModelSerializer[Credit]):
    artist = ArtistSerializer(read_only=True)

    class Meta:
        model = Credit
        fields = ["id", "role", "artist"]


class MemoSerializer(serializers.ModelSerializer[Memo]):
    """Goes to its owner only."""

    class Meta:
        model = Memo
        fields = ["id", "body"]
        user_key = "owner"
        optimistic = True
        optimistic_timeout = 5


class AlbumLinkSerializer(serializers.ModelSerializer[Album]):
    """An album that does not lead any further."""

    class Meta:
        model = Album
        fields = ["id", "title"]


class PartSerializer(serializers.Serializer[Any]):
    """Not of a model: a value with parts."""

    title = serializers.CharField()


class AlbumSerializer(serializers.ModelSerializer[Album]):
    """A record with everything on it."""

    studio = StudioSerializer(read_only=True)
    cover = CoverSerializer(read_only=True)
    contract = ContractSerializer(read_only=True)
    tracks = TrackSerializer(many=True, read_only=True)
    opinions = ReviewSerializer(many=True, source="review_set", read_only=True)
    genres = GenreSerializer(many=True, read_only=True)
    artists = ArtistSerializer(many=True, read_only=True)
    credits = CreditSerializer(many=True, read_only=True)
    memos = MemoSerializer(many=True, read_only=True)
    sequel_of = AlbumLinkSerializer(read_only=True)
    long_tracks = TrackSerializer(many=True, read_only=True)

    owner_id = serializers.ReadOnlyField()
    owner_name = serializers.CharField(source="owner.username", read_only=True)
    owner_text: Any = serializers.StringRelatedField(source="owner")
    genre_ids: Any = serializers.PrimaryKeyRelatedField(source="genres", many=True, read_only=True)
    genre_names: Any = serializers.SlugRelatedField(
        "name", source="genres", many=True, read_only=True
    )
    sequel_ids: Any = serializers.PrimaryKeyRelatedField(
        source="sequels", many=True, read_only=True
    )
    contract_id: Any = serializers.PrimaryKeyRelatedField(source="contract", read_only=True)
    moods = serializers.MultipleChoiceField(
        choices=["calm", "loud"], source="extra.moods", read_only=True
    )
    words = serializers.ListField(
        child=serializers.CharField(), source="extra.words", read_only=True
    )
    anything = serializers.ListField(source="extra.anything", read_only=True)
    labels = serializers.DictField(source="extra.labels", read_only=True)
    part = PartSerializer(source="*", read_only=True)
    year = serializers.DateField(format="%Y", source="released", read_only=True)
    discount = serializers.DecimalField(5, 2, source="price", coerce_to_string=False)
    shout = serializers.ReadOnlyField()
    untyped = serializers.ReadOnlyField()
    secret = serializers.CharField(write_only=True)
    now = serializers.HiddenField(default=0)
    half = serializers.SerializerMethodField()
    tags = serializers.SerializerMethodField(method_name="list_tags")
    mystery = serializers.SerializerMethodField()

    class Meta:
        model = Album
        fields: ClassVar = [
            "id",
            "title",
            "format",
            "condition",
            "rating",
            "in_stock",
            "is_live",
            "copies",
            "copies_twice",
            "plays",
            "streams",
            "score",
            "price",
            "released",
            "alarm",
            "bought_at",
            "length",
            "barcode",
            "extra",
            "address",
            "sleeve",
            "owner",
            "studio",
            "cover",
            "contract",
            "tracks",
            "opinions",
            "genres",
            "artists",
            "credits",
            "memos",
            "sequel_of",
            "long_tracks",
            "owner_id",
            "owner_name",
            "owner_text",
            "genre_ids",
            "genre_names",
            "sequel_ids",
            "contract_id",
            "moods",
            "words",
            "anything",
            "labels",
            "part",
            "year",
            "discount",
            "shout",
            "untyped",
            "secret",
            "now",
            "half",
            "tags",
            "mystery",
        ]

    def get_half(self, album: Album) -> Decimal | None:
        """Half the price, once it has one."""
        return album.price / 2 if album.price else None

    def list_tags(self, album: Album) -> list[str]:
        return [album.title]

    def get_mystery(self, album):
        return None
