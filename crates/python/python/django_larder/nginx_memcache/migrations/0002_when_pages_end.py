"""Rows can leave when their pages have ended. Both columns may be empty, so the old package can still write."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("nginx_memcache", "0001_initial")]
    operations = [
        migrations.AddField(
            model_name="cachedpagerecord",
            name="fill",
            field=models.CharField(max_length=32, null=True, blank=True, editable=False, db_index=True),
        ),
        migrations.AddField(
            model_name="cachedpagerecord",
            name="expires",
            field=models.DateTimeField(null=True, blank=True, editable=False, db_index=True),
        ),
    ]
