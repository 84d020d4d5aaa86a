from __future__ import annotations

import django.utils.timezone
from django.db import migrations, models

import rxgraph.models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Intent",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=rxgraph.models.new_intent_id,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "rows",
                    models.TextField(help_text='JSON: [["app.model", "primary key"], ...].'),
                ),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={"db_table": "rxgraph_intent", "default_permissions": ()},
        ),
    ]
