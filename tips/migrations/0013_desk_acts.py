import django.core.validators
import django.db.models.deletion
import tips.models.times
import uuid
from django.conf import settings
from django.db import migrations, models


CONCERNING_LIFE = ("violence", "trafficking", "school", "person", "home-abuse")


def mark_categories(apps, schema_editor):
    """Mark the categories of the list that a portal starts with (tips/taxonomy.json)."""
    apps.get_model("tips", "Category").objects.filter(slug__in=CONCERNING_LIFE).update(concerns_life=True)


class Migration(migrations.Migration):

    dependencies = [
        ('tips', '0012_duty_calendar'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name='category',
            name='concerns_life',
            field=models.BooleanField(db_default=False, default=False, help_text='Closing such a tip without action needs a reason and a second person.', verbose_name='about life or a school'),
        ),
        migrations.AlterField(
            model_name='tip',
            name='priority',
            field=models.PositiveSmallIntegerField(choices=[(1, 'Urgent'), (2, 'Normal'), (3, 'Low')], default=2, verbose_name='priority'),
        ),
        migrations.CreateModel(
            name='ClosingRecord',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('position', models.PositiveIntegerField(validators=[django.core.validators.MinValueValidator(1)])),
                ('body', models.BinaryField()),
                ('written_at', models.DateTimeField(default=tips.models.times.current_hour, editable=False, verbose_name='written')),
                ('officer', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('tip', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='closing_records', to='tips.tip')),
            ],
            options={
                'ordering': ['position'],
                'abstract': False,
                'default_permissions': (),
                'constraints': [models.UniqueConstraint(fields=('tip', 'position'), name='closing_record_position_once')],
            },
        ),
        migrations.CreateModel(
            name='DeskState',
            fields=[
                ('tip', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='desk_state', serialize=False, to='tips.tip')),
                ('snoozed_after', models.PositiveIntegerField(help_text='empty: not snoozed', null=True)),
                ('snoozed_until', models.DateTimeField(help_text='empty while snoozed: until the source writes', null=True)),
                ('spam_since', models.DateField(help_text='empty: not spam; erased 30 days later', null=True)),
                ('dispatch_told_after', models.PositiveIntegerField(help_text='empty: dispatch was not told', null=True)),
                ('muted_until', models.DateField(help_text='the last day on which messages of the source alert nobody', null=True)),
                ('dispatch_told_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'default_permissions': (),
                'indexes': [models.Index(condition=models.Q(('spam_since__isnull', False)), fields=['spam_since'], name='desk_state_spam'), models.Index(condition=models.Q(('snoozed_after__isnull', False)), fields=['snoozed_until'], name='desk_state_snoozed')],
            },
        ),
        migrations.CreateModel(
            name='PendingAct',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('kind', models.CharField(choices=[('answer', 'answer'), ('close', 'closing'), ('refer', 'referral'), ('move', 'change of category that moves the tip'), ('category', 'change of category'), ('assign', 'assignment'), ('priority', 'change of priority'), ('snooze', 'snooze'), ('spam', 'spam'), ('link', 'link'), ('dispatch', 'call to dispatch'), ('mute', 'mute')], max_length=8)),
                ('position', models.PositiveIntegerField(help_text="order of a tip's acts")),
                ('batch', models.UUIDField(help_text='acts on a selection of tips share it, and are undone together', null=True)),
                ('form_hash', models.BinaryField(help_text='one form is one act', max_length=32, unique=True)),
                ('body', models.BinaryField(help_text="what goes out, sealed under the key of the tip's notes", null=True)),
                ('before', models.JSONField(default=dict)),
                ('after', models.JSONField(default=dict)),
                ('due_at', models.DateTimeField(null=True)),
                ('is_stuck', models.BooleanField(default=False, help_text='it could not go out when it was due, and is tried again')),
                ('officer', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('second_person', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('tip', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='pending_acts', to='tips.tip')),
            ],
            options={
                'ordering': ['tip', 'position'],
                'default_permissions': (),
                'indexes': [models.Index(condition=models.Q(('due_at__isnull', False)), fields=['due_at'], name='pending_act_due'), models.Index(fields=['officer'], name='pending_act_of')],
                'constraints': [models.UniqueConstraint(fields=('tip', 'position'), name='pending_act_position_once')],
            },
        ),
        migrations.RunPython(mark_categories, migrations.RunPython.noop, elidable=True),
    ]
