"""Suggests a category and a visibility for an offense code: from known lists, and from its words. A suggestion never opens."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

from crimemap.importing import profiles
from crimemap.importing.profiles import generic
from crimemap.importing.profiles.base import JOINER
from crimemap.models import OffenceCode, Source, Visibility
from crimemap.offences import catalogue, common_words, sensitive_words
from crimemap.offences.catalogue import CatalogueCode
from crimemap.offences.classification import STRICTNESS

USUAL_LIST = "nibrs"


class Basis(StrEnum):
    """LIST: the known list has the code's words, and no other offense under its number. WORDS: words that call for caution.
    COMMON: words that name one common offense, and no other under its number."""

    NONE = ""
    LIST = "list"
    WORDS = "words"
    COMMON = "common"


class Suggestion(NamedTuple):
    """`category` is a slug; all are empty without a suggestion."""

    category: str
    visibility: str
    basis: Basis


NOTHING = Suggestion("", "", Basis.NONE)


def find_best_list(codes: Iterable[OffenceCode]) -> str:
    """Return the known list that has the words of most of these codes; the FBI's if none has more."""
    words = [_list_words(code) for code in codes]
    counts = {
        name: sum(catalogue.code_list(name).find(each) is not None for each in words) for name in catalogue.schemes()
    }
    return max(counts, key=lambda name: (counts[name], name == USUAL_LIST))


def _list_words(code: OffenceCode) -> list[str]:
    """Return the texts of a code that a list may have, without its number."""
    _number, words = _split_number(code.code)
    return [text for text in (code.label, words, words.split(JOINER, maxsplit=1)[0]) if text]


def suggest(code: OffenceCode, *, list_name: str = USUAL_LIST, domestic_is_known: bool = False) -> Suggestion:
    """Suggest what the code's words say, unless its number is another offense's in the list, and nothing for a number alone:
    200 is arson to the FBI and rape in Philadelphia. Sensitive words count whatever the number.

    No suggestion is looser than any that the number, the words or their stems call for.
    """
    list_ = catalogue.code_list(list_name)
    text = f"{code.code} {code.label}"
    number, _words = _split_number(code.code)
    by_words = list_.find(_list_words(code))
    by_number = list_.find(filter(None, [number]))
    kind, often_domestic = sensitive_words.find_kind(text), sensitive_words.find_often_domestic(text)
    if kind and not (by_words and by_words.visibility == Visibility.HIDDEN):
        category = kind.category
    else:
        category = by_words.category if by_words else often_domestic
        if not kind and by_number and by_number.category != category:
            category = ""
    if not category:
        return NOTHING if by_words or kind or often_domestic else _suggest_common(code, text, by_number)
    visibilities = [each.visibility for each in (by_words, by_number, kind) if each]
    if often_domestic and not (by_words and domestic_is_known):
        visibilities.append(Visibility.AREA)
    is_from_list = by_words is not None and by_words.category == category
    basis = Basis.LIST if is_from_list else Basis.WORDS
    return Suggestion(category, max(visibilities, key=STRICTNESS.__getitem__), basis)


def _suggest_common(code: OffenceCode, text: str, by_number: CatalogueCode | None) -> Suggestion:
    """Suggest the one category that common words name, as strictly as any known list that has the code's very words."""
    category = common_words.find_category(text)
    if not category or (by_number and by_number.category != category):
        return NOTHING
    found = [catalogue.code_list(name).find(_list_words(code)) for name in catalogue.schemes()]
    others = [each for each in (by_number, *found) if each]
    if any(each.category != category for each in others):
        return NOTHING
    strictest = max((Visibility.BLOCK, *(each.visibility for each in others)), key=STRICTNESS.__getitem__)
    return Suggestion(category, str(strictest), Basis.COMMON)


def _split_number(code: str) -> tuple[str, str]:
    """Return the number that a code begins with, such as "13A", and the words behind it; "" for what it lacks."""
    first, *rest = code.split(JOINER) if JOINER in code else code.split(maxsplit=1)
    if not any(character.isdigit() for character in first):
        return "", code
    return first, JOINER.join(rest).strip(" -:")


def schemes_that_tell_domestic() -> set[str]:
    """Return the code lists whose sources all have a column of domestic incidents."""
    tell: dict[str, bool] = {}
    for source in Source.objects.all():
        if source.profile == profiles.GENERIC:
            scheme = source.profile_config.get("scheme") or generic.own_scheme(source.slug)
            has_column = bool(source.profile_config.get("columns", {}).get("domestic"))
        elif source.profile in profiles.NAMES:
            profile = profiles.get_profile(source.profile)
            scheme, has_column = profile.scheme, bool(profile.domestic)
        else:
            continue
        tell[scheme] = tell.get(scheme, True) and has_column
    return {scheme for scheme, does_tell in tell.items() if does_tell}
