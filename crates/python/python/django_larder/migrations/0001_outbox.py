"""The outbox of purges, and what Django has to know of Larder's own table, which it does not make."""


import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="PublishedPage",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key", models.BinaryField()),
                ("scheme", models.TextField()),
                ("host", models.TextField()),
                ("target", models.BinaryField()),
                ("rule", models.TextField()),
                ("version", models.TextField()),
                ("content_type", models.TextField()),
                ("stored_at", models.BigIntegerField()),
                ("expires_at", models.BigIntegerField()),
                ("revision", models.BigIntegerField()),
            ],
            options={
                "verbose_name": "published page",
                "db_table": "page",
                "managed": False,
            },
        ),
        migrations.CreateModel(
            name="OutboxEntry",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("order", models.JSONField(editable=False)),
                (
                    "state",
                    models.CharField(
                        choices=[("waiting", "waiting"), ("refused", "refused")],
                        default="waiting",
                        editable=False,
                        max_length=8,
                    ),
                ),
                ("created", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("attempts", models.PositiveIntegerField(default=0, editable=False)),
                ("next_attempt", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("last_error", models.TextField(blank=True, default="", editable=False)),
                ("claim", models.CharField(blank=True, default="", editable=False, max_length=32)),
            ],
            options={
                "verbose_name": "purge in the outbox",
                "verbose_name_plural": "outbox of purges",
                "ordering": ["id"],
                "indexes": [models.Index(fields=["state", "next_attempt"], name="larder_outbox_due")],
            },
        ),
    ]
