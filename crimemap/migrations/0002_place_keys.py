from django.db import migrations

from crimemap.street_names import normalize_name


def normalize_keys(apps, schema_editor):
    """Write the keys of names with letters beyond ASCII as search now folds them; all other keys are the same as before."""
    for model, field in (("Area", "name"), ("Block", "street")):
        rows = apps.get_model("crimemap", model).objects
        for pk, name, key in rows.values_list("pk", field, "key").iterator():
            if normalize_name(name) != key:
                rows.filter(pk=pk).update(key=normalize_name(name))


class Migration(migrations.Migration):
    dependencies = [("crimemap", "0001_initial")]

    operations = [migrations.RunPython(normalize_keys, migrations.RunPython.noop)]
