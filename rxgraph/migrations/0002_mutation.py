from __future__ import annotations

import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("rxgraph", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Mutation",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "user",
                    models.CharField(help_text="Primary key of the user as text.", max_length=255),
                ),
                ("client_mutation_id", models.CharField(max_length=200)),
                (
                    "fingerprint",
                    models.CharField(help_text="SHA-256 of what was asked for.", max_length=64),
                ),
                ("outcome", models.TextField(help_text="JSON: what was written.")),
                (
                    "created_at",
                    models.DateTimeField(db_index=True, default=django.utils.timezone.now),
                ),
            ],
            options={
                "db_table": "rxgraph_mutation",
                "default_permissions": (),
                "constraints": [
                    models.UniqueConstraint(
                        fields=("user", "client_mutation_id"), name="rxgraph_mutation_once"
                    )
                ],
            },
        ),
    ]
