import uuid

import django.db.models.deletion
from django.db import migrations, models

import rxgraph.fields


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Place",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=40)),
                ("_rx_tests_sync_marked_declared_placechannel", rxgraph.fields.AnchorMark()),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="Shop",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=40)),
                ("changed_at", models.DateTimeField(auto_now=True)),
                ("_rx_tests_sync_marked_declared_shopchannel", rxgraph.fields.AnchorMark()),
                ("_rx_tests_sync_marked_declared_shoplistchannel", rxgraph.fields.AnchorMark()),
                ("_rx_tests_sync_marked_declared_shopnamechannel", rxgraph.fields.AnchorMark()),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="Ticket",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, primary_key=True, serialize=False)),
                ("title", models.CharField(max_length=40)),
                ("_rx_tests_sync_marked_declared_ticketchannel", rxgraph.fields.AnchorMark()),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="Cafe",
            fields=[
                (
                    "place_ptr",
                    models.OneToOneField(
                        auto_created=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        parent_link=True,
                        primary_key=True,
                        serialize=False,
                        to="marked.place",
                    ),
                ),
                ("seats", models.IntegerField(default=2)),
                ("_rx_tests_sync_marked_declared_cafechannel", rxgraph.fields.AnchorMark()),
            ],
            options={
                "abstract": False,
            },
            bases=("marked.place",),
        ),
        migrations.CreateModel(
            name="Crate",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=40)),
                ("_rx_tests_sync_marked_declared_cratechannel", rxgraph.fields.AnchorMark()),
                (
                    "outer",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="inner",
                        to="marked.crate",
                    ),
                ),
            ],
            options={
                "ordering": ("pk",),
            },
        ),
        migrations.CreateModel(
            name="Item",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=40)),
                (
                    "shop",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="items",
                        to="marked.shop",
                    ),
                ),
            ],
            options={
                "ordering": ("pk",),
            },
        ),
        migrations.CreateModel(
            name="OpenShop",
            fields=[],
            options={
                "proxy": True,
                "indexes": [],
                "constraints": [],
            },
            bases=("marked.shop",),
        ),
    ]
