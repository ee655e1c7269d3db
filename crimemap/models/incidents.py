"""An agency's reports: sources, codes, imports and incidents.

The public never reads these tables: crimemap/publishing/publisher.py makes what residents see, by the rule of
crimemap/privacy/visibility.py. Exact points, names, victims, suspects, narratives and case numbers are not stored at all.
"""

from __future__ import annotations

from zoneinfo import available_timezones

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Func, Q
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from crimemap.offence_families import FAMILY_CHOICES


class Visibility(models.TextChoices):
    """The detail in which incidents are shown; each value is stricter than the one before."""

    BLOCK = "block", _("Block: one point per block")
    AREA = "area", _("Area: only the district or neighborhood")
    HIDDEN = "hidden", _("Hidden: only in yearly totals")


class Category(models.Model):
    """An offense category, which residents read and filter by. Codes have the visibility; a category only sets a minimum."""

    slug = models.SlugField(_("short name"), max_length=40, unique=True, help_text=_("Used in web addresses."))
    name = models.CharField(_("name"), max_length=60, unique=True)
    family = models.CharField(_("family"), max_length=10, choices=FAMILY_CHOICES, help_text=_("The symbol on the map."))
    least_visibility = models.CharField(
        _("least visibility"), max_length=6, choices=Visibility, default=Visibility.BLOCK
    )
    person_offence = models.BooleanField(
        _("against a person"), default=False, help_text=_("If checked, the kind of place is not published.")
    )
    order = models.PositiveSmallIntegerField(_("order"), default=100)

    class Meta:
        verbose_name = _("offense category")
        verbose_name_plural = _("offense categories")
        ordering = ["order", "name"]
        constraints = [
            models.CheckConstraint(
                condition=Q(least_visibility__in=Visibility.values), name="category_visibility_known"
            )
        ]

    def __str__(self) -> str:
        return self.name


def validate_time_zone(name: str) -> None:
    if name not in available_timezones():
        raise ValidationError(
            gettext("“%(name)s” is not a time zone. Write one like America/Chicago.") % {"name": name}
        )


class Source(models.Model):
    """One feed of incidents."""

    slug = models.SlugField(
        _("short name"), max_length=40, unique=True, help_text=_("Used in commands and web addresses.")
    )
    name = models.CharField(_("name"), max_length=80)
    profile = models.CharField(_("profile"), max_length=40, help_text=_("How its files are read."))
    profile_config = models.JSONField(
        _("columns"),
        default=dict,
        blank=True,
        help_text=_("What the columns of this source's files mean, for the generic profile."),
    )
    time_zone = models.CharField(
        _("time zone"),
        max_length=40,
        validators=[validate_time_zone],
        help_text=_("The time zone of the times in its files."),
    )
    south = models.FloatField(_("south"), null=True, blank=True)
    west = models.FloatField(_("west"), null=True, blank=True)
    north = models.FloatField(_("north"), null=True, blank=True)
    east = models.FloatField(_("east"), null=True, blank=True)
    embargo_days = models.PositiveSmallIntegerField(
        _("embargo"),
        default=7,
        validators=[MinValueValidator(1)],
        help_text=_("How many days to wait before an incident is published."),
    )
    expected_interval = models.PositiveIntegerField(
        _("expected every"),
        null=True,
        blank=True,
        help_text=_("Hours between two imports. If a file is later than this, administrators get an email."),
    )
    last_success_at = models.DateTimeField(_("last import"), null=True, editable=False)
    real_places = models.JSONField(
        _("places with many incidents"),
        default=list,
        blank=True,
        editable=False,
        help_text="[latitude, longitude] of points, coarsened, that an administrator has confirmed: imports don't stop there",
    )
    late_told_at = models.DateTimeField(null=True, editable=False)
    api_token_hash = models.BinaryField(null=True, editable=False, max_length=32, help_text="SHA-256 of the API token")

    class Meta:
        verbose_name = _("incident source")
        verbose_name_plural = _("incident sources")
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(condition=Q(embargo_days__gte=1), name="source_embargo_a_day"),
            models.CheckConstraint(
                condition=Q(south__isnull=True, west__isnull=True, north__isnull=True, east__isnull=True)
                | Q(south__lt=models.F("north"), west__lt=models.F("east")),
                name="source_box_whole",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def box(self) -> tuple[float, float, float, float] | None:
        """(south, west, north, east) in degrees; None without limits."""
        if self.south is None or self.west is None or self.north is None or self.east is None:
            return None
        return self.south, self.west, self.north, self.east


class DeletedSource(models.Model):
    """The rest of a deleted source: the ids of its incidents that residents could open, whose addresses answer 410."""

    slug = models.CharField(max_length=40)
    public_ids = models.BinaryField(help_text="12 characters each, sorted, without separators")
    deleted_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return self.slug


class OffenceCode(models.Model):
    """A code of an agency's list. Without category and visibility it is unclassified, and its incidents are held."""

    scheme = models.CharField(
        _("code list"), max_length=60, help_text=_("The profile's name, or for the generic profile the source's name.")
    )
    code = models.CharField(_("code"), max_length=160)
    label = models.CharField(_("label"), max_length=200, blank=True)
    category = models.ForeignKey(
        Category, models.PROTECT, null=True, blank=True, related_name="codes", verbose_name=_("category")
    )
    visibility = models.CharField(_("visibility"), max_length=6, choices=Visibility, blank=True)

    class Meta:
        verbose_name = _("offense code")
        verbose_name_plural = _("offense codes")
        ordering = ["scheme", "code"]
        constraints = [
            models.UniqueConstraint(fields=["scheme", "code"], name="offence_code_once"),
            models.CheckConstraint(
                condition=Q(category__isnull=True, visibility="")
                | Q(category__isnull=False, visibility__in=Visibility.values),
                name="offence_code_classified_whole",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.code} {self.label}".strip()


class ReportedValue(models.Model):
    """A text of an agency's files that the portal does not know. A kind of place or an outcome is public once approved.

    The name of an area that no layer has is public by the rule of privacy/area_names.py, and stays so unless it is refused.
    """

    class Field(models.TextChoices):
        PLACE = "location_description", _("Kind of place")
        OUTCOME = "outcome", _("Outcome")
        DISTRICT = "district", _("Name of a district")
        BEAT = "beat", _("Name of a beat")
        NEIGHBOURHOOD = "neighbourhood", _("Name of a neighborhood")

    class Decision(models.TextChoices):
        WAITING = "waiting", _("Waiting for you")
        APPROVED = "approved", _("Shown to residents")
        REFUSED = "refused", _("Never shown")

    field = models.CharField(_("column"), max_length=20, choices=Field)
    text = models.CharField(_("text in the files"), max_length=120)
    decision = models.CharField(_("decision"), max_length=8, choices=Decision, default=Decision.WAITING)

    class Meta:
        verbose_name = _("new kind of place, outcome or area")
        verbose_name_plural = _("new kinds of place, outcomes and areas")
        ordering = ["field", "text"]
        constraints = [
            models.UniqueConstraint(fields=["field", "text"], name="reported_value_once"),
            models.CheckConstraint(
                condition=Q(decision__in=["waiting", "approved", "refused"]), name="reported_value_decision_known"
            ),
        ]

    def __str__(self) -> str:
        return self.text


class ImportRun(models.Model):
    """One import, from its request on. `read` is the sum of created, updated, unchanged and rejected."""

    class RunState(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        RUNNING = "running", _("Running")
        STOPPED = "stopped", _("Stopped: needs a decision")
        DONE = "done", _("Done")
        FAILED = "failed", _("Failed")
        DISCARDED = "discarded", _("Discarded")
        UNDONE = "undone", _("Taken back")

    class Origin(models.TextChoices):
        COMMAND = "command", _("Command")
        UPLOAD = "upload", _("Upload")
        PUSH = "push", _("API")
        DROP = "drop", _("Drop folder")
        UNDO = "undo", _("Undo of an import")
        DELETE = "delete", _("Deletion of the source")

    source = models.ForeignKey(Source, models.PROTECT, related_name="runs", verbose_name=_("source"))
    state = models.CharField(_("status"), max_length=10, choices=RunState, default=RunState.WAITING)
    origin = models.CharField(_("how it arrived"), max_length=8, choices=Origin)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("by")
    )
    asked_at = models.DateTimeField(_("date"), default=timezone.now, editable=False)
    started_at = models.DateTimeField(_("started"), null=True, editable=False)
    finished_at = models.DateTimeField(_("finished"), null=True, editable=False)
    file_name = models.CharField(_("file"), max_length=200, blank=True)
    file_digest = models.CharField(max_length=64, blank=True, help_text="SHA-256 of the bytes")
    dry_run = models.BooleanField(_("test run"), default=False)
    full_snapshot = models.BooleanField(
        _("whole period"),
        default=False,
        help_text=_("Incidents of the file's period that are no longer in the file are withdrawn."),
    )
    snapshot_from = models.DateField(_("everything from"), null=True)
    snapshot_to = models.DateField(_("everything to"), null=True)
    undoes = models.ForeignKey("self", models.PROTECT, null=True, related_name="undone_by")
    rows_total = models.PositiveBigIntegerField(null=True, help_text="for progress; unknown until counted")
    read = models.PositiveBigIntegerField(_("read"), default=0)
    created = models.PositiveBigIntegerField(_("created"), default=0)
    updated = models.PositiveBigIntegerField(_("updated"), default=0)
    unchanged = models.PositiveBigIntegerField(_("unchanged"), default=0)
    rejected = models.PositiveBigIntegerField(_("rejected"), default=0)
    removed = models.PositiveBigIntegerField(_("withdrawn"), default=0)
    held = models.PositiveBigIntegerField(_("held"), default=0, help_text="of the rows stored")
    covered_from = models.DateField(_("from"), null=True)
    covered_to = models.DateField(_("to"), null=True)
    report = models.JSONField(_("report"), default=dict, blank=True, help_text="quirks met, and how often each")
    message = models.TextField(_("message"), blank=True, help_text="why it stopped or failed")

    class Meta:
        verbose_name = _("import")
        verbose_name_plural = _("imports")
        ordering = ["-id"]
        indexes = [models.Index(fields=["source", "-id"], name="import_of_source")]
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=["waiting", "running", "stopped", "done", "failed", "discarded", "undone"]),
                name="import_state_known",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.source} {self.asked_at:%Y-%m-%d %H:%M}"


class ReplacedIncident(models.Model):
    """An incident as an import found it before it changed or withdrew it, so that the import can be taken back."""

    run = models.ForeignKey(ImportRun, models.CASCADE, related_name="replaced")
    incident_id = models.BigIntegerField()
    stored = models.JSONField(help_text="the row of crimemap_incident")

    class Meta:
        ordering = ["run", "id"]

    def __str__(self) -> str:
        return f"incident {self.incident_id} before import {self.run_id}"


class ImportProblem(models.Model):
    """Why a row was rejected. Holds no content of the row, which may name people."""

    run = models.ForeignKey(ImportRun, models.CASCADE, related_name="problems")
    row = models.PositiveBigIntegerField(_("row"), help_text="1 for the first row after the header")
    column = models.CharField(_("column"), max_length=80, blank=True)
    code = models.SlugField(_("kind"), max_length=40)
    message = models.CharField(_("message"), max_length=300)

    class Meta:
        ordering = ["run", "row", "id"]

    def __str__(self) -> str:
        return f"row {self.row}: {self.message}"


class Incident(models.Model):
    """One incident of a source. Coordinates are already coarsened. Every change of a row sets `last_run`.

    Millions of rows are written at once, from tables joined to the rows they refer to. PostgreSQL does not check each
    reference again (three times the cost, measured: bench/README.md); rules.sql prevents referenced rows from being deleted.
    """

    class Precision(models.TextChoices):
        MINUTE = "minute"
        HOUR = "hour"
        DAY = "day"
        MONTH = "month"

    class PointKind(models.TextChoices):
        BLOCK = "block"
        PUBLISHED = "published"
        GRID = "grid"
        NONE = "none"

    source = models.ForeignKey(Source, models.PROTECT, related_name="incidents", db_index=False, db_constraint=False)
    external_id = models.CharField(max_length=120, help_text="the feed's id, or a hash of the row with its ordinal")
    public_id = models.CharField(
        max_length=12,
        db_default=Func(
            template="substr(translate(encode(uuid_send(gen_random_uuid()), 'base64'), '+/=', ''), 1, 12)",
            output_field=models.CharField(),
        ),
        help_text="what residents see; random, kept through updates",
    )
    occurred_at = models.DateTimeField(help_text="start; the first moment of what `precision` leaves open")
    occurred_end = models.DateTimeField(null=True)
    precision = models.CharField(max_length=6, choices=Precision)
    raw_code = models.CharField(max_length=160)
    raw_label = models.CharField(max_length=200, blank=True)
    offence_code = models.ForeignKey(
        OffenceCode, models.PROTECT, related_name="incidents", db_index=False, db_constraint=False
    )
    block_text = models.CharField(max_length=120, blank=True)
    latitude = models.FloatField(null=True)
    longitude = models.FloatField(null=True)
    point_kind = models.CharField(max_length=9, choices=PointKind, default=PointKind.NONE)
    district = models.CharField(max_length=60, blank=True)
    beat = models.CharField(max_length=60, blank=True)
    neighbourhood = models.CharField(max_length=60, blank=True)
    location_description = models.CharField(max_length=120, blank=True)
    outcome = models.CharField(max_length=120, blank=True)
    domestic = models.BooleanField(default=False)
    content_hash = models.BinaryField(max_length=16)
    first_run = models.ForeignKey(ImportRun, models.PROTECT, related_name="+", db_index=False, db_constraint=False)
    last_run = models.ForeignKey(ImportRun, models.PROTECT, related_name="+", db_constraint=False)
    reclassified_at = models.DateTimeField(null=True)
    removed_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("incident")
        verbose_name_plural = _("incidents")
        ordering = ["-occurred_at"]
        indexes = [models.Index(fields=["source", "occurred_at"], name="incident_period")]
        constraints = [
            models.UniqueConstraint(fields=["source", "external_id"], name="incident_once"),
            models.UniqueConstraint(fields=["public_id"], name="incident_public_id_once"),
            models.CheckConstraint(
                condition=Q(latitude__isnull=True, longitude__isnull=True, point_kind="none")
                | Q(latitude__isnull=False, longitude__isnull=False) & ~Q(point_kind="none"),
                name="incident_point_whole",
            ),
        ]

    def __str__(self) -> str:
        return self.public_id


class IncidentRevision(models.Model):
    """A change of an incident by an import, in fields that residents can see."""

    incident = models.ForeignKey(Incident, models.CASCADE, related_name="revisions")
    run = models.ForeignKey(ImportRun, models.PROTECT, related_name="+")
    at = models.DateTimeField(default=timezone.now)
    changes = models.JSONField(help_text="field: [old, new]")

    class Meta:
        ordering = ["incident", "-id"]
        indexes = [
            models.Index(fields=["id"], condition=Q(changes__has_key="offence_code_id"), name="revision_reclassified")
        ]

    def __str__(self) -> str:
        return f"revision of {self.incident_id}"
