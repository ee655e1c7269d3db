"""Recognizes offenses that no suggestion may open by their words, in English, Spanish, French, Portuguese, German and Italian.

A number of a code list never outranks the words: "200" is arson to the FBI and rape in Philadelphia. Stems are compared in
lower case without accents, from the start of a word. Clerks' abbreviations are among them: "CRIM SEX CONTACT", "AGG ASLT",
"VIOL. INTRAFAMILIAR". A word too many costs an administrator one change; a word too few may show a home.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import NamedTuple

from crimemap.models import Visibility

HIDDEN = Visibility.HIDDEN.value


class SensitiveKind(NamedTuple):
    """The least visibility that such an offense starts with, and the slug of the category that it most likely belongs to."""

    visibility: str
    category: str


def stem_pattern(*stems: str) -> re.Pattern[str]:
    """Return a pattern of stems that are compared from the start of a word."""
    return re.compile(rf"\b(?:{'|'.join(stems)})")


# "Viol" is rape in French, and short for "violation" in English: not if these words stand beside it.
_ENGLISH_BEFORE_VIOL = "".join(
    rf"(?<!{word} )" for word in ("traffic", "parole", "probation", "ordinance", "park", "parking", "law", "code", "prob", "city", "trf")
)  # fmt: skip
_ENGLISH_AFTER_VIOL = (
    r"(?!\.? ?(?:of|traf|city|ord|prob|park|liq|muni|law|state|county|parole|hlth|health|weap|drug|fire))"
)
_PROTECTIVE_ORDERS = (
    r"prot\w* (?:and |or |from )?\w* ?ord", r"protect\w* order", r"orders? of protection", r"restraining", r"no.contact", r"[ept]po\b",
    r"t?ro\b viol", r"viol?\w*\.? (?:of )?(?:an? )?(?:t?ro|po|epo|tpo|prot\w*|restr\w*|court ord\w*)\b", r"vpo\b", r"dvpo",
    r"orden de (?:alej|protec)", r"medidas? (?:protetiva|de protecc|cautelar)", r"ordonnance de protection",
)  # fmt: skip
_KINDS = (
    (
        SensitiveKind(HIDDEN, "sexual"),
        stem_pattern(
            # English
            r"rape", r"rapist", r"sex", r"\w*sexual", r"sodom", r"molest", r"indecen", r"ind\.? (?:exp|lib|ass)", r"lewd", r"lasciv",
            r"l ?& ?l\b", r"incest", r"\w*porn", r"voyeur", r"fondl", r"grop(?:e|ing)", r"obscen", r"peep", r"groom", r"carnal", r"unnatural",
            r"deviate", r"upskirt", r"unwanted touch", r"entic", r"lur(?:e|ing)\b", r"fornicat", r"bestial", r"flash(?:er|ing)", r"nud(?:e|ity)",
            r"expos(?:ing|e|ed)\b(?! to)", r"exposure\b(?! to)", r"genital", r"invasion of privacy", r"stealthing", r"pimp", r"pander",
            r"intimate (?:image|photo)", r"csc\b", r"csam\b", r"cp poss", r"idsi\b", r"idvi\b", r"gsi\b",
            # Spanish, Portuguese
            r"violac", r"violad", r"estupr", r"pudor", r"pedo(?:f|ph)", r"pederast", r"tocamient", r"abus\w* desh", r"exhibicionis",
            r"assedio", r"importunac", r"libidin", r"lenocin", r"rufianis", r"moral publica", r"ultraje",
            # French, Italian, German
            rf"{_ENGLISH_BEFORE_VIOL}viols?\b{_ENGLISH_AFTER_VIOL}", r"pudeur", r"proxenet", r"attouch", r"exhibition", r"moeurs",
            r"stupr", r"sessual", r"\w*vergewaltig", r"\w*missbrauch", r"sittlichkeit", r"unzucht", r"notzucht",
        ),
    ),
    (
        SensitiveKind(HIDDEN, "kidnapping"),
        stem_pattern(
            r"kidnap", r"kdnp", r"abduct", r"hostage", r"false\w* impris", r"unlaw\w*\.? (?:restrain|impris|det)",
            r"(?:human|person\w*|labor|labour) traf", r"traffick?\w* (?:in |of )?(?:person|human|people|child|women)", r"servitude",
            r"forced lab", r"slave", r"secuestr", r"plagio\b", r"rapto", r"rehen", r"refe(?:m|ns)\b", r"trata\b", r"carcere privado",
            r"privac\w+ (?:ilegal |ilegitima |arbitraria )?(?:de |da )?(?:la |su )?liber", r"detencion ilegal", r"sustraccion de",
            r"trafico de (?:pes|pers|mulher|muj|men|sere|crian)", r"escrav", r"esclav", r"sequestr", r"enlevement", r"otage",
            r"traite (?:des|d|de)\b", r"entfuhr", r"freiheitsberaub", r"geisel", r"menschen(?:handel|raub)", r"verschlepp",
        ),
    ),
    (
        SensitiveKind(HIDDEN, "family"),
        stem_pattern(
            # English
            r"child", r"chld", r"juv", r"infan(?!try)", r"minors?\b(?! (?:injur|accident|damage|crash|traffic|coll))", r"runaway", r"run away",
            r"truan", r"curfew", r"incorrig", r"bab(?:y|ies)", r"newborn", r"girls?\b", r"\w*famil", r"fam\b", r"domest", r"household",
            r"dom\.? ?(?:bat|viol|asl|asslt|dist|abus|rel)", r"d\.?v\b", r"f\.?v\b", r"spous", r"wife", r"husband", r"partner", r"boyfriend",
            r"girlfriend", r"dating", r"cohabit", r"pregnan", r"elder", r"vulnerable", r"disabled", r"dependent", r"aged\b", r"neglect",
            r"custod(?:y|ial) (?:interf|order|disp)", r"custodial", r"guardian", r"non.?support", r"abandonment", r"bigam", r"missing (?:pers|adult|end)",
            r"suicid", r"overdose", r"mental", r"5150", r"welfare (?:check|conc)", *_PROTECTIVE_ORDERS,
            # Spanish, Portuguese
            r"nin[oa]s?\b", r"menor(?:es)?\b", r"adolescen", r"bebe", r"crianca", r"conyug", r"conjug", r"pareja", r"mujer", r"mulher",
            r"violencia de genero", r"maria da penha", r"maltrat", r"malos tratos", r"maus.tratos", r"incapa(?:z|c)", r"abandono",
            r"aliment(?:ar|o)", r"anciano", r"idos[oa]", r"desaparec", r"desaparic", r"novi[oa]\b", r"concubin", r"hij[oa]s?\b", r"filh[oa]s?\b",
            # French, Italian, German
            r"mineur", r"enfan", r"conjoint", r"femme", r"violence faite", r"abandon d", r"fugue", r"disparition", r"disparu",
            r"minorenn", r"persecutori", r"scompars", r"hauslich", r"kinde[rs]", r"minderjahr", r"schutzbefohl", r"vermisst", r"suizid",
            r"selbstmord", r"selbsttot", r"ehefrau", r"ehegatt",
        ),
    ),
    (
        SensitiveKind(HIDDEN, "homicide"),
        stem_pattern(
            r"homicid", r"hom\b", r"murder", r"mansl", r"kill", r"death", r"dead\b", r"deceas", r"doa\b", r"fatal", r"asesin", r"assassin",
            r"femi?nicid", r"femicid", r"parricid", r"muert", r"cadaver", r"latrocin", r"obito", r"envenen", r"meurtr", r"deces\b", r"empoison",
            r"mort(?:e|es|el|els|elle|elles|al|ales|ais)?\b", r"omicid", r"mord\b", r"mordes", r"ermord", r"totschlag", r"\w*totung", r"leiche",
        ),
    ),
)  # fmt: skip
# Offenses that are often domestic, by their category. Where a file doesn't say which are, none is shown more exactly than by area.
_OFTEN_DOMESTIC = (
    (
        "threats",
        stem_pattern(
            r"intimid", r"threat", r"thrt", r"terr\w*\.? thr", r"harass", r"hrsmt", r"stalk", r"menac", r"coerc", r"blackmail", r"annoy",
            r"(?:tele)?phone (?:call|thr|har)", r"amenaz", r"ameac", r"acoso", r"persegui", r"hostigam", r"coacc", r"constrangimento", r"injuri",
            r"caluni", r"calumni", r"harcel", r"minacc", r"bedroh", r"\w*notigung", r"nachstell", r"belastig",
        ),
    ),
    (
        "assault",
        stem_pattern(
            r"assault", r"assult", r"asslt", r"aslt", r"asl\b", r"ass?l?t?\.? ?& ?bat", r"a ?& ?b\b", r"adw\b", r"batter", r"batt?\b", r"strang", r"chok",
            r"injury", r"wound", r"mayhem", r"bodily", r"gbh\b", r"abh\b", r"fight", r"affray", r"endanger", r"agresi", r"agress", r"lesion",
            r"lesao", r"lesoes", r"violen[cz]", r"golpe", r"rina", r"vias de fato", r"voies de fait", r"coups", r"blessur", r"cbv\b", r"percoss",
            r"korperverletz", r"tatlichkeit", r"gewalt",
        ),
    ),
)  # fmt: skip


@lru_cache(maxsize=20_000)
def find_kind(text: str) -> SensitiveKind | None:
    """Return the strictest sensitive kind that an offense's words name; None for all others."""
    plain = fold_words(text)
    return next((kind for kind, pattern in _KINDS if pattern.search(plain)), None)


def find_often_domestic(text: str) -> str:
    """Return the slug of the category of an assault, threat or harassment, by its words; "" for all other offenses."""
    plain = fold_words(text)
    return next((category for category, pattern in _OFTEN_DOMESTIC if pattern.search(plain)), "")


def fold_words(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text.casefold().replace("_", " "))
    return "".join(character for character in decomposed if not unicodedata.combining(character))
