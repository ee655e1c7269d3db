"""The places of a city: areas, blocks, intersections and the layers of the base map.

Coordinates are WGS 84 degrees; outlines and layers are GeoJSON (RFC 7946: longitude first).
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from django.contrib.postgres.indexes import GinIndex
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from crimemap.street_names import normalize_name


class Located(models.Model):
    """A place with a point."""

    latitude = models.FloatField(_("latitude"), help_text=_("Degrees north."))
    longitude = models.FloatField(_("longitude"), help_text=_("Degrees east."))

    class Meta:
        abstract = True


def on_earth(name: str) -> models.CheckConstraint:
    return models.CheckConstraint(condition=Q(latitude__range=(-90, 90), longitude__range=(-180, 180)), name=name)


class Area(Located):
    """A part of the city. The point is that of its label."""

    class Layer(models.TextChoices):
        CITY = "city", _("City limits")
        DISTRICT = "district", _("District")
        BEAT = "beat", _("Beat")
        NEIGHBOURHOOD = "neighbourhood", _("Neighborhood")

    layer = models.CharField(_("layer"), max_length=16, choices=Layer)
    code = models.CharField(_("code"), max_length=60, help_text=_("As the agency writes it in its data."))
    name = models.CharField(_("name"), max_length=80)
    key = models.CharField(max_length=80, editable=False, help_text="the name as search compares it (names.comparable)")
    outline = models.JSONField(_("outline"), help_text=_("A GeoJSON Polygon or MultiPolygon."))
    contact = models.TextField(
        _("contact"),
        blank=True,
        max_length=2000,
        help_text=_(
            "For residents, on the area's page: who works there and how to reach them. An empty line starts a new paragraph."
        ),
    )

    class Meta:
        verbose_name = _("area")
        verbose_name_plural = _("areas")
        ordering = ["layer", "code"]
        indexes = [GinIndex(fields=["key"], opclasses=["gin_trgm_ops"], name="area_key")]
        constraints = [
            models.UniqueConstraint(
                fields=["layer", "code"],
                name="area_code_once",
                violation_error_message=_("This layer already has that code."),
            ),
            models.CheckConstraint(
                condition=Q(layer__in=["city", "district", "beat", "neighbourhood"]), name="area_layer_known"
            ),
            on_earth("area_on_earth"),
        ]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.key = normalize_name(self.name)
        super().save(*args, **kwargs)


class FormerAreaCode(models.Model):
    """A code that an area had before. Links, alerts and records that name it mean that area (places/former_codes.py)."""

    layer = models.CharField(max_length=16)
    code = models.CharField(max_length=60)
    area = models.ForeignKey(Area, models.CASCADE, related_name="former_codes")

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["layer", "code"], name="former_area_code_once")]

    def __str__(self) -> str:
        return self.code


class Block(Located):
    """A hundred of house numbers of a street, between two intersections. The point is its middle."""

    street = models.CharField(_("street"), max_length=80)
    key = models.CharField(
        max_length=80, editable=False, help_text="the street as search compares it (names.comparable)"
    )
    hundred = models.PositiveIntegerField(_("hundred"), help_text=_("400 for house numbers 400 to 499."))
    areas = models.JSONField(
        _("areas"), default=dict, blank=True, help_text=_("The layers and codes of the areas that contain it.")
    )

    class Meta:
        verbose_name = _("block")
        verbose_name_plural = _("blocks")
        ordering = ["street", "hundred"]
        indexes = [
            GinIndex(fields=["key"], opclasses=["gin_trgm_ops"], name="block_key"),
            models.Index(fields=["latitude", "longitude"], name="block_point"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["street", "hundred"],
                name="block_once",
                violation_error_message=_("This street already has that block."),
            ),
            models.CheckConstraint(condition=Q(hundred=F("hundred") / 100 * 100), name="block_is_a_hundred"),
            on_earth("block_on_earth"),
        ]

    def __str__(self) -> str:
        return gettext("%(hundred)s block of %(street)s") % {"hundred": self.hundred, "street": self.street}

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.key = normalize_name(self.street)
        super().save(*args, **kwargs)

    def clean(self) -> None:
        if self.hundred and self.hundred % 100:
            raise ValidationError({"hundred": _("Enter a whole hundred, such as 400 for house numbers 400 to 499.")})


class Intersection(Located):
    """The point where two streets meet; their names are in alphabetical order."""

    first = models.CharField(_("first street"), max_length=80)
    second = models.CharField(_("second street"), max_length=80)
    areas = models.JSONField(
        _("areas"), default=dict, blank=True, help_text=_("The layers and codes of the areas that contain it.")
    )

    class Meta:
        verbose_name = _("intersection")
        verbose_name_plural = _("intersections")
        ordering = ["first", "second"]
        indexes = [models.Index(fields=["second"], name="intersection_second")]
        constraints = [
            models.UniqueConstraint(fields=["first", "second", "latitude", "longitude"], name="intersection_once"),
            models.CheckConstraint(condition=Q(first__lt=F("second")), name="intersection_in_order"),
            on_earth("intersection_on_earth"),
        ]

    def __str__(self) -> str:
        return gettext("%(first)s and %(second)s") % {"first": self.first, "second": self.second}

    def clean(self) -> None:
        """Put the streets in order, whichever was typed first."""
        if self.first and self.first == self.second:
            raise ValidationError({"second": _("Enter the street that crosses the first one.")})
        self.first, self.second = sorted((self.first, self.second))


class Landmark(Located):
    """A place that people know by its name: a school, a park, a station."""

    class Kind(models.TextChoices):
        SCHOOL = "school", _("School")
        LIBRARY = "library", _("Library")
        HOSPITAL = "hospital", _("Hospital")
        PARK = "park", _("Park")
        STATION = "station", _("Station")
        POLICE = "police", _("Police station")
        FIRE_STATION = "fire_station", _("Fire station")
        PUBLIC_BUILDING = "public_building", _("Public building")
        SPORTS = "sports", _("Sports")
        SHOPPING = "shopping", _("Shopping")

    kind = models.CharField(_("kind"), max_length=16, choices=Kind)
    name = models.CharField(_("name"), max_length=80)
    key = models.CharField(max_length=80, editable=False, help_text="the name as search compares it (names.comparable)")
    areas = models.JSONField(
        _("areas"), default=dict, blank=True, help_text=_("The layers and codes of the areas that contain it.")
    )

    class Meta:
        verbose_name = _("landmark")
        verbose_name_plural = _("landmarks")
        ordering = ["name"]
        indexes = [GinIndex(fields=["key"], opclasses=["gin_trgm_ops"], name="landmark_key")]
        constraints = [
            models.UniqueConstraint(fields=["kind", "name", "latitude", "longitude"], name="landmark_once"),
            on_earth("landmark_on_earth"),
        ]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.key = normalize_name(self.name)
        super().save(*args, **kwargs)


class BaseMapBuild(models.Model):
    """The base map that was built last of an extract; the only row. Without one, staff or the demo made the layers."""

    tiles = models.CharField(
        max_length=16,
        blank=True,
        help_text="digest of the file of vector tiles in the folder BASE_MAP, empty without one",
    )
    attribution = models.CharField(max_length=200, blank=True, help_text="shown beside every map")
    built_at = models.DateTimeField()

    class Meta:
        verbose_name = _("build of the base map")
        verbose_name_plural = _("builds of the base map")

    def __str__(self) -> str:
        return self.tiles


class BaseLayer(models.Model):
    """One layer of the base map, drawn in `order`: a GeoJSON FeatureCollection with `name` and `rank` properties."""

    class Name(models.TextChoices):
        LAND = "land", _("Land")
        WATER = "water", _("Water")
        PARKS = "parks", _("Parks")
        STREETS = "streets", _("Streets")
        BRIDGES = "bridges", _("Bridges")
        BOUNDARIES = "boundaries", _("Boundaries")
        LABELS = "labels", _("Labels")

    name = models.CharField(_("name"), max_length=16, choices=Name, unique=True)
    order = models.PositiveSmallIntegerField(
        _("order"), default=100, help_text=_("Lower numbers are drawn first, below the others.")
    )
    geojson = models.JSONField(_("GeoJSON"))
    digest = models.CharField(max_length=16, editable=False, help_text="of the content: part of the base map's address")

    class Meta:
        verbose_name = _("base map layer")
        verbose_name_plural = _("base map layers")
        ordering = ["order", "name"]
        constraints = [
            models.CheckConstraint(
                condition=Q(name__in=["land", "water", "parks", "streets", "bridges", "boundaries", "labels"]),
                name="base_layer_known",
            )
        ]

    def __str__(self) -> str:
        return self.get_name_display()

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.digest = digest_of(self.name, self.order, self.geojson)
        super().save(*args, **kwargs)


def digest_of(name: str, order: int, geojson: object) -> str:
    """Return 16 hex digits that change with anything drawn."""
    content = json.dumps([name, order, geojson], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()[:16]
