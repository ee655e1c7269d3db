import core.mail.subscriber_addresses
import crimemap.models.incidents
import django.contrib.postgres.fields
import django.contrib.postgres.indexes
import django.core.validators
import django.db.models.deletion
import django.db.models.expressions
import django.utils.timezone
import uuid
from django.conf import settings
from django.contrib.postgres.operations import TrigramExtension
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        TrigramExtension(),
        migrations.CreateModel(
            name='AlertLink',
            fields=[
                ('link_hash', models.BinaryField(max_length=32, primary_key=True, serialize=False)),
                ('address_hash', models.BinaryField(db_index=True, max_length=32)),
            ],
            options={
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='Edition',
            fields=[
                ('number', models.PositiveIntegerField(primary_key=True, serialize=False)),
                ('version', models.CharField(help_text='Published.version', max_length=64)),
                ('made_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('public_ids', models.BinaryField(help_text='12 bytes each: those of the last 60 days that no earlier edition has')),
            ],
            options={
                'ordering': ['number'],
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='Area',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('latitude', models.FloatField(help_text='Degrees north.', verbose_name='latitude')),
                ('longitude', models.FloatField(help_text='Degrees east.', verbose_name='longitude')),
                ('layer', models.CharField(choices=[('city', 'City limits'), ('district', 'District'), ('beat', 'Beat'), ('neighbourhood', 'Neighborhood')], max_length=16, verbose_name='layer')),
                ('code', models.CharField(help_text='As the agency writes it in its data.', max_length=60, verbose_name='code')),
                ('name', models.CharField(max_length=80, verbose_name='name')),
                ('key', models.CharField(editable=False, help_text='the name as search compares it (names.comparable)', max_length=80)),
                ('outline', models.JSONField(help_text='A GeoJSON Polygon or MultiPolygon.', verbose_name='outline')),
                ('contact', models.TextField(blank=True, help_text='For residents, on the page of the area: who looks after it and how to reach them. An empty line begins a new paragraph.', max_length=2000, verbose_name='contact')),
            ],
            options={
                'verbose_name': 'area',
                'verbose_name_plural': 'areas',
                'ordering': ['layer', 'code'],
                'indexes': [django.contrib.postgres.indexes.GinIndex(fields=['key'], name='area_key', opclasses=['gin_trgm_ops'])],
                'constraints': [models.UniqueConstraint(fields=('layer', 'code'), name='area_code_once', violation_error_message='This layer has that code already.'), models.CheckConstraint(condition=models.Q(('layer__in', ['city', 'district', 'beat', 'neighbourhood'])), name='area_layer_known'), models.CheckConstraint(condition=models.Q(('latitude__range', (-90, 90)), ('longitude__range', (-180, 180))), name='area_on_earth')],
            },
        ),
        migrations.CreateModel(
            name='BaseLayer',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(choices=[('land', 'Land'), ('water', 'Water'), ('parks', 'Parks'), ('streets', 'Streets'), ('bridges', 'Bridges'), ('boundaries', 'Boundaries'), ('labels', 'Labels')], max_length=16, unique=True, verbose_name='name')),
                ('order', models.PositiveSmallIntegerField(default=100, help_text='Low numbers lie below.', verbose_name='order')),
                ('geojson', models.JSONField(verbose_name='GeoJSON')),
                ('digest', models.CharField(editable=False, help_text="of the content: part of the base map's address", max_length=16)),
            ],
            options={
                'verbose_name': 'base map layer',
                'verbose_name_plural': 'base map layers',
                'ordering': ['order', 'name'],
                'constraints': [models.CheckConstraint(condition=models.Q(('name__in', ['land', 'water', 'parks', 'streets', 'bridges', 'boundaries', 'labels'])), name='base_layer_known')],
            },
        ),
        migrations.CreateModel(
            name='Block',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('latitude', models.FloatField(help_text='Degrees north.', verbose_name='latitude')),
                ('longitude', models.FloatField(help_text='Degrees east.', verbose_name='longitude')),
                ('street', models.CharField(max_length=80, verbose_name='street')),
                ('key', models.CharField(editable=False, help_text='the street as search compares it (names.comparable)', max_length=80)),
                ('hundred', models.PositiveIntegerField(help_text='400 for the numbers 400 to 499.', verbose_name='hundred')),
                ('areas', models.JSONField(blank=True, default=dict, help_text='Layer to code of the areas it lies in.', verbose_name='areas')),
            ],
            options={
                'verbose_name': 'block',
                'verbose_name_plural': 'blocks',
                'ordering': ['street', 'hundred'],
                'indexes': [django.contrib.postgres.indexes.GinIndex(fields=['key'], name='block_key', opclasses=['gin_trgm_ops']), models.Index(fields=['latitude', 'longitude'], name='block_point')],
                'constraints': [models.UniqueConstraint(fields=('street', 'hundred'), name='block_once', violation_error_message='This street has that block already.'), models.CheckConstraint(condition=models.Q(('hundred', django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(models.F('hundred'), '/', models.Value(100)), '*', models.Value(100)))), name='block_is_a_hundred'), models.CheckConstraint(condition=models.Q(('latitude__range', (-90, 90)), ('longitude__range', (-180, 180))), name='block_on_earth')],
            },
        ),
        migrations.CreateModel(
            name='Category',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('slug', models.SlugField(help_text='Stands in addresses.', max_length=40, unique=True, verbose_name='short name')),
                ('name', models.CharField(max_length=60, unique=True, verbose_name='name')),
                ('family', models.CharField(choices=[('people', 'Against people'), ('theft', 'Theft and burglary'), ('drugs', 'Drugs and weapons'), ('disorder', 'Disorder and damage'), ('other', 'Other')], help_text='What the map draws.', max_length=10, verbose_name='family')),
                ('least_visibility', models.CharField(choices=[('block', 'Block: one point a block'), ('area', 'Area: the district or neighborhood alone'), ('hidden', 'Hidden: in yearly totals alone')], default='block', max_length=6, verbose_name='least visibility')),
                ('person_offence', models.BooleanField(default=False, help_text='The kind of place is then not published.', verbose_name='against a person')),
                ('order', models.PositiveSmallIntegerField(default=100, verbose_name='order')),
            ],
            options={
                'verbose_name': 'offense category',
                'verbose_name_plural': 'offense categories',
                'ordering': ['order', 'name'],
                'constraints': [models.CheckConstraint(condition=models.Q(('least_visibility__in', ['block', 'area', 'hidden'])), name='category_visibility_known')],
            },
        ),
        migrations.CreateModel(
            name='ImportRun',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('state', models.CharField(choices=[('waiting', 'Waiting'), ('running', 'Running'), ('stopped', 'Stopped: staff decide'), ('done', 'Done'), ('failed', 'Failed'), ('discarded', 'Discarded')], default='waiting', max_length=10, verbose_name='status')),
                ('origin', models.CharField(choices=[('command', 'Command'), ('upload', 'Upload'), ('push', 'API'), ('drop', 'Drop folder')], max_length=8, verbose_name='way in')),
                ('asked_at', models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name='date')),
                ('started_at', models.DateTimeField(editable=False, null=True, verbose_name='started')),
                ('finished_at', models.DateTimeField(editable=False, null=True, verbose_name='finished')),
                ('file_name', models.CharField(blank=True, max_length=200, verbose_name='file')),
                ('file_digest', models.CharField(blank=True, help_text='SHA-256 of the bytes', max_length=64)),
                ('dry_run', models.BooleanField(default=False, verbose_name='dry run')),
                ('full_snapshot', models.BooleanField(default=False, help_text="What the file's period no longer holds is withdrawn.", verbose_name='whole period')),
                ('rows_total', models.PositiveBigIntegerField(help_text='for progress; unknown until counted', null=True)),
                ('read', models.PositiveBigIntegerField(default=0, verbose_name='read')),
                ('created', models.PositiveBigIntegerField(default=0, verbose_name='created')),
                ('updated', models.PositiveBigIntegerField(default=0, verbose_name='updated')),
                ('unchanged', models.PositiveBigIntegerField(default=0, verbose_name='unchanged')),
                ('rejected', models.PositiveBigIntegerField(default=0, verbose_name='rejected')),
                ('removed', models.PositiveBigIntegerField(default=0, verbose_name='withdrawn')),
                ('held', models.PositiveBigIntegerField(default=0, help_text='of the rows stored', verbose_name='held')),
                ('covered_from', models.DateField(null=True, verbose_name='from')),
                ('covered_to', models.DateField(null=True, verbose_name='to')),
                ('report', models.JSONField(blank=True, default=dict, help_text='quirks met, and how often each', verbose_name='report')),
                ('message', models.TextField(blank=True, help_text='why it stopped or failed', verbose_name='message')),
                ('by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='by')),
            ],
            options={
                'verbose_name': 'import',
                'verbose_name_plural': 'imports',
                'ordering': ['-id'],
            },
        ),
        migrations.CreateModel(
            name='ImportProblem',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('row', models.PositiveBigIntegerField(help_text='1 for the first row after the header', verbose_name='row')),
                ('column', models.CharField(blank=True, max_length=80, verbose_name='column')),
                ('code', models.SlugField(max_length=40, verbose_name='kind')),
                ('message', models.CharField(max_length=300, verbose_name='message')),
                ('run', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='problems', to='crimemap.importrun')),
            ],
            options={
                'ordering': ['run', 'row', 'id'],
            },
        ),
        migrations.CreateModel(
            name='Intersection',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('latitude', models.FloatField(help_text='Degrees north.', verbose_name='latitude')),
                ('longitude', models.FloatField(help_text='Degrees east.', verbose_name='longitude')),
                ('first', models.CharField(max_length=80, verbose_name='first street')),
                ('second', models.CharField(max_length=80, verbose_name='second street')),
                ('areas', models.JSONField(blank=True, default=dict, help_text='Layer to code of the areas it lies in.', verbose_name='areas')),
            ],
            options={
                'verbose_name': 'intersection',
                'verbose_name_plural': 'intersections',
                'ordering': ['first', 'second'],
                'indexes': [models.Index(fields=['second'], name='intersection_second')],
                'constraints': [models.UniqueConstraint(fields=('first', 'second', 'latitude', 'longitude'), name='intersection_once'), models.CheckConstraint(condition=models.Q(('first__lt', models.F('second'))), name='intersection_in_order'), models.CheckConstraint(condition=models.Q(('latitude__range', (-90, 90)), ('longitude__range', (-180, 180))), name='intersection_on_earth')],
            },
        ),
        migrations.CreateModel(
            name='OffenceCode',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('scheme', models.CharField(help_text="A profile's name, or of the generic profile the source's.", max_length=60, verbose_name='code list')),
                ('code', models.CharField(max_length=160, verbose_name='code')),
                ('label', models.CharField(blank=True, max_length=200, verbose_name='label')),
                ('visibility', models.CharField(blank=True, choices=[('block', 'Block: one point a block'), ('area', 'Area: the district or neighborhood alone'), ('hidden', 'Hidden: in yearly totals alone')], max_length=6, verbose_name='visibility')),
                ('category', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='codes', to='crimemap.category', verbose_name='category')),
            ],
            options={
                'verbose_name': 'offense code',
                'verbose_name_plural': 'offense codes',
                'ordering': ['scheme', 'code'],
            },
        ),
        migrations.CreateModel(
            name='Source',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('slug', models.SlugField(help_text='Used by commands and addresses.', max_length=40, unique=True, verbose_name='short name')),
                ('name', models.CharField(max_length=80, verbose_name='name')),
                ('profile', models.CharField(help_text='How its files are read.', max_length=40, verbose_name='profile')),
                ('profile_config', models.JSONField(blank=True, default=dict, help_text="What the generic profile was told of this source's files.", verbose_name='columns')),
                ('time_zone', models.CharField(help_text='Of the times in its files.', max_length=40, validators=[crimemap.models.incidents.validate_time_zone], verbose_name='time zone')),
                ('south', models.FloatField(blank=True, null=True, verbose_name='south')),
                ('west', models.FloatField(blank=True, null=True, verbose_name='west')),
                ('north', models.FloatField(blank=True, null=True, verbose_name='north')),
                ('east', models.FloatField(blank=True, null=True, verbose_name='east')),
                ('embargo_days', models.PositiveSmallIntegerField(default=7, help_text='Days before an incident is published.', validators=[django.core.validators.MinValueValidator(1)], verbose_name='embargo')),
                ('expected_interval', models.PositiveIntegerField(blank=True, help_text='Hours between two imports; later is told to staff.', null=True, verbose_name='expected every')),
                ('last_success_at', models.DateTimeField(editable=False, null=True, verbose_name='last import')),
                ('late_told_at', models.DateTimeField(editable=False, null=True)),
                ('api_token_hash', models.BinaryField(help_text='SHA-256 of the API token', max_length=32, null=True)),
            ],
            options={
                'verbose_name': 'incident source',
                'verbose_name_plural': 'incident sources',
                'ordering': ['name'],
                'constraints': [models.CheckConstraint(condition=models.Q(('embargo_days__gte', 1)), name='source_embargo_a_day'), models.CheckConstraint(condition=models.Q(models.Q(('east__isnull', True), ('north__isnull', True), ('south__isnull', True), ('west__isnull', True)), models.Q(('south__lt', models.F('north')), ('west__lt', models.F('east'))), _connector='OR'), name='source_box_whole')],
            },
        ),
        migrations.CreateModel(
            name='Incident',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('external_id', models.CharField(help_text="the feed's id, or a hash of the row with its ordinal", max_length=120)),
                ('public_id', models.CharField(db_default=models.Func(output_field=models.CharField(), template="substr(translate(encode(uuid_send(gen_random_uuid()), 'base64'), '+/=', ''), 1, 12)"), help_text='what residents see; random, kept through updates', max_length=12)),
                ('occurred_at', models.DateTimeField(help_text='start; the first moment of what `precision` leaves open')),
                ('occurred_end', models.DateTimeField(null=True)),
                ('precision', models.CharField(choices=[('minute', 'Minute'), ('hour', 'Hour'), ('day', 'Day'), ('month', 'Month')], max_length=6)),
                ('raw_code', models.CharField(max_length=160)),
                ('raw_label', models.CharField(blank=True, max_length=200)),
                ('block_text', models.CharField(blank=True, max_length=120)),
                ('latitude', models.FloatField(null=True)),
                ('longitude', models.FloatField(null=True)),
                ('point_kind', models.CharField(choices=[('block', 'Block'), ('published', 'Published'), ('grid', 'Grid'), ('none', 'None')], default='none', max_length=9)),
                ('district', models.CharField(blank=True, max_length=60)),
                ('beat', models.CharField(blank=True, max_length=60)),
                ('neighbourhood', models.CharField(blank=True, max_length=60)),
                ('location_description', models.CharField(blank=True, max_length=120)),
                ('outcome', models.CharField(blank=True, max_length=120)),
                ('domestic', models.BooleanField(default=False)),
                ('content_hash', models.BinaryField(max_length=16)),
                ('reclassified_at', models.DateTimeField(null=True)),
                ('removed_at', models.DateTimeField(null=True)),
                ('first_run', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='crimemap.importrun')),
                ('last_run', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='crimemap.importrun')),
                ('offence_code', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='incidents', to='crimemap.offencecode')),
                ('source', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='incidents', to='crimemap.source')),
            ],
            options={
                'verbose_name': 'incident',
                'verbose_name_plural': 'incidents',
                'ordering': ['-occurred_at'],
            },
        ),
        migrations.AddField(
            model_name='importrun',
            name='source',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='runs', to='crimemap.source', verbose_name='source'),
        ),
        migrations.CreateModel(
            name='Subscription',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('sealed_contact', core.mail.subscriber_addresses.SealedContactField()),
                ('address_hash', models.BinaryField(db_index=True, help_text='the same for the same address', max_length=32)),
                ('link_hash', models.BinaryField(help_text='sha256 of the secret in its links', max_length=32, unique=True)),
                ('layer', models.CharField(blank=True, max_length=16, verbose_name='kind of area')),
                ('code', models.CharField(blank=True, max_length=60, verbose_name='area')),
                ('latitude', models.FloatField(null=True)),
                ('longitude', models.FloatField(null=True)),
                ('radius', models.PositiveIntegerField(help_text='metres', null=True)),
                ('place', models.CharField(blank=True, help_text='what the point is called', max_length=160)),
                ('categories', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=40), default=list, help_text='slugs; empty: all', size=None)),
                ('rhythm', models.CharField(choices=[('daily', 'Daily'), ('weekly', 'Weekly'), ('monthly', 'Monthly')], max_length=8, verbose_name='rhythm')),
                ('asked_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('confirmed_at', models.DateTimeField(null=True, verbose_name='confirmed')),
                ('sent_up_to', models.PositiveIntegerField(default=0, help_text='editions up to this one are told, or in a delivery')),
                ('looked_on', models.DateField(help_text='start of the day, week or month that was looked at last', null=True)),
            ],
            options={
                'verbose_name': 'alert',
                'verbose_name_plural': 'alerts',
                'indexes': [models.Index(condition=models.Q(('confirmed_at', None), _negated=True), fields=['rhythm', 'looked_on'], name='subscription_due')],
                'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('code', ''), ('layer', '')), models.Q(models.Q(('layer', ''), _negated=True), models.Q(('code', ''), _negated=True), ('radius', None)), _connector='OR'), name='subscription_area_whole'), models.CheckConstraint(condition=models.Q(models.Q(('latitude', None), ('longitude', None), ('radius', None)), models.Q(('latitude__isnull', False), ('latitude__range', (-90, 90)), ('longitude__isnull', False), ('longitude__range', (-180, 180)), ('radius__gt', 0), ('radius__isnull', False)), _connector='OR'), name='subscription_circle_whole'), models.CheckConstraint(condition=models.Q(('rhythm__in', ['daily', 'weekly', 'monthly'])), name='subscription_rhythm_known'), models.CheckConstraint(condition=models.Q(('confirmed_at', None), models.Q(('looked_on', None), _negated=True), _connector='OR'), name='subscription_confirmed_looked_at')],
            },
        ),
        migrations.CreateModel(
            name='Delivery',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('attempts', models.PositiveSmallIntegerField(default=0)),
                ('next_attempt_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('leased_until', models.DateTimeField(editable=False, help_text="by the database's clock, while a worker sends this mail", null=True)),
                ('address_hash', models.BinaryField(db_index=True, max_length=32)),
                ('parts', models.JSONField(default=list, help_text='[[subscription, edition after which it is told], ...]')),
                ('up_to', models.PositiveIntegerField(default=0, help_text='the last edition that this mail tells of')),
                ('told', models.BinaryField(default=b'', help_text='public ids, kept for addresses with several subscriptions')),
                ('state', models.CharField(choices=[('waiting', 'Waiting'), ('sent', 'Sent'), ('empty', 'Nothing left to say'), ('refused', 'Address refused'), ('failed', 'Given up')], default='waiting', max_length=8, verbose_name='state')),
                ('made_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('confirms', models.ForeignKey(help_text='the subscription that this mail asks to confirm', null=True, on_delete=django.db.models.deletion.CASCADE, to='crimemap.subscription')),
            ],
            options={
                'verbose_name': 'alert mail',
                'verbose_name_plural': 'alert mails',
            },
        ),
        migrations.CreateModel(
            name='IncidentRevision',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField(default=django.utils.timezone.now)),
                ('changes', models.JSONField(help_text='field: [old, new]')),
                ('incident', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='revisions', to='crimemap.incident')),
                ('run', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='crimemap.importrun')),
            ],
            options={
                'ordering': ['incident', '-id'],
                'indexes': [models.Index(condition=models.Q(('changes__has_key', 'offence_code_id')), fields=['id'], name='revision_reclassified')],
            },
        ),
        migrations.AddConstraint(
            model_name='offencecode',
            constraint=models.UniqueConstraint(fields=('scheme', 'code'), name='offence_code_once'),
        ),
        migrations.AddConstraint(
            model_name='offencecode',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('category__isnull', True), ('visibility', '')), models.Q(('category__isnull', False), ('visibility__in', ['block', 'area', 'hidden'])), _connector='OR'), name='offence_code_classified_whole'),
        ),
        migrations.AddIndex(
            model_name='incident',
            index=models.Index(fields=['source', 'occurred_at'], name='incident_period'),
        ),
        migrations.AddConstraint(
            model_name='incident',
            constraint=models.UniqueConstraint(fields=('source', 'external_id'), name='incident_once'),
        ),
        migrations.AddConstraint(
            model_name='incident',
            constraint=models.UniqueConstraint(fields=('public_id',), name='incident_public_id_once'),
        ),
        migrations.AddConstraint(
            model_name='incident',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('latitude__isnull', True), ('longitude__isnull', True), ('point_kind', 'none')), models.Q(('latitude__isnull', False), ('longitude__isnull', False), models.Q(('point_kind', 'none'), _negated=True)), _connector='OR'), name='incident_point_whole'),
        ),
        migrations.AddIndex(
            model_name='importrun',
            index=models.Index(fields=['source', '-id'], name='import_of_source'),
        ),
        migrations.AddConstraint(
            model_name='importrun',
            constraint=models.CheckConstraint(condition=models.Q(('state__in', ['waiting', 'running', 'stopped', 'done', 'failed', 'discarded'])), name='import_state_known'),
        ),
        migrations.AddIndex(
            model_name='delivery',
            index=models.Index(condition=models.Q(('state', 'waiting')), fields=['next_attempt_at'], name='delivery_waiting'),
        ),
        migrations.AddIndex(
            model_name='delivery',
            index=models.Index(fields=['made_at'], name='delivery_made'),
        ),
        migrations.AddConstraint(
            model_name='delivery',
            constraint=models.CheckConstraint(condition=models.Q(('state__in', ['waiting', 'sent', 'empty', 'refused', 'failed'])), name='delivery_state_known'),
        ),
    ]
