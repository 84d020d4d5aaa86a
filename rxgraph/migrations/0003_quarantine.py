from __future__ import annotations

import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("rxgraph", "0002_mutation"),
    ]

    operations = [
        migrations.AlterField(
            model_name="intent",
            name="rows",
            field=models.TextField(
                help_text='JSON, keys by model: {"app.model": [7, [10, 99], "text"]}.'
            ),
        ),
        migrations.CreateModel(
            name="Quarantined",
            fields=[
                ("id", models.UUIDField(editable=False, primary_key=True, serialize=False)),
                ("rows", models.TextField(help_text="As the intent had it.")),
                ("problem", models.TextField(help_text="Why it could not be done.")),
                (
                    "created_at",
                    models.DateTimeField(help_text="When the intent was written."),
                ),
                (
                    "quarantined_at",
                    models.DateTimeField(db_index=True, default=django.utils.timezone.now),
                ),
            ],
            options={"db_table": "rxgraph_quarantine", "default_permissions": ()},
        ),
    ]
