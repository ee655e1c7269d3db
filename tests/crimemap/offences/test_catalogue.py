"""The code lists are consistent, no looser than the publication rule, and never overwrite an agency's own choice."""

from __future__ import annotations

import csv

import pytest

from crimemap.models import Category, OffenceCode, Visibility
from crimemap.offence_families import BY_SLUG
from crimemap.offences import catalogue
from crimemap.privacy.visibility import STRICTNESS, decide_visibility, strictest_visibility

CATEGORIES = {row["slug"]: row for row in csv.DictReader((catalogue.DATA / "categories.csv").open(encoding="utf-8"))}
ALL = [(scheme, code) for scheme in catalogue.schemes() for code in catalogue.code_list(scheme).codes]

# People described by one of these words must not be identifiable through the map.
HIDING = (
    "RAPE", "SEXUAL", "SODOMY", "INCEST", "PORNOGRAPH", "INDECENT", "LEWD", "PEEPING", "CHILD", "JUVENILE", "RUNAWAY",
    "CURFEW", "DOMESTIC", "INTIMATE PARTNER", "SPOUS", "FAMILY", "ORDER OF PROTECTION", "RESTRAINING ORDER",
    "NO CONTACT ORDER", "STALKING", "KIDNAP", "ABDUCTION", "TRAFFICKING, COMMERCIAL", "TRAFFICKING - ", "IMPRISONMENT",
    "RESTRAINT", "CHOK", "STRANGUL", "TO A MINOR", "PERSON UNDER 18",
)  # fmt: skip
# Kinds that share a code: the crime types of data.police.uk are no finer.
REPORTED_TOGETHER = {("police_uk", "Violence and sexual offences"): "area"}


def named(*parts: str) -> list[catalogue.CatalogueCode]:
    return [code for _, code in ALL if any(part in code.label.upper() for part in parts)]


def test_every_code_has_a_category_and_fits_its_columns():
    for scheme, code in ALL:
        assert code.category in CATEGORIES, code
        assert code.visibility in Visibility.values, code
        assert 0 < len(code.code) <= OffenceCode._meta.get_field("code").max_length, code
        assert 0 < len(code.label) <= OffenceCode._meta.get_field("label").max_length, code
        assert len(scheme) <= OffenceCode._meta.get_field("scheme").max_length
    assert {row["family"] for row in CATEGORIES.values()} == set(BY_SLUG)


def test_no_two_lines_of_a_list_contradict_each_other():
    """Two lines with the same key, by code or by label, have the same category and visibility."""
    for scheme in catalogue.schemes():
        meant: dict[str, catalogue.CatalogueCode] = {}
        rows = csv.DictReader((catalogue.DATA / "codes" / f"{scheme}.csv").open(encoding="utf-8"))
        for row in rows:
            code = catalogue.code_list(scheme).find([row["code"]])
            assert code is not None
            assert code.code == row["code"], "two codes that look alike"
            for name in (row["code"], row["label"], *filter(None, row["also"].split(" | "))):
                other = meant.setdefault(catalogue.comparison_key(name), code)
                same = (other.category, other.visibility, other.domestic)
                assert same == (code.category, code.visibility, code.domestic), f"{scheme}: {name}"


def test_codes_about_protected_people_are_hidden():
    found = 0
    for scheme, code in ALL:
        if any(word in code.label.upper() for word in HIDING):
            expected = REPORTED_TOGETHER.get((scheme, code.code), "hidden")
            assert code.visibility == expected, f"{scheme} {code}"
            found += 1
    assert found > 150
    assert all(code.visibility == "hidden" for _, code in ALL if code.domestic)


@pytest.mark.parametrize("slug", ["homicide", "fraud", "prostitution"])
def test_homicide_fraud_and_prostitution_are_shown_by_area_at_most(slug: str):
    of_it = [code for _, code in ALL if code.category == slug]
    assert of_it
    assert all(code.visibility != "block" for code in of_it)
    assert CATEGORIES[slug]["least_visibility"] == "area"


@pytest.mark.parametrize("slug", ["sexual", "family", "kidnapping"])
def test_hidden_categories_have_only_hidden_codes(slug: str):
    assert CATEGORIES[slug]["least_visibility"] == "hidden"
    assert all(code.visibility == "hidden" for _, code in ALL if code.category == slug)


def test_no_code_is_looser_than_its_category():
    for scheme, code in ALL:
        least = CATEGORIES[code.category]["least_visibility"]
        assert decide_visibility(code.visibility, least) == code.visibility, f"{scheme} {code}"


def test_harassment_and_remote_threats_are_not_shown_by_block():
    """They are reported from the home of the person who received them."""
    from_afar = named("TELEPHONE THREAT", "HARASSMENT", "PHONE CALLS")
    assert len(from_afar) > 6
    assert {code.visibility for code in from_afar} <= {"area", "hidden"}
    assert catalogue.code_list("chicago").find(["2825"]).visibility == "area"
    assert catalogue.code_list("los_angeles").find(["928"]).visibility == "area"
    assert catalogue.code_list("new_york").find(["PD 639"]).visibility == "area"


def test_offender_registration_is_not_shown_by_block():
    registered = named("REGISTER", "REGISTRANT", "REGISTRATION")
    people = [code for code in registered if "OFFENDER" in code.label.upper() or "ARSONIST" in code.label.upper()]
    assert len(people) > 10
    assert {code.visibility for code in people} == {"area"}


def test_lists_without_a_domestic_flag_show_assaults_by_area():
    for scheme in ("police_uk", "philadelphia"):
        assaults = [code for code in catalogue.code_list(scheme).codes if code.category == "assault"]
        assert assaults
        assert {code.visibility for code in assaults} == {"area"}
    assert catalogue.code_list("new_york").find(["PD 101"]).visibility == "area"


def test_a_catch_all_code_is_as_strict_as_the_strictest_of_its_type():
    """Chicago adds codes: a new code of a known type takes the visibility of the type's catch-all."""
    listed = catalogue.code_list("chicago").codes
    rests = [code for code in listed if code.label.endswith(": any other")]
    assert len(rests) > 20
    for rest in rests:
        of_type = [code.visibility for code in listed if code.label.startswith(f"{rest.code}: ") and code is not rest]
        assert STRICTNESS.index(rest.visibility) >= STRICTNESS.index(strictest_visibility(*of_type)), rest


@pytest.mark.parametrize("scheme", ["philadelphia", "new_york"])
def test_a_general_code_is_as_strict_as_the_finer_ones_below_it(scheme: str):
    listed = catalogue.code_list(scheme)
    finer = {"philadelphia": ["100 ", "400 ", "600 "], "new_york": []}[scheme]
    for start in finer:
        below = [code.visibility for code in listed.codes if code.code.startswith(start)]
        general = listed.find([start.strip()])
        assert general is not None
        assert STRICTNESS.index(general.visibility) >= STRICTNESS.index(strictest_visibility(*below))
    if scheme == "new_york":  # key codes under which orders of protection, stranglings and minors are found
        for key_code in ("106", "115", "126", "234", "344", "355", "356", "359", "361"):
            assert listed.find([f"KY {key_code}"]).visibility == "hidden"


def test_codes_are_found_by_code_by_label_and_by_the_label_of_another_year():
    chicago = catalogue.code_list("chicago")
    simple = chicago.find(["0560"])
    assert simple.label == "ASSAULT: SIMPLE"
    assert chicago.find(["", "assault:  simple"]) is simple
    assert chicago.find(["ROBBERY: STRONGARM - NO WEAPON"]).code == "0320"
    assert chicago.find(["9998", "no such thing", "BURGLARY"]).label == "BURGLARY: any other"
    assert chicago.find(["9998", "OTHER OFFENSE"]) is None, "a type that mixes kinds decides nothing"
    assert catalogue.code_list("an agency's own").find(["0560"]) is None


@pytest.mark.django_db
def test_missing_codes_are_created_once_and_the_agencys_changes_stay():
    OffenceCode.objects.all().delete()
    Category.objects.all().delete()
    written = catalogue.create_missing_codes()
    assert written == len(ALL) + len(CATEGORIES)
    assert Category.objects.count() == len(CATEGORIES)
    for category in Category.objects.all():
        category.full_clean()

    OffenceCode.objects.filter(scheme="chicago", code="0560").update(visibility="hidden")
    OffenceCode.objects.filter(scheme="chicago", code="0610").update(category=None, visibility="")
    OffenceCode.objects.filter(scheme="chicago", code="0620").delete()
    Category.objects.filter(slug="theft").update(name="Larceny", least_visibility="area")
    assert catalogue.create_missing_codes() == 1
    assert OffenceCode.objects.get(scheme="chicago", code="0560").visibility == "hidden"
    assert OffenceCode.objects.get(scheme="chicago", code="0610").category is None
    assert OffenceCode.objects.get(scheme="chicago", code="0620").category.slug == "burglary"
    assert Category.objects.get(slug="theft").name == "Larceny"
    assert catalogue.create_missing_codes() == 0


@pytest.mark.django_db
def test_a_category_that_the_agency_deleted_stays_deleted():
    catalogue.create_missing_codes()
    traffic = Category.objects.get(slug="traffic")
    traffic.codes.update(category=Category.objects.get(slug="other"))
    traffic.delete()
    assert catalogue.create_missing_codes() == 0
    assert not Category.objects.filter(slug="traffic").exists()
