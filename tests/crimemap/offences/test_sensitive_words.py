"""Words of offenses that no suggestion may open, as clerks of six languages write and shorten them."""

from __future__ import annotations

import pytest

from crimemap.models import OffenceCode
from crimemap.offences import sensitive_words, suggestions

SEXUAL = """
RAPE | 200 Rape | Forcible Rape | STATUTORY RAPE | CRIM SEX CONTACT | CRIMINAL SEXUAL CONDUCT 1ST DEG | CSC 1ST |
SEX ASLT | SEX OFF | SEXUAL BATTERY | SEXL ABUSE | AGG SEX ASSLT | LEWD | LEWD & LASCIVIOUS | L&L BATTERY |
INDECENCY W/CHILD | INDECENT EXPOSURE | IND EXP | IND LIBERTIES | PUBLIC INDECENCY | SODOMY | CARNAL KNOWLEDGE |
PEEPING TOM | VOYEURISM | INVASION OF PRIVACY - PHOTO | REVENGE PORN | CHILD PORN | CP POSSESSION | CSAM |
PORNOGRAPHY | OBSCENITY | FONDLING | GROPING | UNWANTED TOUCHING | UPSKIRT | GROOMING | SOLICITATION OF A MINOR |
ENTICING A MINOR | ONLINE ENTICEMENT | LURING | MOLESTATION | INCEST | FORNICATION | DEVIATE SEXUAL INTERCOURSE |
IDSI | IDVI | BESTIALITY | FLASHER | EXPOSING | EXPOSURE OF PERSON | GROSS SEXUAL IMPOSITION | GSI | SEXTORTION |
STEALTHING | ABUSO SEXUAL | VIOLACIÓN | VIOLACION DE MENOR | VIOLACIONES | ESTUPRO | ACOSO SEXUAL |
HOSTIGAMIENTO SEXUAL | ABUSO DESHONESTO | ACTOS LASCIVOS | CORRUPCION DE MENORES | AGRESIÓN SEXUAL |
DELITOS CONTRA LA LIBERTAD SEXUAL | DELITO CONTRA LA LIBERTAD E INDEMNIDAD SEXUALES | EXHIBICIONISMO |
PORNOGRAFÍA INFANTIL | TRATA DE PERSONAS | TRATA | PEDERASTIA | viol | viols | viol sur mineur | viol conjugal |
tentative de viol | atteinte sexuelle | agression sexuelle | harcèlement sexuel | attouchements | outrage sexiste |
corruption de mineur | pédopornographie | exhibition | proxénétisme | estupro de vulnerável | violência sexual |
assédio sexual | importunação sexual | ato obsceno | atentado violento ao pudor | stupro | violenza sessuale |
Vergewaltigung | sexuelle Nötigung | sexueller Missbrauch | Exhibitionismus | Kinderpornografie | Kindesmissbrauch |
sexuelle Belästigung
"""
KIDNAPPING = """
KIDNAPPING | KIDNAP | KIDNAPPING/ABDUCTION | ABDUCTION | UNLAWFUL RESTRAINT | UNLAWFUL IMPRISONMENT |
FALSE IMPRISONMENT | UNLAW IMPRIS | HUMAN TRAFFICKING | HUMAN TRAFFICKING, COMMERCIAL SEX ACTS |
INVOLUNTARY SERVITUDE | PARENTAL KIDNAPPING | HOSTAGE | HOSTAGE TAKING | SECUESTRO | SECUESTRO EXPRESS | RAPTO |
PRIVACIÓN ILEGAL DE LA LIBERTAD | PRIVACION ILEGITIMA DE LIBERTAD | DETENCION ILEGAL | SUSTRACCIÓN DE MENORES |
enlèvement | séquestration | traite des êtres humains | prise d'otage | enlèvement et séquestration | sequestro |
sequestro relâmpago | cárcere privado | tráfico de pessoas | redução à condição análoga à de escravo | Entführung |
Freiheitsberaubung | Geiselnahme | Menschenhandel | Menschenraub | sequestro di persona
"""
FAMILY = """
DOMESTIC VIOLENCE | DV | DV ASSAULT | DOM VIOL | DOM BATT | DOMESTIC BATTERY | ASSAULT-DV |
ASSAULT - FAMILY VIOLENCE | FAM VIOL | FV ASSAULT | A/FV | ASSLT FAM/HOUSEHOLD MEMBER | ASSAULT HOUSEHOLD MEMBER |
CHILD ABUSE | CHILD NEGLECT | CHILD ENDANGERMENT | ENDANGERING THE WELFARE OF A CHILD | CRUELTY TO CHILDREN |
INJURY TO CHILD | CHLD ABUSE | JUVENILE | JUV PROBLEM | JUV RUNAWAY | RUNAWAY | RUN AWAY | MISSING JUVENILE |
MISSING PERSON | MISSING PERSONS | CUSTODIAL INTERFERENCE | CUSTODY DISPUTE | CONTRIBUTING TO DELINQUENCY OF MINOR |
TRUANCY | CURFEW | CURFEW VIOLATION | INCORRIGIBLE | ELDER ABUSE | VULNERABLE ADULT ABUSE | ABUSE OF DISABLED |
ABUSE OF DEPENDENT ADULT | NEGLECT OF AGED PERSON | VIOLATE PROTECTIVE ORDER | VIO PROTECTION ORDER |
VIOL OF RESTRAINING ORDER | VIOL RO | VPO | VIOLATION OF ORDER OF PROTECTION | NO-CONTACT ORDER VIOLATION |
VIOL OF NO CONTACT ORDER | INTIMATE PARTNER | SPOUSE ABUSE | SPOUSAL BATTERY | WIFE BEATING | NON-SUPPORT |
NONSUPPORT OF CHILD | ABANDONMENT | STRANGULATION-DOMESTIC | SUICIDE | ATTEMPT SUICIDE | SUICIDAL SUBJECT |
OVERDOSE | MENTAL HEALTH | MENTALLY ILL | 5150 | WELFARE CHECK | INFANTICIDE | VIOL. INTRAFAMILIAR |
VIOLENCIA FAMILIAR | VIOLENCIA INTRAFAMILIAR | VIOLENCIA DOMESTICA | VIOLENCIA DE GENERO |
VIOLENCIA CONTRA LA MUJER | INCUMPLIMIENTO DE OBLIGACIONES DE ASISTENCIA FAMILIAR |
INCUMPLIMIENTO DE OBLIGACION ALIMENTARIA | MALTRATO INFANTIL | MALTRATO A MENOR | ABANDONO DE PERSONA |
ABANDONO DE MENOR | violences conjugales | violences intrafamiliales | violences sur conjoint |
violence sur mineur de 15 ans | maltraitance enfant | abandon de famille | non-représentation d'enfant |
fugue de mineur | fugue | violência doméstica | lesão corporal - violência doméstica | Lei Maria da Penha |
Maria da Penha | maus-tratos | abandono de incapaz | descumprimento de medida protetiva | violência contra a mulher |
häusliche Gewalt | Kindesentziehung | Misshandlung von Schutzbefohlenen | Kindeswohlgefährdung | Vermisste Person |
Suizid | maltrattamenti in famiglia | violenza domestica | atti persecutori
"""
HOMICIDE = """
HOMICIDE | MURDER | MURDER & NONNEGLIGENT MANSLAUGHTER | MANSLAUGHTER | VEHICULAR HOMICIDE | NEGL MANSLAUGHTER |
ATT MURDER | INVOL MANSL | DEATH INVESTIGATION | DOA | DEAD BODY | FOUND DEAD | UNATTENDED DEATH |
JUSTIFIABLE HOMICIDE | HOMICIDIO | HOMICIDIO DOLOSO | HOMICIDIO CULPOSO | HOM. DOLOSO | ASESINATO | FEMINICIDIO |
PARRICIDIO | homicide | homicide volontaire | meurtre | assassinat | tentative de meurtre | homicídio |
homicídio doloso | feminicídio | latrocínio | morte suspeita | encontro de cadáver | Mord | Totschlag |
fahrlässige Tötung | Tötungsdelikt | omicidio | coups mortels | empoisonnement | HALLAZGO DE CADAVER |
LEVANTAMIENTO DE CADAVER
"""
OFTEN_DOMESTIC = """
ASSAULT | AGG ASLT | AGG ASSLT | AGGRAVATED ASSAULT | AGG. ASSAULT W/ DEADLY WEAPON | ADW | A&B | SIMPLE ASLT |
SIMPLE ASSAULT | ASLT | ASLT 4 | BATTERY | AGG BATT | BATT | INTIMIDATION | THREATS | CRIMINAL THREATS |
TERRORISTIC THREAT | TERR THREAT | MENACING | HARASSMENT | HARASS COMM | STALKING | STRANGULATION | CHOKING |
PHONE CALLS - ANNOYING | RECKLESS ENDANGERMENT | FELONIOUS ASSAULT | MALICIOUS WOUNDING | WOUNDING | MAYHEM |
INJURY | BODILY HARM | GBH | ABH | SIMPLE BATTERY | COERCION | BLACKMAIL | AGRESION | LESIONES | LESIONES DOLOSAS |
LESIONES PERSONALES | AMENAZAS | COACCIONES | MALOS TRATOS | RIÑA | GOLPES | voies de fait |
coups et blessures volontaires | CBV | violences volontaires | menaces | menaces de mort | harcèlement | blessures |
agressão | lesão corporal | lesão corporal dolosa | ameaça | vias de fato | injúria | calúnia | perseguição |
constrangimento ilegal | Körperverletzung | gefährliche Körperverletzung | Bedrohung | Nötigung | Nachstellung |
lesioni | minacce | percosse | FIGHT
"""
OTHERS = """
THEFT | BURGLARY | ROBBERY | SHOPLIFTING | VANDALISM | CRIMINAL MISCHIEF | DUI | TRAFFIC VIOLATION |
VIOL OF CITY ORDINANCE | VIOL. TRAFFIC LAW | VIOLATION OF PROBATION | PARKING VIOLATION | NARCOTICS |
DRUG TRAFFICKING | WEAPONS VIOLATION | FRAUD | ARSON | TRESPASS | MOTOR VEHICLE THEFT | PROBATION VIOLATION |
LIQUOR LAW VIOLATION | STOLEN PROPERTY | ROBO | ROBO DE VEHÍCULO | HURTO | DAÑOS | vol | vol à la roulotte |
cambriolage | furto | roubo | tráfico de drogas | Diebstahl | Sachbeschädigung | MINOR ACCIDENT | BICYCLE THEFT |
THEFT FROM PERSON | PERSON WITH GUN | PURSE SNATCHING | BAD CHECK | EXTORTION | FORGERY | LOITERING | NOISE |
GAMBLING | VIOLATION CITY CODE | FALSE ALARM | FIREARM | ABANDONED VEHICLE | MISSING PROPERTY | CORRUPTION |
TRESPASSING | ESSEX THEFT | MIDDLESEX BURGLARY | MORTGAGE FRAUD | MORTAR | EXPOSURE TO HAZARD | THERAPIST | GRAPE |
DRAPERY | INFANTRY | ENTERPRISE | FUGITIVE | DEADLY WEAPON | EXPIRED TAGS
"""


def labels(text: str) -> list[str]:
    return [label.strip() for label in text.replace("\n", " ").split("|") if label.strip()]


def test_sensitive_offenses_are_recognized_by_their_words() -> None:
    for text in (SEXUAL, KIDNAPPING, FAMILY, HOMICIDE):
        for label in labels(text):
            for written in (label, label.upper(), label.title(), f"1234 - {label}", f"ATT {label}"):
                kind = sensitive_words.find_kind(written)
                assert kind, written
                assert kind.visibility == "hidden", written


def test_assaults_and_threats_are_recognized_by_their_words() -> None:
    for label in labels(OFTEN_DOMESTIC):
        assert sensitive_words.find_kind(label) or sensitive_words.find_often_domestic(label), label


def test_other_offenses_are_not_taken_for_sensitive_ones() -> None:
    for label in labels(OTHERS):
        assert sensitive_words.find_kind(label) is None, label
        assert sensitive_words.find_often_domestic(label) == "", label


@pytest.mark.parametrize(
    ("code", "label", "suggestion"),
    [
        ("200", "", ("", "")),  # a number alone says nothing
        ("200", "Arson", ("arson", "block")),
        ("200 ARSON", "", ("arson", "block")),
        ("200 RAPE", "", ("sexual", "hidden")),
        ("200", "Robbery", ("", "")),  # number and words disagree
        ("600", "Robbery", ("robbery", "block")),  # the list doesn't have this number
        ("13B", "AGG ASLT", ("assault", "area")),
        ("13B | SIMPLE ASSAULT", "", ("assault", "area")),
        ("AGG ASLT - FV", "", ("family", "hidden")),
        ("HOMICIDE", "", ("homicide", "hidden")),
        ("09A", "Murder and nonnegligent manslaughter", ("homicide", "hidden")),
        ("TERR THREAT", "", ("threats", "area")),
        ("AB12", "Bicycle theft", ("theft", "block")),  # common words, and no list has this number
        ("200", "Bicycle theft", ("", "")),
        ("KY 1", "GRAND LARCENY", ("theft", "area")),  # as strictly as the list that has these words
        ("X1", "BURGLARY - RAPE", ("sexual", "hidden")),
    ],
)
def test_a_suggestion_never_opens(code: str, label: str, suggestion: tuple[str, str]) -> None:
    suggested = suggestions.suggest(OffenceCode(code=code, label=label))
    assert (suggested.category, suggested.visibility) == suggestion
