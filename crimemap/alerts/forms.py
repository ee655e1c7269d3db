"""The form in which residents say what they want to hear of by e-mail."""

from __future__ import annotations

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
POINT = "point"  # of a `place_ref`: "point:41.48500,-38.52000" where there is no block to name
USUAL_RADIUS = 500


class AlertForm(forms.Form):
    """`alert()` gives what was asked for. Found places are choices of `place_ref`; `search` alone will do where it is clear.

    With `with_address` it takes an e-mail address as well: `cleaned_data["email"]` is normalised.
    """

    where = forms.ChoiceField(
        label=gettext_lazy("Where"),
        widget=forms.RadioSelect,
        choices=[
            (CITY, gettext_lazy("The whole city")),
            (AREA, gettext_lazy("A district, beat or neighborhood")),
            (PLACE, gettext_lazy("Around a block or crossing")),
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
        choices=[
            (Rhythm.DAILY, gettext_lazy("Every morning")),
            (Rhythm.WEEKLY, gettext_lazy("On Mondays")),
            (Rhythm.MONTHLY, gettext_lazy("On the first of the month")),
        ],
        error_messages={"required": gettext_lazy("Choose how often.")},
    )
    email = forms.CharField(
        label=gettext_lazy("Your e-mail address"),
        max_length=1000,
        error_messages={"required": gettext_lazy("Write the address that we shall send to.")},
    )

    def __init__(self, published: PublishedIncidents, *args: Any, with_address: bool = True, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.published = published
        self.found: list[Place] = []
        if not with_address:
            del self.fields["email"]
        category, radius = self.fields["category"], self.fields["radius"]
        assert isinstance(category, forms.MultipleChoiceField)
        assert isinstance(radius, forms.TypedChoiceField)
        category.choices = [(slug, published.category_names[slug]) for slug in published.families]
        radius.choices = [
            (each, wording.format_distance(each)) for each in RADII_METERS if each >= published.least_radius
        ]

    # What the page shows

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
    def choices_of_place(self) -> list[tuple[str, str, str]]:
        """Reference, name and district of the places to choose from: what was found, and what was chosen before."""
        kept = self["place_ref"].value() or ""
        known = {place.ref: (place.ref, place.name, place.district) for place in self.found}
        if kept and kept not in known and (place := placed(kept)):
            known = {kept: (kept, place.name, place.district)} | known
        return list(known.values())

    def find(self) -> None:
        """Look for `search` and show what there is, whatever else is missing."""
        text = str(self["search"].value() or "").strip()[:100]
        self._errors, self.cleaned_data = ErrorDict(), {}
        self.found = lookup.search_places(text)
        if not self.found:
            self.add_error("search", _not_found(text))

    # What was asked for

    def clean_email(self) -> str:
        try:
            return subscriber_addresses.normalize_address(self.cleaned_data["email"])
        except subscriber_addresses.EmailAddressError as error:
            raise ValidationError(str(error)) from None

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        cleaned["wanted"], cleaned["place"] = None, ""
        kinds = frozenset(cleaned.get("category") or ())
        kinds = frozenset() if kinds == frozenset(self.published.families) else kinds
        match cleaned.get("where"):
            case "city":
                cleaned["wanted"] = AlertCriteria(None, None, kinds)
            case "area":
                cleaned["wanted"] = self._in_area(cleaned.get("area", ""), kinds)
            case "place":
                self._around(cleaned, kinds)
        return cleaned

    def _in_area(self, text: str, kinds: frozenset[str]) -> AlertCriteria | None:
        layer, _colon, code = text.partition(":")
        if not code or code not in self.published.areas.get(layer, []):
            self.add_error("area", _("Choose an area from the list."))
            return None
        return AlertCriteria((layer, code), None, kinds)

    def _around(self, cleaned: dict[str, Any], kinds: frozenset[str]) -> None:
        place = self._place(cleaned.get("search", "").strip(), cleaned.get("place_ref", ""))
        if place is None:
            return
        layer, _colon, code = place.area.partition(":")
        if code in self.published.areas.get(layer, []):
            cleaned["wanted"] = AlertCriteria((layer, code), None, kinds)
        elif layer == "city":
            cleaned["wanted"] = AlertCriteria(None, None, kinds)
        elif place.area:
            self.add_error("search", _("There are no incidents in this area yet. Choose another place."))
        else:
            radius = cleaned.get("radius") or max(USUAL_RADIUS, self.published.least_radius)
            cleaned["wanted"] = AlertCriteria(None, (place.latitude, place.longitude, float(radius)), kinds)
            cleaned["place"] = place.name[:160]

    def _place(self, text: str, ref: str) -> Place | None:
        if ref:
            place = placed(ref)
            if place is None:
                self.add_error("search", _("This place is not in our list any more. Look for another."))
            return place
        if not text:
            self.add_error("search", _("Write a street with a number, or two streets that cross."))
            return None
        self.found = lookup.search_places(text)
        if not self.found:
            self.add_error("search", _not_found(text))
        elif len(self.found) == 1 or normalize_name(self.found[0].name) == normalize_name(text):
            return self.found[0]
        else:
            self.add_error("place_ref", _("There are several such places. Choose one."))
        return None

    def alert(self, number: int = 0) -> AlertSubscription:
        wanted = self.cleaned_data["wanted"]
        assert isinstance(wanted, AlertCriteria)
        return AlertSubscription(wanted, self.cleaned_data["place"], self.cleaned_data["rhythm"], number)


def placed(ref: str) -> Place | None:
    """The place of a reference. A point becomes the block it is at: nobody's door need be known for an alert."""
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


def initial_of(wanted: AlertCriteria, rhythm: str = Rhythm.WEEKLY) -> dict[str, Any]:
    """What the form shows of an alert."""
    result: dict[str, Any] = {"where": CITY, "category": sorted(wanted.categories), "rhythm": rhythm}
    if wanted.area:
        result |= {"where": AREA, "area": ":".join(wanted.area)}
    elif wanted.circle:
        latitude, longitude, radius = wanted.circle
        nearest = min(RADII_METERS, key=lambda each: abs(each - radius))
        result |= {"where": PLACE, "place_ref": f"{POINT}:{latitude:.5f},{longitude:.5f}", "radius": nearest}
    return {"radius": USUAL_RADIUS} | result


def wanted_of(chosen: Filter) -> AlertCriteria:
    """What an alert can take of the map's filter."""
    return AlertCriteria(chosen.area, chosen.circle if not chosen.area else None, chosen.categories)


def _not_found(text: str) -> str:
    return _("We found no place called “%(text)s”. Write a street with a number, or two streets.") % {"text": text[:60]}
