"""The form in which residents choose the incidents they want alerts about."""

from __future__ import annotations

import re
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.forms.utils import ErrorDict
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.mail import subscriber_addresses
from crimemap import wording
from crimemap.alerts.new_incidents import AlertCriteria
from crimemap.alerts.subscriptions import AlertSubscription, Rhythm
from crimemap.offence_families import FAMILIES, Family
from crimemap.pages.filter_form import RADII_METERS, render_area_options
from crimemap.places import lookup
from crimemap.places.lookup import Place
from crimemap.snapshot.filters import Filter
from crimemap.snapshot.published_incidents import PublishedIncidents
from crimemap.street_names import normalize_name

CITY, AREA, PLACE = "city", "area", "place"
POINT = "point"  # kind of `place_ref` for a point without a named block: "point:41.48500,-38.52000"
DEFAULT_RADIUS_METERS = 500


class AlertForm(forms.Form):
    """The criteria of an alert; `build_alert()` returns it once the form is valid.

    Places found by `search` are choices of `place_ref`; an unambiguous `search` needs no choice. With `with_address` the form
    also asks for an email address; `cleaned_data["email"]` is normalized.
    """

    where = forms.ChoiceField(
        label=gettext_lazy("Where"),
        widget=forms.RadioSelect,
        choices=[
            (CITY, gettext_lazy("The whole city")),
            (AREA, gettext_lazy("A district, beat or neighborhood")),
            (PLACE, gettext_lazy("Around a block or intersection")),
        ],
        error_messages={"required": gettext_lazy("Choose where.")},
    )
    area = forms.CharField(required=False, max_length=80, label=gettext_lazy("Which area?"))
    search = forms.CharField(required=False, max_length=100, label=gettext_lazy("Street and number, or two streets"))
    place_ref = forms.CharField(required=False, max_length=60)
    radius = forms.TypedChoiceField(label=gettext_lazy("How far around it?"), coerce=int, required=False)
    category = forms.MultipleChoiceField(required=False, label=gettext_lazy("Types"))
    rhythm = forms.ChoiceField(
        label=gettext_lazy("How often"),
        widget=forms.RadioSelect,
        choices=Rhythm.choices,
        error_messages={"required": gettext_lazy("Choose how often.")},
    )
    email = forms.CharField(
        label=gettext_lazy("Your email address"),
        max_length=1000,
        error_messages={"required": gettext_lazy("Enter your email address.")},
    )

    def __init__(self, published: PublishedIncidents, *args: Any, with_address: bool = True, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.published = published
        self.found_places: list[Place] = []
        if not with_address:
            del self.fields["email"]
        category, radius = self.fields["category"], self.fields["radius"]
        assert isinstance(category, forms.MultipleChoiceField)
        assert isinstance(radius, forms.TypedChoiceField)
        category.choices = [(slug, published.category_names[slug]) for slug in published.families]
        radius.choices = [
            (each, wording.format_distance(each)) for each in RADII_METERS if each >= published.least_radius
        ]

    # Values for the template

    @property
    def groups(self) -> list[tuple[Family, list[tuple[str, str, bool]]]]:
        """Families with the slug and name of each of their categories, and whether it is ticked."""
        ticked = set(self["category"].value() or ())
        named = self.published.category_names
        return [
            (family, [(slug, named[slug], slug in ticked) for slug in slugs])
            for family in FAMILIES
            if (slugs := [slug for slug, of in self.published.families.items() if of == family.slug])
        ]

    @property
    def areas(self) -> SafeString:
        return render_area_options(self.published, self["area"].value() or "")

    @property
    def place_choices(self) -> list[tuple[str, str, str]]:
        """Reference, name and district of the places found, after the one chosen before."""
        chosen_ref = self["place_ref"].value() or ""
        choices = {place.ref: (place.ref, place.name, place.district) for place in self.found_places}
        if chosen_ref and chosen_ref not in choices and (place := resolve_place_ref(chosen_ref)):
            choices = {chosen_ref: (chosen_ref, place.name, place.district)} | choices
        return list(choices.values())

    def search_places(self) -> None:
        """Search for places and report no error of another field."""
        text = str(self["search"].value() or "").strip()[:100]
        self._errors, self.cleaned_data = ErrorDict(), {}
        self.found_places = lookup.search_places(text)
        if not self.found_places:
            self.add_error("search", _describe_no_match(text))

    # Validation

    def clean_email(self) -> str:
        try:
            return subscriber_addresses.normalize_address(self.cleaned_data["email"])
        except subscriber_addresses.EmailAddressError as error:
            raise ValidationError(str(error)) from None

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        cleaned["criteria"], cleaned["place"] = None, ""
        categories = frozenset(cleaned.get("category") or ())
        categories = frozenset() if categories == frozenset(self.published.families) else categories
        match cleaned.get("where"):
            case "city":
                cleaned["criteria"] = AlertCriteria(None, None, categories)
            case "area":
                cleaned["criteria"] = self._clean_area(cleaned.get("area", ""), categories)
            case "place":
                self._clean_place(cleaned, categories)
        return cleaned

    def _clean_area(self, text: str, categories: frozenset[str]) -> AlertCriteria | None:
        layer, _colon, code = text.partition(":")
        if not code or code not in self.published.areas.get(layer, []):
            self.add_error("area", _("Choose an area from the list."))
            return None
        return AlertCriteria((layer, code), None, categories)

    def _clean_place(self, cleaned: dict[str, Any], categories: frozenset[str]) -> None:
        place = self._choose_place(cleaned.get("search", "").strip(), cleaned.get("place_ref", ""))
        if place is None:
            return
        layer, _colon, code = place.area.partition(":")
        if code in self.published.areas.get(layer, []):
            cleaned["criteria"] = AlertCriteria((layer, code), None, categories)
        elif layer == "city":
            cleaned["criteria"] = AlertCriteria(None, None, categories)
        elif place.area:
            self.add_error("search", _("There are no incidents in this area yet. Choose another place."))
        else:
            radius = cleaned.get("radius") or max(DEFAULT_RADIUS_METERS, self.published.least_radius)
            cleaned["criteria"] = AlertCriteria(None, (place.latitude, place.longitude, float(radius)), categories)
            cleaned["place"] = place.name[:160]

    def _choose_place(self, text: str, ref: str) -> Place | None:
        if ref:
            place = resolve_place_ref(ref)
            if place is None:
                self.add_error("search", _("We can't find this place anymore. Search for another one."))
            return place
        if not text:
            self.add_error("search", _("Enter a street with a number, or two streets that cross."))
            return None
        self.found_places = lookup.search_places(text)
        if not self.found_places:
            self.add_error("search", _describe_no_match(text))
        elif len(self.found_places) == 1 or normalize_name(self.found_places[0].name) == normalize_name(text):
            return self.found_places[0]
        else:
            self.add_error("place_ref", _("We found more than one place. Choose one."))
        return None

    def build_alert(self, number: int = 0) -> AlertSubscription:
        criteria = self.cleaned_data["criteria"]
        assert isinstance(criteria, AlertCriteria)
        return AlertSubscription(criteria, self.cleaned_data["place"], self.cleaned_data["rhythm"], number)


def resolve_place_ref(ref: str) -> Place | None:
    """Return the place of a reference, None if there is none. A point becomes its nearest block, so that no home is stored."""
    kind, _colon, text = ref.partition(":")
    if kind != POINT:
        return lookup.find_place(ref)
    try:
        latitude, longitude = (round(float(part), 4) for part in text.split(","))
    except ValueError:
        return None
    if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
        return None
    block = lookup.find_nearest_block(latitude, longitude)
    return block or Place(ref, POINT, _("the point you chose"), latitude, longitude, "")


def build_initial_values(criteria: AlertCriteria, rhythm: str = Rhythm.WEEKLY) -> dict[str, Any]:
    """Return the form's initial values for an alert."""
    result: dict[str, Any] = {"where": CITY, "category": sorted(criteria.categories), "rhythm": rhythm}
    if criteria.area:
        result |= {"where": AREA, "area": ":".join(criteria.area)}
    elif criteria.circle:
        latitude, longitude, radius = criteria.circle
        nearest = min(RADII_METERS, key=lambda each: abs(each - radius))
        result |= {"where": PLACE, "place_ref": f"{POINT}:{latitude:.5f},{longitude:.5f}", "radius": nearest}
    return {"radius": DEFAULT_RADIUS_METERS} | result


def prefill_place(ref: str, radius: str) -> dict[str, Any]:
    """Return the form's initial values for a place and a distance in meters from another page."""
    result = build_initial_values(AlertCriteria(None, None, frozenset()))
    if resolve_place_ref(ref) is None:
        return result
    meters = int(radius) if re.fullmatch(r"[0-9]{1,6}", radius) else DEFAULT_RADIUS_METERS
    nearest = min(RADII_METERS, key=lambda each: abs(each - meters))
    return result | {"where": PLACE, "place_ref": ref, "radius": nearest}


def derive_criteria(map_filter: Filter) -> AlertCriteria:
    """Return the part of the map's filter that an alert can have: an area or else a circle, and categories."""
    circle = None if map_filter.area else map_filter.circle
    return AlertCriteria(map_filter.area, circle, map_filter.categories)


def _describe_no_match(text: str) -> str:
    return _("We couldn't find “%(text)s”. Enter a street with a number, or two streets.") % {"text": text[:60]}
