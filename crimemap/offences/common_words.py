"""Recognizes common offenses by the words that clerks use for them, in English, Spanish, French, Portuguese, German and Italian.

Only what names one category is recognized: "BURGLARY - RESIDENTIAL" is a burglary, "THEFT AND VANDALISM" is left to a person.
A word that is two offenses in two countries, such as "robo", is not among them. Compared as `sensitive_words` does, which
come first.
"""

from __future__ import annotations

import re
from functools import lru_cache

from crimemap.offences.sensitive_words import fold_words, stem_pattern

_PUNCTUATION = re.compile(r"[^\w&/]+")
_VEHICLE = r"(?:(?:motor |mtr )?veh\w*|m/?v\b|autos?\b|automobiles?|cars?\b|trucks?\b|motorcycles?|mopeds?)"
_THEFT = r"(?:theft|larceny|stolen)(?: (?:grand|petit|petty))?"
_PARTS = r"(?:part|acc|lic|plate|tag|equip|prop|motorcycle acc|repair)"
# By the slug of the category.
_CATEGORIES = {
    "vehicle-theft": stem_pattern(
        rf"{_VEHICLE} (?:theft|larceny|stolen)", rf"{_THEFT}(?: of)?(?: an?)? {_VEHICLE}(?!(?: or from| and from|/| )+(?:{_PARTS}|a vehicle))",
        rf"stolen {_VEHICLE}", r"grand theft auto(?! repair)", r"gta\b", r"uumv\b", rf"unauth\w* use (?:of )?(?:an? )?{_VEHICLE}",
        r"(?:robo|hurto) de (?:vehiculo|auto|coche|moto)", r"vols? de (?:vehicule|voiture|auto|moto)", r"(?:furto|roubo) de (?:veiculo|auto|moto)",
        r"furt[oi] (?:di |d.)(?:auto|veicol|moto)", r"(?:kfz|kraftfahrzeug|auto|fahrzeug) ?diebst",
    ),
    "theft-from-vehicle": stem_pattern(
        rf"(?:{_THEFT}|burg\w*|b ?& ?e|break\w*) (?:from|in|into)(?: an?)? {_VEHICLE}", rf"burg\w* (?:to |of )?(?:an? )?{_VEHICLE}", r"tf[av]\b", r"tfmv\b", r"bmv\b",
        rf"{_VEHICLE} (?:burg|prowl|break|b ?& ?e)", rf"{_THEFT} (?:of )?(?:{_VEHICLE}[ /]+)?(?:acc|lic|plate|motorcycle acc|vehicle part)", rf"{_THEFT} (?:of )?{_VEHICLE}[ /]+(?:part|motorcycle acc|acc)", r"catalytic",
        r"(?:robo|hurto) (?:en|a) (?:interior de )?(?:vehiculo|auto|coche)", r"vols? (?:dans|a la roulotte|sur) ?(?:les |un |une )?(?:vehicule|voiture|auto)?",
        r"furto (?:em|no) (?:interior de )?veiculo", r"furto su auto",
    ),
    "fraud": stem_pattern(
        r"fraud", r"forg(?:e|ery)", r"counterfeit", r"identity th", r"theft of identity", r"id theft", r"defraud", r"decepti", r"bunco", r"(?:false|bad) promise", r"by (?:check|credit|bank|open|false|acq)", r"acct\b", r"accounts?\b", r"embezz", r"credit card", r"bad checks?",
        r"worthless check", r"swindl", r"scam", r"false pretens", r"con game", r"impersonat", r"estafa", r"falsific", r"escroquer", r"abus de confiance",
        r"estelionato", r"betrug", r"urkundenfalsch", r"truff",
    ),
    "burglary": stem_pattern(
        r"burg", r"break(?:ing)? ?(?:and|&|/|-)? ?ent", r"b ?& ?e\b", r"home invasion", r"(?:robo|hurto) (?:a|en) (?:casa|domicilio|vivienda|negocio|comercio)",
        r"cambriol", r"effraction", r"(?:furto|roubo) (?:a|em|de) (?:residencia|domicilio|casa)", r"\w*einbruch", r"furto in (?:abitazione|casa)",
    ),
    "robbery": stem_pattern(r"robbe", r"strong.?arm", r"hold.?up", r"mugging", r"roubo", r"\w*raub", r"vols? avec (?:arme|violence)", r"rapin", r"asalto"),
    "theft": stem_pattern(
        r"theft", r"thft", r"larc", r"steal", r"shop.?lift", r"pick.?pocket", r"purse", r"pilfer", r"hurto", r"vols?\b(?! (?:avec|de ve|dans))", r"furt[oi]\b", r"\w*diebst",
    ),
    "vandalism": stem_pattern(
        r"vandal", r"graf+it", r"crim\w*\.? (?:misch|damage)", r"malicious (?:misch|dam)", r"damage (?:to|of) (?:prop|veh|build)", r"property damage",
        r"destr\w*(?:/damage/vandal\w*)?(?: of)? prop", r"tagging\b", r"danos?\b", r"mefait", r"degradation", r"sachbeschad", r"danneggiament",
    ),
    "drugs": stem_pattern(
        r"drugs?\b", r"narc", r"control\w*\.? (?:dangerous )?subst", r"cds\b", r"marij", r"cannabis", r"cocaine", r"heroin", r"meth(?:amph|\b)", r"fentanyl",
        r"opi(?:um|ate|oid)", r"paraphern", r"vcsa\b", r"drogas?\b", r"estupefac", r"narcotr", r"stupef", r"entorpec", r"betaubung", r"btm", r"stupefacent",
    ),
    "weapons": stem_pattern(
        r"weapon", r"firearm", r"guns?\b", r"handgun", r"ammunit", r"uuw\b", r"ccw\b", r"brandish", r"shots? fired", r"portacion de arma", r"port d.arme", r"porte (?:ilegal )?de arma",
        r"waffen",
    ),
    "arson": stem_pattern(r"arson", r"incendio (?:intencional|provocado|doloso|criminoso)", r"incendie (?:criminel|volontaire)", r"brandstift"),
    "traffic": stem_pattern(
        r"d[uw]i\b", r"owi\b", r"ovi\b", r"duii", r"driv\w* (?:under|while)", r"(?:drunk|impaired|intoxicated) driv", r"hit (?:and|&|/|-) ?run", r"reckless driv",
        r"traffic (?:viol|off|coll|acc|crash)", r"susp\w* (?:lic|oper)", r"unlicensed (?:driv|oper)", r"expired (?:reg|tag)", r"leav\w* (?:the )?scene",
    ),
    "disorder": stem_pattern(
        r"trespas", r"disorder", r"distur", r"breach of (?:the )?peace", r"public (?:intox|nuis|drunk)", r"drunk(?! roll)", r"intoxicat", r"noise", r"panhandl", r"nuisance",
        r"open container", r"urinat", r"allanamiento", r"tapage", r"hausfriedens", r"ruhestor",
    ),
}  # fmt: skip
# What these words add to an offense may change its category, or who should read of it.
_LEFT_TO_PEOPLE = stem_pattern(
    r"regist", r"offender", r"ritual", r"prostit", r"gambl", r"(?:person|boy|girl|age)\w* under", r"under 1\d", r"under the influence of drugs", r"vagran",
    r"licens\w* law", r"extort", r"services\b", r"labor\b", r"lessee", r"repair", r"lost\b", r"found\b", r"recover", r"inform", r"assist", r"conspir", r"accessory",
    r"suspicious", r"false alarm", r"alarm\b", r"theft any other", r"librar", r"video", r"photo",
)  # fmt: skip
# A category whose words say more outranks these.
_OUTRANKED = {
    "vehicle-theft": {"theft", "robbery", "burglary"},
    "theft-from-vehicle": {"theft", "burglary", "vehicle-theft"},
    "fraud": {"theft"},
    "burglary": {"theft"},
    "robbery": {"theft", "weapons"},
    "traffic": {"disorder", "drugs"},
}


@lru_cache(maxsize=20_000)
def find_category(text: str) -> str:
    """Return the slug of the one category that an offense's words name; "" if they name none or several."""
    plain = _PUNCTUATION.sub(" ", fold_words(text)).strip()
    if _LEFT_TO_PEOPLE.search(plain):
        return ""
    found = {category for category, pattern in _CATEGORIES.items() if pattern.search(plain)}
    for category in sorted(found):
        found = found - _OUTRANKED.get(category, set())
    return found.pop() if len(found) == 1 else ""
