import django.core.validators
import django.db.models.deletion
import django.utils.timezone
import tips.models
import uuid
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('core', '0001_initial'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        # The number officers call a tip by; gaps are harmless.
        migrations.RunSQL('CREATE SEQUENCE tips_tip_number', 'DROP SEQUENCE tips_tip_number'),
        migrations.CreateModel(
            name='AgencyKey',
            fields=[
                ('id', models.CharField(max_length=16, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
            ],
        ),
        migrations.CreateModel(
            name='Category',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('slug', models.SlugField(help_text='Never changes once tips use it.', max_length=40, unique=True, verbose_name='short name')),
                ('name', models.CharField(max_length=60, unique=True, verbose_name='name')),
                ('hint', models.CharField(blank=True, help_text='A few examples, shown below the name.', max_length=80, verbose_name='hint')),
                ('icon', models.SlugField(default='dots', help_text='Name of a symbol in icons.svg.', max_length=40, verbose_name='icon')),
                ('order', models.PositiveSmallIntegerField(default=100, verbose_name='order')),
                ('active', models.BooleanField(default=True, verbose_name='offered on the form')),
            ],
            options={
                'verbose_name': 'category',
                'verbose_name_plural': 'categories',
                'ordering': ['order', 'name'],
            },
        ),
        migrations.CreateModel(
            name='Tip',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('number', models.BigIntegerField(db_default=models.Func(models.Value('tips_tip_number'), function='nextval'), editable=False, unique=True, verbose_name='number')),
                ('state', models.CharField(choices=[('new', 'New'), ('open', 'Open'), ('waiting', 'Waiting for the source'), ('closed', 'Closed')], default='new', max_length=10, verbose_name='status')),
                ('disposition', models.CharField(blank=True, choices=[('arrest', 'Arrest or charges'), ('recovered', 'Weapon, drugs or property recovered'), ('resolved', 'Problem resolved without arrest'), ('useful', 'Useful information, passed on'), ('referred', 'Referred to another agency'), ('duplicate', 'Already known'), ('unfounded', 'Checked, nothing found'), ('no_action', 'Not enough to act on')], max_length=12, verbose_name='disposition')),
                ('priority', models.PositiveSmallIntegerField(choices=[(1, 'Urgent'), (2, 'Normal')], default=2, verbose_name='priority')),
                ('received_at', models.DateTimeField(default=tips.models.rounded_now, editable=False, verbose_name='received')),
                ('opened_after', models.DurationField(editable=False, help_text="From arrival to an officer's eyes.", null=True, verbose_name='opened after')),
                ('closed_at', models.DateTimeField(editable=False, null=True, verbose_name='closed')),
                ('legal_hold', models.BooleanField(default=False, help_text='The source can no longer erase this tip.', verbose_name='legal hold')),
                ('key_for_agency', models.BinaryField(help_text='K sealed to the agency')),
                ('key_for_source', models.BinaryField(help_text='K sealed to the source; empty once they deleted the tip under legal hold', null=True)),
                ('token_hash', models.BinaryField(help_text="SHA-256 of the receipt's look-up token", max_length=32, null=True, unique=True)),
                ('form_hash', models.BinaryField(help_text="SHA-256 of the form's one-time id: one form is one tip", max_length=32, unique=True)),
                ('report', models.BinaryField(help_text='what the source sent first, sealed under K')),
                ('agency_key', models.ForeignKey(editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='tips', to='tips.agencykey')),
                ('assigned_to', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='assigned_tips', to=settings.AUTH_USER_MODEL, verbose_name='assigned to')),
                ('category', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='tips', to='tips.category', verbose_name='category')),
            ],
            options={
                'verbose_name': 'tip',
                'verbose_name_plural': 'tips',
                'ordering': ['priority', '-number'],
                'permissions': [('open_tip', 'Can open the seal of a tip'), ('answer_tip', 'Can answer, note, assign and close a tip'), ('hold_tip', 'Can put a tip under legal hold')],
                'default_permissions': ('view',),
            },
        ),
        migrations.CreateModel(
            name='Duty',
            fields=[
                ('officer', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='duty', serialize=False, to=settings.AUTH_USER_MODEL, verbose_name='officer')),
                ('on_duty', models.BooleanField(default=False, verbose_name='on duty')),
                ('categories', models.ManyToManyField(blank=True, related_name='duties', to='tips.category', verbose_name='categories')),
            ],
            options={
                'verbose_name': 'duty',
                'verbose_name_plural': 'duties',
            },
        ),
        migrations.CreateModel(
            name='Message',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('position', models.PositiveIntegerField(validators=[django.core.validators.MinValueValidator(1)])),
                ('body', models.BinaryField()),
                ('written_at', models.DateTimeField(default=tips.models.rounded_now, editable=False, verbose_name='written')),
                ('author', models.CharField(choices=[('source', 'Source'), ('staff', 'Staff')], max_length=6)),
                ('form_hash', models.BinaryField(help_text="SHA-256 of the form's one-time id: one form is one message", max_length=32, unique=True)),
                ('read', models.BooleanField(default=False, verbose_name='read by an officer')),
                ('officer', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('tip', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='messages', to='tips.tip')),
            ],
            options={
                'verbose_name': 'message',
                'verbose_name_plural': 'messages',
                'ordering': ['position'],
                'abstract': False,
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='Note',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('position', models.PositiveIntegerField(validators=[django.core.validators.MinValueValidator(1)])),
                ('body', models.BinaryField()),
                ('written_at', models.DateTimeField(default=tips.models.rounded_now, editable=False, verbose_name='written')),
                ('officer', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('tip', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='notes', to='tips.tip')),
            ],
            options={
                'verbose_name': 'note',
                'verbose_name_plural': 'notes',
                'ordering': ['position'],
                'abstract': False,
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='Attachment',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('position', models.PositiveSmallIntegerField(help_text="1 for a tip's first file", validators=[django.core.validators.MinValueValidator(1)])),
                ('label', models.BinaryField(help_text='what kind of file it is, sealed under K')),
                ('received_at', models.DateTimeField(default=tips.models.rounded_now, editable=False, verbose_name='received')),
                ('state', models.CharField(choices=[('received', 'Waiting to be cleaned'), ('rebuilding', 'Being cleaned'), ('ready', 'Ready'), ('refused', 'Could not be cleaned')], default='received', max_length=10, verbose_name='status')),
                ('reason', models.CharField(blank=True, help_text='why it is refused: a code of file_cleaning', max_length=24)),
                ('progress', models.PositiveSmallIntegerField(default=0, help_text='percent of the rebuilding')),
                ('attempts', models.PositiveSmallIntegerField(default=0, help_text='how often the rebuilding was begun')),
                ('started_at', models.DateTimeField(help_text='when the rebuilding was last begun', null=True)),
                ('file', models.UUIDField(help_text='the sealed file; empty once it is destroyed', null=True, unique=True)),
                ('key_for_agency', models.BinaryField(help_text="the file's key sealed to the agency")),
                ('worker_key', models.CharField(blank=True, help_text="id of the media worker's key", max_length=16)),
                ('key_for_worker', models.BinaryField(help_text="the file's key sealed to the media worker, while it waits", null=True)),
                ('agency_key', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='attachments', to='tips.agencykey')),
                ('message', models.ForeignKey(help_text='empty: sent with the tip itself', null=True, on_delete=django.db.models.deletion.CASCADE, related_name='attachments', to='tips.message')),
                ('tip', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='attachments', to='tips.tip')),
            ],
            options={
                'verbose_name': 'attachment',
                'verbose_name_plural': 'attachments',
                'ordering': ['position'],
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='Alert',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('urgent', models.BooleanField(default=False)),
                ('state', models.CharField(choices=[('waiting', 'waiting'), ('spread', 'one notification an officer is written'), ('nobody', 'no officer has an address')], default='waiting', max_length=8)),
                ('raised_at', models.DateTimeField(default=tips.models.rounded_now)),
                ('tip', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='alerts', to='tips.tip')),
            ],
            options={
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='Notification',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('attempts', models.PositiveSmallIntegerField(default=0)),
                ('leased_until', models.DateTimeField(editable=False, help_text="by the database's clock, while a worker sends this mail", null=True)),
                ('state', models.CharField(choices=[('waiting', 'waiting'), ('sent', 'handed to the mail server'), ('failed', 'refused by the mail server for good')], default='waiting', max_length=8)),
                ('next_attempt_at', models.DateTimeField(default=tips.models.rounded_now)),
                ('alert', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='notifications', to='tips.alert')),
                ('officer', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='Question',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('label', models.CharField(max_length=120, verbose_name='question')),
                ('hint', models.CharField(blank=True, max_length=160, verbose_name='hint')),
                ('kind', models.CharField(choices=[('short', 'One line'), ('long', 'Several lines')], default='short', max_length=8, verbose_name='answer')),
                ('order', models.PositiveSmallIntegerField(default=100, verbose_name='order')),
                ('category', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='questions', to='tips.category', verbose_name='category')),
            ],
            options={
                'verbose_name': 'follow-up question',
                'verbose_name_plural': 'follow-up questions',
                'ordering': ['order', 'id'],
            },
        ),
        migrations.CreateModel(
            name='NotesKey',
            fields=[
                ('tip', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='notes_key', serialize=False, to='tips.tip')),
                ('key_for_agency', models.BinaryField(help_text='N sealed to the agency')),
                ('agency_key', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='notes_keys', to='tips.agencykey')),
            ],
        ),
        migrations.AddIndex(
            model_name='tip',
            index=models.Index(fields=['state', 'priority', '-number'], name='tip_desk'),
        ),
        migrations.AddIndex(
            model_name='tip',
            index=models.Index(condition=models.Q(('closed_at__isnull', False)), fields=['closed_at'], name='tip_expiry'),
        ),
        migrations.AddConstraint(
            model_name='tip',
            constraint=models.CheckConstraint(condition=models.Q(('state__in', ['new', 'open', 'waiting', 'closed'])), name='tip_state_known'),
        ),
        migrations.AddConstraint(
            model_name='tip',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('closed_at__isnull', False), ('state', 'closed'), models.Q(('disposition', ''), _negated=True)), models.Q(models.Q(('state', 'closed'), _negated=True), ('closed_at__isnull', True), ('disposition', '')), _connector='OR'), name='tip_closed_with_disposition'),
        ),
        migrations.AddConstraint(
            model_name='tip',
            constraint=models.CheckConstraint(condition=models.Q(('legal_hold', True), ('opened_after__isnull', True), _negated=True), name='tip_hold_only_once_opened'),
        ),
        migrations.AddConstraint(
            model_name='tip',
            constraint=models.CheckConstraint(condition=models.Q(('state', 'new'), ('opened_after__isnull', False), _connector='OR'), name='tip_new_until_opened'),
        ),
        migrations.AddConstraint(
            model_name='tip',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('key_for_source__isnull', True), ('token_hash__isnull', True)), models.Q(('key_for_source__isnull', False), ('token_hash__isnull', False)), _connector='OR'), name='tip_source_access_whole'),
        ),
        migrations.AddConstraint(
            model_name='note',
            constraint=models.UniqueConstraint(fields=('tip', 'position'), name='note_position_once'),
        ),
        migrations.AddIndex(
            model_name='message',
            index=models.Index(condition=models.Q(('author', 'source'), ('read', False)), fields=['tip'], name='message_unread'),
        ),
        migrations.AddConstraint(
            model_name='message',
            constraint=models.UniqueConstraint(fields=('tip', 'position'), name='message_position_once'),
        ),
        migrations.AddConstraint(
            model_name='message',
            constraint=models.CheckConstraint(condition=models.Q(('author__in', ['source', 'staff'])), name='message_author_known'),
        ),
        migrations.AddConstraint(
            model_name='message',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('author', 'source'), _negated=True), ('officer__isnull', True), _connector='OR'), name='message_source_is_nobody'),
        ),
        migrations.AddIndex(
            model_name='attachment',
            index=models.Index(condition=models.Q(('key_for_worker__isnull', False)), fields=['received_at'], name='attachment_waiting'),
        ),
        migrations.AddConstraint(
            model_name='attachment',
            constraint=models.UniqueConstraint(fields=('tip', 'position'), name='attachment_position_once'),
        ),
        migrations.AddConstraint(
            model_name='attachment',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('key_for_worker__isnull', False), ('state__in', ['received', 'rebuilding'])), models.Q(('key_for_worker__isnull', True), ('state__in', ['ready', 'refused']), ('worker_key', '')), _connector='OR'), name='attachment_waits_for_the_worker'),
        ),
        migrations.AddConstraint(
            model_name='attachment',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('file__isnull', True), ('state', 'refused'), models.Q(('reason', ''), _negated=True)), models.Q(models.Q(('state', 'refused'), _negated=True), ('file__isnull', False), ('reason', '')), _connector='OR'), name='attachment_refused_is_destroyed'),
        ),
        migrations.AddConstraint(
            model_name='attachment',
            constraint=models.CheckConstraint(condition=models.Q(('progress__lte', 100)), name='attachment_progress_percent'),
        ),
        migrations.AddIndex(
            model_name='alert',
            index=models.Index(condition=models.Q(('state', 'spread'), _negated=True), fields=['state'], name='alert_waiting'),
        ),
        migrations.AddIndex(
            model_name='notification',
            index=models.Index(condition=models.Q(('state', 'waiting')), fields=['next_attempt_at'], name='notification_waiting'),
        ),
        migrations.AddConstraint(
            model_name='notification',
            constraint=models.UniqueConstraint(fields=('alert', 'officer'), name='notification_once_an_officer'),
        ),
        migrations.AddConstraint(
            model_name='question',
            constraint=models.UniqueConstraint(fields=('category', 'label'), name='question_once_a_category'),
        ),
    ]
