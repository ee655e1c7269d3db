"""The facts of a report in words: danger, place, time, and the answers to follow-up questions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from core.plain_text import show_steering
from crimemap import places
from tips.desk.acts.dispatch_calls import DispatchCall


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact: its label and lines. `is_red` if it warns; `is_brief` if it also stands in the strip above the time line.

    `template` is of what follows the lines, such as a button.
    """

    label: str
    lines: list[str]
    is_red: bool = False
    is_brief: bool = False
    template: str = ""


def describe_dispatch(call: DispatchCall) -> Fact:
    """Return whether dispatch was told of someone in danger; each message of the source is a new one to tell."""
    name = (call.officer.get_full_name() or call.officer.get_username()) if call.officer else ""
    if call.is_told:
        line = _("Told by %(name)s") % {"name": name} if name else _("Told")
        return Fact(_("Dispatch"), [line], is_brief=True)
    line = _("The newest message isn't passed on yet") if call.was_told_before else _("Not told yet")
    return Fact(_("Dispatch"), [line], is_brief=True, template="admin/tips/desk/dispatch.html")


def list_facts(report: dict[str, Any]) -> list[Fact]:
    """Return each fact of an opened report besides the description, without those left empty."""
    danger = {"yes": _("Yes"), "no": _("No"), "unknown": _("The source doesn't know")}
    facts = [
        Fact(_("How it came"), [_describe_route(report)], is_brief=True),
        Fact(_("Answers"), [_describe_reach(report)], is_red=True, is_brief=True),
        Fact(_("In danger right now"), [danger.get(report["danger"], "")], report["danger"] == "yes", is_brief=True),
        Fact(_("Where"), _describe_place(report), is_brief=True),
        Fact(_("When"), [report["when"]], is_brief=True),
        Fact(_("Incident on the map"), [report.get("about", ""), report.get("incident", "")]),
        *(Fact(answer["question"], [answer["answer"]]) for answer in report["answers"]),
    ]
    cleaned = [
        Fact(
            show_steering(fact.label), [show_steering(line) for line in fact.lines if line], fact.is_red, fact.is_brief
        )
        for fact in facts
    ]
    return [fact for fact in cleaned if fact.lines]


def _describe_route(report: dict[str, Any]) -> str:
    """Return who wrote the report; "" if it was its source."""
    routes = {
        "phone": _("By phone: an officer wrote it for the caller"),
        "counter": _("At the counter: an officer wrote it for the person"),
    }
    return routes.get(report.get("route", ""), "")


def _describe_reach(report: dict[str, Any]) -> str:
    """Return that an answer won't be read, if the source said so when an officer wrote for them."""
    return _("Nobody will read them: the person can't use the internet") if report.get("no_internet") else ""


def _describe_place(report: dict[str, Any]) -> list[str]:
    place = places.find_place(report["place_ref"]) if report["place_ref"] else None
    if place is None:
        return [report["place"], *_describe_point(report)]
    chosen = ", ".join(part for part in (place.name, place.district) if part)
    typed = report["place"] if report["place"] != place.name else ""
    return [typed, chosen, *_describe_point(report)]


def _describe_point(report: dict[str, Any]) -> list[str]:
    latitude, longitude = report["latitude"], report["longitude"]
    if latitude is None or longitude is None:
        return []
    point = _("Point on the map: %(latitude).5f, %(longitude).5f") % {"latitude": latitude, "longitude": longitude}
    nearest = places.find_nearest_block(latitude, longitude)
    return [point, _("near %(place)s") % {"place": nearest.name}] if nearest else [point]
