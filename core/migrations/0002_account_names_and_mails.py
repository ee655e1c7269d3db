import core.models
import django.db.models.deletion
import django.db.models.functions.text
import django.utils.timezone
import uuid
from django.conf import settings
from django.db import migrations, models


def refuse_equal_names(apps, schema_editor):
    """Stop, and name the accounts, if two names differ by case alone: nobody but the agency can say which to rename."""
    names = {}
    for name in apps.get_model("core", "Account").objects.order_by("username").values_list("username", flat=True):
        names.setdefault(name.lower(), []).append(name)
    if equal := [", ".join(group) for group in names.values() if len(group) > 1]:
        raise RuntimeError(f"These usernames differ by capital letters alone. Rename all but one: {'; '.join(equal)}")


class Migration(migrations.Migration):

    dependencies = [
        ('auth', '0012_alter_user_first_name_max_length'),
        ('core', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='AccountMail',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('state', models.CharField(default='waiting', max_length=8)),
                ('attempts', models.PositiveSmallIntegerField(default=0)),
                ('next_attempt_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('leased_until', models.DateTimeField(editable=False, help_text="by the database's clock, while a worker sends this mail", null=True)),
                ('subject', models.CharField(max_length=200)),
                ('text', models.TextField()),
            ],
            options={
                'default_permissions': (),
            },
        ),
        migrations.AlterModelManagers(
            name='account',
            managers=[
                ('objects', core.models.AccountManager()),
            ],
        ),
        migrations.RunPython(refuse_equal_names, migrations.RunPython.noop),
        migrations.AddConstraint(
            model_name='account',
            constraint=models.UniqueConstraint(django.db.models.functions.text.Lower('username'), name='account_name_once', violation_error_message='Another account has this name. Capital letters make no difference.'),
        ),
        migrations.AddField(
            model_name='accountmail',
            name='account',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
    ]
