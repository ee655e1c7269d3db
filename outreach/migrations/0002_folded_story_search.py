from typing import Any

from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVector, SearchVectorField
from django.db import migrations, models

from outreach.models.stories import build_search_vector


def index_stories(apps: Any, _schema_editor: Any) -> None:
    stories = apps.get_model("outreach", "PublishedStory").objects
    for pk, title, summary, body in list(stories.values_list("pk", "title", "summary", "body")):
        stories.filter(pk=pk).update(search=build_search_vector(title, summary, body))


class Migration(migrations.Migration):
    dependencies = [("outreach", "0001_initial")]

    operations = [
        migrations.RemoveIndex("publishedstory", "published_search"),
        migrations.RemoveField("publishedstory", "search"),
        migrations.AddField("publishedstory", "search", SearchVectorField(editable=False, null=True)),
        migrations.RunPython(index_stories, migrations.RunPython.noop),
        migrations.AddIndex("publishedstory", GinIndex(fields=["search"], name="published_search")),
    ]
