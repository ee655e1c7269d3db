"""Recognizes offenses that no suggestion may open by their words, in English, Spanish, French and Portuguese.

A number of a code list never outranks the words: "200" is arson to the FBI and rape in Philadelphia. Stems are compared in
lower case without accents, from the start of a word.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import NamedTuple

from crimemap.models import Visibility

AREA, HIDDEN = Visibility.AREA.value, Visibility.HIDDEN.value


class SensitiveKind(NamedTuple):
    """`category` is the slug of the category that such an offense most likely belongs to, "" if that depends."""

    visibility: str
    category: str


def _pattern(*stems: str) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(stems)})")


_KINDS = (
    (
        SensitiveKind(HIDDEN, "sexual"),
        _pattern(
            r"rape", r"rapist", r"sex", r"sodom", r"molest", r"indecen", r"lewd", r"incest", r"\w*porn", r"voyeur", r"fondl",
            r"obscen", r"peep", r"groom", r"carnal", r"unnatural", r"upskirt", r"violac", r"violad", r"viols?\b(?! of)",
            r"estupr", r"pudeur", r"pudor", r"pedo(?:f|ph)", r"proxenet", r"attouch", r"tocamient", r"abus\w* desh",
            r"exhibicionis", r"exhibitionn?is", r"assedio", r"importunac",
        ),
    ),
    (
        SensitiveKind(HIDDEN, "kidnapping"),
        _pattern(
            r"kidnap", r"abduct", r"secuestr", r"enlevement", r"rapto", r"sequestr", r"false imprison", r"unlawful (?:restrain|imprison)",
            r"(?:human|person\w*|labor|labour) traffic", r"traffick?\w* (?:in |of )?(?:person|human|people|child|women)",
            r"trata\b", r"traite (?:des|d|de)\b", r"trafico de (?:pers|mulher|muj|men|sere)", r"servitude", r"forced lab", r"slavery",
            r"privacion de (?:la )?libertad", r"carcere privado", r"sequestration",
        ),
    ),
    (
        SensitiveKind(HIDDEN, "family"),
        _pattern(
            r"child", r"juvenil", r"infan", r"minors?\b(?! (?:injur|accident|damage|crash|traffic))", r"runaway", r"run away",
            r"truan", r"bab(?:y|ies)", r"bebe", r"nin[oa]s?\b", r"menor(?:es)?\b", r"mineur", r"enfan", r"crianca", r"adolescen",
            r"\w*famil", r"domest", r"spous", r"wife", r"husband", r"partner", r"conyug", r"conjug", r"pareja", r"conjoint",
            r"violencia (?:de|contra la) (?:genero|mujer)", r"violence faite", r"violencia contra (?:a )?mulher", r"elder", r"anciano", r"idos[oa]",
            r"custod(?:y|ial) (?:interf|order|disp)", r"custodial", r"protect\w* order", r"order of protection", r"restraining",
            r"no.contact order", r"orden de (?:alej|protec)", r"medida protetiva", r"suicid", r"missing person", r"bigam",
        ),
    ),
    (
        SensitiveKind(AREA, "homicide"),
        _pattern(
            r"homicid", r"murder", r"manslaught", r"kill", r"asesin", r"assassin", r"meurtr", r"femi?nicid", r"femicid", r"parricid",
            r"death", r"deces\b", r"muert", r"mort[es]?\b", r"latrocin",
        ),
    ),
)  # fmt: skip
# Offenses that are often domestic. Where a file doesn't say which are, none is shown more exactly than by area.
_OFTEN_DOMESTIC = _pattern(
    r"assault", r"assult", r"asslt", r"batter", r"intimid", r"threat", r"harass", r"stalk", r"menac", r"strang", r"chok",
    r"agresi", r"agress", r"lesion", r"lesao", r"lesoes", r"amenaz", r"ameac", r"voies de fait", r"coups", r"violenc",
    r"harcel", r"acoso", r"persegui", r"maltrat", r"maus.tratos", r"injuri", r"hostigam",
)  # fmt: skip


@lru_cache(maxsize=20_000)
def find_kind(text: str) -> SensitiveKind | None:
    """Return the strictest sensitive kind that an offense's words name; None for all others."""
    plain = _without_accents(text)
    return next((kind for kind, pattern in _KINDS if pattern.search(plain)), None)


def is_often_domestic(text: str) -> bool:
    """Return whether an offense is an assault, threat or harassment by its words."""
    return _OFTEN_DOMESTIC.search(_without_accents(text)) is not None


def _without_accents(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text.casefold().replace("_", " "))
    return "".join(character for character in decomposed if not unicodedata.combining(character))
