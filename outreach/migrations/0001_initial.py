import core.mail.subscriber_addresses
import django.contrib.postgres.indexes
import django.contrib.postgres.search
import django.db.models.deletion
import django.utils.timezone
import uuid
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Correction',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('on', models.DateField(verbose_name='corrected on')),
                ('note', models.CharField(max_length=500, verbose_name='correction')),
            ],
            options={
                'verbose_name': 'correction',
                'verbose_name_plural': 'corrections',
                'ordering': ['-on', '-pk'],
            },
        ),
        migrations.CreateModel(
            name='Story',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('title', models.CharField(max_length=100, verbose_name='title')),
                ('summary', models.CharField(help_text='One or two sentences, shown in lists.', max_length=300, verbose_name='summary')),
                ('body', models.TextField(blank=True, max_length=100000, verbose_name='text')),
                ('category', models.CharField(choices=[('arrest', 'An arrest'), ('weapons', 'Weapons off the street'), ('property', 'Property returned'), ('prevention', 'Prevention'), ('you_said_we_did', 'You said, we did'), ('other', 'Something else')], default='other', max_length=16, verbose_name='category')),
                ('areas', models.JSONField(blank=True, default=list, verbose_name='areas')),
                ('what_happened', models.CharField(blank=True, help_text='A few words.', max_length=80, verbose_name='what happened')),
                ('how_soon', models.CharField(blank=True, choices=[('', 'Not said'), ('quarter_hour', 'Within a quarter of an hour'), ('hour', 'Within the hour'), ('day', 'The same day'), ('week', 'Within a week'), ('later', 'Later')], max_length=12, verbose_name='how soon after the tip')),
                ('arrests', models.PositiveIntegerField(blank=True, null=True, verbose_name='arrests')),
                ('weapons', models.PositiveIntegerField(blank=True, null=True, verbose_name='weapons off the street')),
                ('property_returned', models.PositiveIntegerField(blank=True, null=True, verbose_name='things returned')),
                ('property_words', models.CharField(blank=True, help_text='Such as: bicycles.', max_length=80, verbose_name='what was returned')),
                ('quote', models.CharField(blank=True, max_length=300, verbose_name='quote')),
                ('quote_by', models.CharField(blank=True, max_length=100, verbose_name='who said it')),
                ('you_said', models.CharField(blank=True, max_length=200, verbose_name='you said')),
                ('we_did', models.CharField(blank=True, max_length=200, verbose_name='we did')),
                ('slug', models.SlugField(help_text='The last part of its address. Stays as it is once published.', unique=True, verbose_name='address')),
                ('status', models.CharField(choices=[('draft', 'Draft'), ('in_review', 'In review'), ('approved', 'Approved'), ('scheduled', 'Scheduled'), ('published', 'Published'), ('corrected', 'Published, with a correction'), ('withdrawn', 'Withdrawn')], default='draft', editable=False, max_length=10, verbose_name='state')),
                ('version', models.PositiveIntegerField(default=1, editable=False)),
                ('edited_at', models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name='last changed')),
                ('publish_at', models.DateTimeField(blank=True, editable=False, null=True, verbose_name='planned for')),
                ('correction', models.CharField(blank=True, editable=False, max_length=500, verbose_name='correction')),
                ('approved_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='approved by')),
                ('author', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='author')),
                ('edited_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='last changed by')),
            ],
            options={
                'verbose_name': 'story',
                'verbose_name_plural': 'stories',
                'ordering': ['-edited_at'],
                'permissions': [('approve_story', 'Can approve stories'), ('withdraw_story', 'Can withdraw stories')],
            },
        ),
        migrations.CreateModel(
            name='Tag',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('slug', models.SlugField(help_text='Stands in addresses.', max_length=40, unique=True, verbose_name='short name')),
                ('name', models.CharField(max_length=40, unique=True, verbose_name='name')),
            ],
            options={
                'verbose_name': 'tag',
                'verbose_name_plural': 'tags',
                'ordering': ['name'],
            },
        ),
        migrations.CreateModel(
            name='Withdrawal',
            fields=[
                ('slug', models.SlugField(primary_key=True, serialize=False, verbose_name='address')),
                ('on', models.DateField(verbose_name='withdrawn on')),
            ],
            options={
                'verbose_name': 'withdrawal',
                'verbose_name_plural': 'withdrawals',
            },
        ),
        migrations.CreateModel(
            name='Channel',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(help_text='For example: Mastodon, press office.', max_length=60, unique=True, verbose_name='name')),
                ('kind', models.CharField(editable=False, max_length=10, verbose_name='kind')),
                ('host', models.CharField(blank=True, editable=False, max_length=253, verbose_name='server')),
                ('address', models.CharField(editable=False, max_length=1000, verbose_name='address and secret')),
                ('enabled', models.BooleanField(default=True, verbose_name='in use')),
                ('template', models.CharField(default='{title} {link}', help_text='What is posted unless somebody writes another text: {title}, {summary} and {link} are filled in.', max_length=500, verbose_name='text')),
            ],
            options={
                'verbose_name': 'channel',
                'verbose_name_plural': 'channels',
                'ordering': ['name'],
                'constraints': [models.CheckConstraint(condition=models.Q(('kind', ''), _negated=True), name='channel_has_kind')],
            },
        ),
        migrations.CreateModel(
            name='Event',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('slug', models.SlugField(help_text='The last part of its address. Stays as it is once published.', unique=True, verbose_name='address')),
                ('uid', models.UUIDField(default=uuid.uuid4, editable=False, help_text='names it in calendars for good', unique=True)),
                ('title', models.CharField(max_length=100, verbose_name='title')),
                ('body', models.TextField(blank=True, max_length=20000, verbose_name='text')),
                ('starts_at', models.DateTimeField(verbose_name='starts')),
                ('ends_at', models.DateTimeField(verbose_name='ends')),
                ('place', models.CharField(help_text='As residents know it, with the street.', max_length=200, verbose_name='place')),
                ('place_ref', models.CharField(blank=True, max_length=40)),
                ('latitude', models.FloatField(blank=True, null=True)),
                ('longitude', models.FloatField(blank=True, null=True)),
                ('areas', models.JSONField(blank=True, default=list, editable=False)),
                ('status', models.CharField(choices=[('draft', 'Draft'), ('published', 'Published'), ('cancelled', 'Cancelled')], default='draft', editable=False, max_length=9, verbose_name='state')),
                ('cancelled_because', models.CharField(blank=True, editable=False, max_length=300, verbose_name='why it is cancelled')),
                ('version', models.PositiveIntegerField(default=1, editable=False)),
                ('moves', models.PositiveIntegerField(default=0, editable=False)),
                ('changed_at', models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name='last changed')),
            ],
            options={
                'verbose_name': 'event',
                'verbose_name_plural': 'events',
                'ordering': ['starts_at', 'slug'],
                'indexes': [models.Index(fields=['ends_at'], name='event_by_end')],
                'constraints': [models.CheckConstraint(condition=models.Q(('ends_at__gt', models.F('starts_at'))), name='event_ends_after_start'), models.CheckConstraint(condition=models.Q(('status__in', ['draft', 'published', 'cancelled'])), name='event_status_known'), models.CheckConstraint(condition=models.Q(models.Q(('status', 'cancelled'), models.Q(('cancelled_because', ''), _negated=True)), models.Q(models.Q(('status', 'cancelled'), _negated=True), ('cancelled_because', '')), _connector='OR'), name='event_cancelled_says_why'), models.CheckConstraint(condition=models.Q(models.Q(('latitude__isnull', True), ('longitude__isnull', True)), models.Q(('latitude__isnull', False), ('longitude__isnull', False), ('latitude__range', (-90, 90)), ('longitude__range', (-180, 180))), _connector='OR'), name='event_point_whole')],
            },
        ),
        migrations.CreateModel(
            name='Picture',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('alt', models.CharField(help_text='For people who cannot see it. One plain sentence.', max_length=200, verbose_name='what it shows')),
                ('credit', models.CharField(help_text='Who took or drew it.', max_length=100, verbose_name='credit')),
                ('state', models.CharField(choices=[('waiting', 'Being prepared'), ('ready', 'Ready'), ('refused', 'Refused')], default='waiting', editable=False, max_length=8, verbose_name='state')),
                ('reason', models.CharField(blank=True, editable=False, max_length=20, verbose_name='reason')),
                ('variants', models.JSONField(default=list, editable=False)),
                ('original_digest', models.CharField(editable=False, max_length=64)),
                ('attempts', models.PositiveSmallIntegerField(default=0, editable=False)),
                ('started_at', models.DateTimeField(editable=False, null=True)),
                ('added_at', models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name='added')),
                ('added_by', models.ForeignKey(editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='added by')),
            ],
            options={
                'verbose_name': 'picture',
                'verbose_name_plural': 'pictures',
                'ordering': ['-pk'],
            },
        ),
        migrations.CreateModel(
            name='Guide',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('slug', models.SlugField(help_text='The last part of its address.', unique=True, verbose_name='address')),
                ('title', models.CharField(max_length=100, verbose_name='title')),
                ('summary', models.CharField(help_text='One or two sentences, shown in lists.', max_length=300, verbose_name='summary')),
                ('body', models.TextField(max_length=100000, verbose_name='text')),
                ('place', models.CharField(blank=True, choices=[('', 'In the list of guides alone'), ('tip_form', 'Tip form'), ('receipt', 'Receipt of a tip'), ('map', 'Crime map')], max_length=10, verbose_name='linked from')),
                ('order', models.PositiveSmallIntegerField(default=100, verbose_name='order')),
                ('shown', models.BooleanField(default=False, verbose_name='shown to residents')),
                ('version', models.PositiveIntegerField(default=1, editable=False)),
                ('updated_on', models.DateField(default=django.utils.timezone.localdate, editable=False, verbose_name='last changed')),
                ('pictures', models.ManyToManyField(blank=True, editable=False, related_name='guides', to='outreach.picture')),
            ],
            options={
                'verbose_name': 'guide',
                'verbose_name_plural': 'guides',
                'ordering': ['order', 'title'],
            },
        ),
        migrations.CreateModel(
            name='PictureFile',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('digest', models.CharField(max_length=64)),
                ('format', models.CharField(choices=[('webp', 'image/webp'), ('jpg', 'image/jpeg')], max_length=4)),
                ('content', models.BinaryField()),
                ('picture', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='files', to='outreach.picture')),
            ],
        ),
        migrations.CreateModel(
            name='PictureOriginal',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('content', models.BinaryField()),
                ('picture', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='original', to='outreach.picture')),
            ],
        ),
        migrations.CreateModel(
            name='PublishedStory',
            fields=[
                ('title', models.CharField(max_length=100, verbose_name='title')),
                ('summary', models.CharField(help_text='One or two sentences, shown in lists.', max_length=300, verbose_name='summary')),
                ('body', models.TextField(blank=True, max_length=100000, verbose_name='text')),
                ('category', models.CharField(choices=[('arrest', 'An arrest'), ('weapons', 'Weapons off the street'), ('property', 'Property returned'), ('prevention', 'Prevention'), ('you_said_we_did', 'You said, we did'), ('other', 'Something else')], default='other', max_length=16, verbose_name='category')),
                ('areas', models.JSONField(blank=True, default=list, verbose_name='areas')),
                ('what_happened', models.CharField(blank=True, help_text='A few words.', max_length=80, verbose_name='what happened')),
                ('how_soon', models.CharField(blank=True, choices=[('', 'Not said'), ('quarter_hour', 'Within a quarter of an hour'), ('hour', 'Within the hour'), ('day', 'The same day'), ('week', 'Within a week'), ('later', 'Later')], max_length=12, verbose_name='how soon after the tip')),
                ('arrests', models.PositiveIntegerField(blank=True, null=True, verbose_name='arrests')),
                ('weapons', models.PositiveIntegerField(blank=True, null=True, verbose_name='weapons off the street')),
                ('property_returned', models.PositiveIntegerField(blank=True, null=True, verbose_name='things returned')),
                ('property_words', models.CharField(blank=True, help_text='Such as: bicycles.', max_length=80, verbose_name='what was returned')),
                ('quote', models.CharField(blank=True, max_length=300, verbose_name='quote')),
                ('quote_by', models.CharField(blank=True, max_length=100, verbose_name='who said it')),
                ('you_said', models.CharField(blank=True, max_length=200, verbose_name='you said')),
                ('we_did', models.CharField(blank=True, max_length=200, verbose_name='we did')),
                ('story', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='published', serialize=False, to='outreach.story')),
                ('slug', models.SlugField(unique=True, verbose_name='address')),
                ('published_on', models.DateField(verbose_name='published on')),
                ('corrected_on', models.DateField(blank=True, null=True, verbose_name='corrected on')),
                ('search', models.GeneratedField(db_persist=True, expression=django.contrib.postgres.search.CombinedSearchVector(django.contrib.postgres.search.CombinedSearchVector(django.contrib.postgres.search.SearchVector('title', config='english', weight='A'), '||', django.contrib.postgres.search.SearchVector('summary', config='english', weight='B'), django.contrib.postgres.search.SearchConfig('english')), '||', django.contrib.postgres.search.SearchVector('body', config='english', weight='C'), django.contrib.postgres.search.SearchConfig('english')), output_field=django.contrib.postgres.search.SearchVectorField())),
            ],
            options={
                'verbose_name': 'published story',
                'verbose_name_plural': 'published stories',
                'ordering': ['-published_on', '-story_id'],
            },
        ),
        migrations.AddField(
            model_name='story',
            name='lead',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='outreach.picture', verbose_name='lead picture'),
        ),
        migrations.AddField(
            model_name='story',
            name='pictures',
            field=models.ManyToManyField(blank=True, editable=False, related_name='stories', to='outreach.picture'),
        ),
        migrations.CreateModel(
            name='PreviewLink',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('token_hash', models.BinaryField(max_length=32, unique=True)),
                ('made_at', models.DateTimeField(default=django.utils.timezone.now, verbose_name='made')),
                ('expires_at', models.DateTimeField(verbose_name='expires')),
                ('made_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='made by')),
                ('story', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='preview_links', to='outreach.story')),
            ],
            options={
                'verbose_name': 'preview link',
                'verbose_name_plural': 'preview links',
                'ordering': ['-made_at'],
            },
        ),
        migrations.CreateModel(
            name='Post',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('state', models.CharField(choices=[('prepared', 'Goes out with the story'), ('left_out', 'Not posted here'), ('waiting', 'Waiting to be posted'), ('sending', 'Being posted'), ('sent', 'Posted'), ('failed', 'Not posted'), ('unsure', 'Unsure: look at the channel')], default='prepared', max_length=8, verbose_name='state')),
                ('text', models.TextField(blank=True, verbose_name='text')),
                ('key', models.UUIDField(default=uuid.uuid4, editable=False, help_text='the same at each attempt to post it once')),
                ('attempts', models.PositiveSmallIntegerField(default=0)),
                ('next_attempt_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('begun_at', models.DateTimeField(help_text='the first attempt that may have arrived, under this key', null=True)),
                ('problem', models.CharField(blank=True, max_length=300, verbose_name='last problem')),
                ('sent_at', models.DateTimeField(null=True, verbose_name='posted')),
                ('channel', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='posts', to='outreach.channel')),
                ('story', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='posts', to='outreach.story')),
            ],
            options={
                'verbose_name': 'post',
                'verbose_name_plural': 'posts',
                'ordering': ['channel__name'],
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='Reminder',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('sealed_contact', core.mail.subscriber_addresses.SealedContactField()),
                ('address_hash', models.BinaryField(max_length=32)),
                ('link_hash', models.BinaryField(help_text="of the secret in the mails' links", max_length=32, unique=True)),
                ('asked_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('confirmed_at', models.DateTimeField(null=True)),
                ('moves', models.PositiveIntegerField(default=0, help_text="the event's, as last told to this address")),
                ('event', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='reminders', to='outreach.event')),
            ],
            options={
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='ReminderMail',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('attempts', models.PositiveSmallIntegerField(default=0)),
                ('next_attempt_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('leased_until', models.DateTimeField(editable=False, help_text="by the database's clock, while a worker sends this mail", null=True)),
                ('kind', models.CharField(choices=[('confirm', 'asks whether the reminder is wanted'), ('remind', 'reminds'), ('moved', 'says that time or place changed'), ('cancelled', 'says that it is cancelled')], max_length=9)),
                ('starts_at', models.DateTimeField(help_text='the start of the event that it speaks of')),
                ('raised_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('state', models.CharField(choices=[('waiting', 'waiting'), ('sent', 'handed to the mail server')], default='waiting', max_length=8)),
                ('reminder', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='mails', to='outreach.reminder')),
            ],
            options={
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='ReviewComment',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('version', models.PositiveIntegerField(verbose_name='version')),
                ('at', models.DateTimeField(default=django.utils.timezone.now, verbose_name='when')),
                ('text', models.TextField(max_length=2000, verbose_name='comment')),
                ('settled', models.BooleanField(default=False, verbose_name='settled')),
                ('by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='who')),
                ('story', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='comments', to='outreach.story')),
            ],
            options={
                'verbose_name': 'comment',
                'verbose_name_plural': 'comments',
                'ordering': ['at', 'pk'],
            },
        ),
        migrations.CreateModel(
            name='StoryCheck',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('version', models.PositiveIntegerField(verbose_name='version')),
                ('action', models.CharField(max_length=20, verbose_name='before')),
                ('key', models.CharField(max_length=20, verbose_name='check')),
                ('answer', models.CharField(max_length=200, verbose_name='answer')),
                ('at', models.DateTimeField(default=django.utils.timezone.now, verbose_name='when')),
                ('by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='who')),
                ('story', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='checks', to='outreach.story')),
            ],
            options={
                'ordering': ['-at', '-pk'],
            },
        ),
        migrations.CreateModel(
            name='StoryRevision',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveIntegerField(verbose_name='version')),
                ('at', models.DateTimeField(default=django.utils.timezone.now, verbose_name='when')),
                ('note', models.CharField(blank=True, max_length=200, verbose_name='note')),
                ('aside', models.BooleanField(default=False)),
                ('snapshot', models.JSONField()),
                ('by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='who')),
                ('story', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='revisions', to='outreach.story')),
            ],
            options={
                'ordering': ['-at', '-pk'],
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='StoryStep',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField(default=django.utils.timezone.now, verbose_name='when')),
                ('action', models.CharField(max_length=20, verbose_name='did')),
                ('version', models.PositiveIntegerField(verbose_name='version')),
                ('note', models.CharField(blank=True, max_length=500, verbose_name='note')),
                ('by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='who')),
                ('story', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='steps', to='outreach.story')),
            ],
            options={
                'ordering': ['-at', '-pk'],
            },
        ),
        migrations.AddField(
            model_name='story',
            name='tags',
            field=models.ManyToManyField(blank=True, related_name='%(class)s_set', to='outreach.tag', verbose_name='tags'),
        ),
        migrations.CreateModel(
            name='GuideRevision',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveIntegerField(verbose_name='version')),
                ('at', models.DateTimeField(default=django.utils.timezone.now, verbose_name='when')),
                ('note', models.CharField(blank=True, max_length=200, verbose_name='note')),
                ('aside', models.BooleanField(default=False)),
                ('snapshot', models.JSONField()),
                ('by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='who')),
                ('guide', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='revisions', to='outreach.guide')),
            ],
            options={
                'ordering': ['-at', '-pk'],
                'abstract': False,
                'constraints': [models.UniqueConstraint(condition=models.Q(('aside', False)), fields=('guide', 'number'), name='one_guide_revision_a_version')],
            },
        ),
        migrations.AddIndex(
            model_name='picture',
            index=models.Index(condition=models.Q(('state', 'waiting')), fields=['added_at'], name='picture_waiting'),
        ),
        migrations.AddConstraint(
            model_name='picture',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('alt', ''), _negated=True), models.Q(('credit', ''), _negated=True)), name='picture_has_alt_and_credit'),
        ),
        migrations.AddConstraint(
            model_name='picture',
            constraint=models.CheckConstraint(condition=models.Q(('state__in', ('waiting', 'refused')), models.Q(('variants', []), _negated=True), _connector='OR'), name='picture_ready_has_variants'),
        ),
        migrations.AddConstraint(
            model_name='guide',
            constraint=models.CheckConstraint(condition=models.Q(('body', ''), _negated=True), name='guide_says_something'),
        ),
        migrations.AddConstraint(
            model_name='picturefile',
            constraint=models.UniqueConstraint(fields=('digest', 'picture'), name='one_file_a_digest'),
        ),
        migrations.AddField(
            model_name='publishedstory',
            name='lead',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='outreach.picture', verbose_name='lead picture'),
        ),
        migrations.AddField(
            model_name='publishedstory',
            name='pictures',
            field=models.ManyToManyField(blank=True, editable=False, related_name='published_stories', to='outreach.picture'),
        ),
        migrations.AddField(
            model_name='publishedstory',
            name='tags',
            field=models.ManyToManyField(blank=True, related_name='%(class)s_set', to='outreach.tag', verbose_name='tags'),
        ),
        migrations.AddField(
            model_name='correction',
            name='published',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='corrections', to='outreach.publishedstory'),
        ),
        migrations.AddIndex(
            model_name='post',
            index=models.Index(condition=models.Q(('state__in', ['waiting', 'sending'])), fields=['next_attempt_at'], name='post_waiting'),
        ),
        migrations.AddConstraint(
            model_name='post',
            constraint=models.UniqueConstraint(fields=('story', 'channel'), name='one_post_a_story_and_channel'),
        ),
        migrations.AddConstraint(
            model_name='post',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('sent_at__isnull', False), ('state', 'sent')), models.Q(models.Q(('state', 'sent'), _negated=True), ('sent_at__isnull', True)), _connector='OR'), name='post_sent_has_time'),
        ),
        migrations.AddConstraint(
            model_name='post',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('state__in', ['sending', 'unsure']), _negated=True), ('begun_at__isnull', False), _connector='OR'), name='post_begun_has_time'),
        ),
        migrations.AddIndex(
            model_name='reminder',
            index=models.Index(condition=models.Q(('confirmed_at__isnull', True)), fields=['asked_at'], name='reminder_unconfirmed'),
        ),
        migrations.AddConstraint(
            model_name='reminder',
            constraint=models.UniqueConstraint(fields=('event', 'address_hash'), name='one_reminder_an_address'),
        ),
        migrations.AddIndex(
            model_name='remindermail',
            index=models.Index(condition=models.Q(('state', 'waiting')), fields=['next_attempt_at'], name='reminder_mail_waiting'),
        ),
        migrations.AddConstraint(
            model_name='remindermail',
            constraint=models.UniqueConstraint(condition=models.Q(('kind', 'remind')), fields=('reminder', 'starts_at'), name='one_reminder_a_start'),
        ),
        migrations.AddConstraint(
            model_name='remindermail',
            constraint=models.UniqueConstraint(condition=models.Q(('state', 'waiting')), fields=('reminder', 'kind'), name='one_waiting_mail_a_kind'),
        ),
        migrations.AddConstraint(
            model_name='storyrevision',
            constraint=models.UniqueConstraint(condition=models.Q(('aside', False)), fields=('story', 'number'), name='one_revision_a_version'),
        ),
        migrations.AddIndex(
            model_name='story',
            index=models.Index(condition=models.Q(('status', 'scheduled')), fields=['publish_at'], name='story_due'),
        ),
        migrations.AddConstraint(
            model_name='story',
            constraint=models.CheckConstraint(condition=models.Q(('status__in', ['draft', 'in_review', 'approved', 'scheduled', 'published', 'corrected', 'withdrawn'])), name='story_status_known'),
        ),
        migrations.AddConstraint(
            model_name='story',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('publish_at__isnull', False), ('status', 'scheduled')), models.Q(models.Q(('status', 'scheduled'), _negated=True), ('publish_at__isnull', True)), _connector='OR'), name='story_scheduled_has_time'),
        ),
        migrations.AddConstraint(
            model_name='story',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('status__in', ('approved', 'scheduled', 'published', 'corrected')), _negated=True), ('approved_by__isnull', False), _connector='OR'), name='story_approved_by_somebody'),
        ),
        migrations.AddIndex(
            model_name='publishedstory',
            index=models.Index(fields=['-published_on', '-story_id'], name='published_newest_first'),
        ),
        migrations.AddIndex(
            model_name='publishedstory',
            index=models.Index(fields=['category', '-published_on'], name='published_by_category'),
        ),
        migrations.AddIndex(
            model_name='publishedstory',
            index=django.contrib.postgres.indexes.GinIndex(fields=['areas'], name='published_by_area', opclasses=['jsonb_path_ops']),
        ),
        migrations.AddIndex(
            model_name='publishedstory',
            index=django.contrib.postgres.indexes.GinIndex(fields=['search'], name='published_search'),
        ),
    ]
