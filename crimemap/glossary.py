"""One plain sentence for each category and each usual outcome, and the classes that outcomes are counted in."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

# By slug of crimemap/data/categories.csv. An agency's own categories have no definition.
CATEGORY_MEANINGS: dict[str, Promise] = {
    "homicide": gettext_lazy("Someone was killed, on purpose or through reckless behavior."),
    "robbery": gettext_lazy("Something was taken from a person by force or threat."),
    "assault": gettext_lazy("Someone was attacked or hurt, or someone tried to."),
    "threats": gettext_lazy("Someone was threatened, stalked or harassed."),
    "burglary": gettext_lazy("Someone went into a building to steal or commit another crime."),
    "theft": gettext_lazy("Something was taken without force: from a store, a pocket, a yard, a bike rack."),
    "theft-from-vehicle": gettext_lazy("Something was taken from a vehicle, or part of the vehicle was taken."),
    "vehicle-theft": gettext_lazy("A car, motorcycle or other vehicle was taken."),
    "fraud": gettext_lazy("Someone was tricked out of money: with fake cards, checks, names or promises."),
    "drugs": gettext_lazy("Having, making or selling illegal drugs."),
    "weapons": gettext_lazy("Having, carrying, selling or firing a weapon illegally."),
    "vandalism": gettext_lazy("Something was damaged or spray-painted."),
    "arson": gettext_lazy("Something was set on fire."),
    "disorder": gettext_lazy("Trespassing, fights without injuries, noise, drinking in public and the like."),
    "prostitution": gettext_lazy("Buying or selling sex, or making money from it, where that is illegal."),
    "traffic": gettext_lazy("Crimes on the road, such as drunk driving or a hit-and-run."),
    "other": gettext_lazy("Anything else, such as breaking a court order."),
}


@dataclass(frozen=True, slots=True)
class OutcomeClass:
    """Outcomes that mean the same: their name and their meaning for readers, and their texts in lower case.

    The texts are those of the import profiles and the usual ones of American agencies.
    """

    name: Promise
    meaning: Promise
    texts: frozenset[str]


OUTCOME_CLASSES = (
    OutcomeClass(
        gettext_lazy("Arrest"), gettext_lazy("Someone was arrested."), frozenset({"arrest", "cleared by arrest"})
    ),
    OutcomeClass(
        gettext_lazy("Suspect known, no arrest possible"),
        gettext_lazy("The suspect is known but can't be arrested, for example because they died."),
        frozenset({"cleared exceptionally", "exceptional clearance"}),
    ),
    OutcomeClass(gettext_lazy("In court"), gettext_lazy("A court will decide."), frozenset({"awaiting court outcome"})),
    OutcomeClass(
        gettext_lazy("Not enough proof"),
        gettext_lazy("There is a suspect, but not enough proof to go to court."),
        frozenset({"unable to prosecute suspect"}),
    ),
    OutcomeClass(
        gettext_lazy("Closed without an arrest"),
        gettext_lazy("Closed without an arrest."),
        frozenset({"closed in another way"}),
    ),
    OutcomeClass(
        gettext_lazy("No crime"),
        gettext_lazy("It turned out that no crime happened."),
        frozenset({"unfounded"}),
    ),
    OutcomeClass(
        gettext_lazy("No leads left"),
        gettext_lazy("No leads left; can be reopened."),
        frozenset({"inactive", "suspended", "investigation complete; no suspect identified"}),
    ),
    OutcomeClass(
        gettext_lazy("Under investigation"),
        gettext_lazy("Officers are working on it."),
        frozenset({"under investigation"}),
    ),
    OutcomeClass(gettext_lazy("Open"), gettext_lazy("Not solved yet."), frozenset({"open"})),
    OutcomeClass(
        gettext_lazy("No arrest reported"), gettext_lazy("We know of no arrest."), frozenset({"no arrest reported"})
    ),
)
_BY_TEXT = {text: each for each in OUTCOME_CLASSES for text in each.texts}


def classify_outcome(outcome: str) -> OutcomeClass | None:
    """Return the class of an outcome's text; None if it is not a usual one."""
    return _BY_TEXT.get(outcome.casefold())


def explain_outcome(outcome: str) -> str:
    """Say what an outcome means: "Inactive" -> "No leads left; can be reopened."; empty if it is not a usual one."""
    found = classify_outcome(outcome)
    return str(found.meaning) if found else ""


def explain_category(slug: str) -> str:
    """Say what a category means; empty for an agency's own."""
    return str(CATEGORY_MEANINGS.get(slug, ""))
