"""The table as the old package made it. Where it is there already: `migrate nginx_memcache --fake-initial`."""

from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True
    dependencies = []
    operations = [
        migrations.CreateModel(
            name="CachedPageRecord",
            fields=[
                ("base_cache_key", models.CharField(max_length=32, primary_key=True, serialize=False)),
                ("parent_identifier", models.CharField(max_length=255, db_index=True)),
                ("supplementary_identifier", models.CharField(max_length=45, null=True, blank=True)),
            ],
            options={
                "verbose_name": "cached page",
                "unique_together": {("parent_identifier", "base_cache_key", "supplementary_identifier")},
            },
        ),
    ]
