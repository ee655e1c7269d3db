"""Answers of the operator: what the installer can't know, from a file in the format of portal.env.example or asked for.

The file is the one that Docker reads, too. Lines are `NAME=value`; empty lines and lines that begin with `#` say nothing.
"""

from __future__ import annotations

import ipaddress
import re
import zoneinfo
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tipportal.deploy.processes import VARIABLES

CERTBOT = "certbot"
# Of one server without Docker; docker-compose.yml doesn't read them.
INSTALLER_ONLY = ("STAFF_NETWORKS", "PUBLIC_CERTIFICATE", "STAFF_CERTIFICATE")
# Read by docker-compose.yml alone: the installer has passwords, keys and folders of its own, and PostgreSQL knows its users without
# passwords.
_DOCKER_ONLY = re.compile(
    r"(POSTGRES|PORTAL_[A-Z]+)_PASSWORD|SECRET_KEY|KEYS|STICK|COMPOSE_PROFILES|HTTPS|BEHIND_PROXY"
)
_HOST = re.compile(r"(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}")
_MAIL = re.compile(r"[^@\s<>]+@[^@\s<>]+\.[^@\s<>]+")
# As docker-compose.yml reads it, beside itself.
_DOCKER_BACKUPS = "./backups"
_SHIPPED_RULES = ("", "./crimemap/data/publication.toml")


class AnswersError(Exception):
    """Some answers are missing or can't be used. `problems` are sentences."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Question:
    """A question: the variable it fills, its text, the answer if nothing is typed, and what is wrong with an answer, if anything.

    `default` is None if it must be answered.
    """

    name: str
    text: str
    default: str | None = None
    check: Callable[[str], str] = lambda _answer: ""


def _check_hosts(answer: str) -> str:
    wrong = [host for host in split(answer) if not _HOST.fullmatch(host)]
    return (
        f"“{wrong[0]}” is no host name. Write names such as tips.example.org, with commas between them."
        if wrong
        else ""
    )


def _check_networks(answer: str) -> str:
    try:
        for network in split(answer):
            ipaddress.ip_network(network)
    except ValueError:
        return "Write networks such as 10.0.0.0/8, with commas between them."
    return ""


def _check_mail(answer: str) -> str:
    return "" if not answer or _MAIL.fullmatch(answer) else "Write an email address, such as name@example.org."


def _check_mail_server(answer: str) -> str:
    if re.fullmatch(r"(smtp|smtps|smtp\+tls|smtp\+ssl|submission)://\S+", answer):
        return ""
    return "Write the mail server's address, such as submission://user:password@mail.example.org:587."


def _check_time_zone(answer: str) -> str:
    # Where the system has no list of zones, the settings check the answer.
    known = zoneinfo.available_timezones()
    if not known or answer in known:
        return ""
    if (corrected := answer.replace(" ", "_")) in known:
        return f"Write {corrected}."
    return (
        "Write a time zone such as America/New_York, America/Chicago, America/Denver or America/Los_Angeles. The command"
        " “timedatectl list-timezones” prints all."
    )


def _check_certificate(answer: str) -> str:
    if answer == CERTBOT or answer.startswith("/"):
        return ""
    return "Write certbot, or the full path of a folder with fullchain.pem and privkey.pem."


def _check_folder(answer: str) -> str:
    return "" if answer.startswith("/") or answer == _DOCKER_BACKUPS else "Write the full path of a folder."


def _check_web_address(answer: str) -> str:
    return "" if re.fullmatch(r"https://[^\s/]+\S*", answer) else "Write a web address that begins with https://."


def _check_phone_lines(answer: str) -> str:
    if all(re.fullmatch(r"[^=\s][^=]*=[^=]*\d[^=]*", line) for line in split(answer)):
        return ""
    return "Write a name, an equals sign and a number for each line, such as Crisis line=988."


def _check_digits(answer: str) -> str:
    return "" if re.search(r"\d", answer) else "Write a phone number."


QUESTIONS = (
    Question("AGENCY_NAME", "The agency's name, as shown on every page"),
    Question("CITY_NAME", "The city's name"),
    Question("CONTACT", "How residents reach you in other matters: phone, address, hours"),
    Question("EMERGENCY_NUMBER", "The emergency number", "911", _check_digits),
    Question(
        "CRISIS_LINES", "Crisis lines, as name=number with commas between them", "Crisis line=988", _check_phone_lines
    ),
    Question(
        "LEAVE_URL",
        "Where “Leave this site” goes: a neutral site that anyone could have open",
        "https://www.weather.gov/",
        _check_web_address,
    ),
    Question("TIME_ZONE", "The time zone of all times", "America/Chicago", _check_time_zone),
    Question("PUBLIC_HOSTS", "The host name of the site for residents, such as tips.example.org", None, _check_hosts),
    Question("STAFF_HOSTS", "The host name of the site for staff, such as desk.example.org", None, _check_hosts),
    Question(
        "STAFF_NETWORKS",
        "The networks from which staff reach their site, such as 10.0.0.0/8. Empty: it can be reached from everywhere",
        "",
        _check_networks,
    ),
    Question(
        "PUBLIC_CERTIFICATE",
        "The certificate for residents: certbot, or the folder with fullchain.pem and privkey.pem",
        CERTBOT,
        _check_certificate,
    ),
    Question(
        "STAFF_CERTIFICATE",
        "The certificate for staff: certbot (only if the internet reaches that host), or the folder",
        CERTBOT,
        _check_certificate,
    ),
    Question(
        "BACKUPS",
        "The folder of encrypted backups, best on another machine's disk",
        "/var/backups/portal",
        _check_folder,
    ),
    Question(
        "EMAIL_URL",
        "The mail server, such as submission://user:password@mail.example.org:587",
        None,
        _check_mail_server,
    ),
    Question("DEFAULT_FROM_EMAIL", "The address that mails come from", None, _check_mail),
    Question(
        "AUDIT_HEAD_EMAIL",
        "An address outside the agency, such as a city auditor's, that gets the audit trail's newest seal each day",
        "",
        _check_mail,
    ),
    Question("ADMINISTRATOR_NAME", "First and last name of the first administrator"),
    Question("ADMINISTRATOR_MAIL", "Their email address", None, _check_mail),
)
# Decided by the installer: paths, addresses of servers on this machine, and what follows from other answers.
_DECIDED = {
    name
    for name in VARIABLES
    if name.endswith(("_KEYS", "_KEY", "_SALT", "_STORE", "_FOLDER", "_SNAPSHOTS", "_CACHE", "_UPLOADS", "_ROOT"))
} | {"PORTAL_ROLE", "ALLOWED_HOSTS", "BIND", "REDIS_URL", "DATABASE_URL", "BASE_MAP", "OIDC_CLIENT_SECRET", "DEMO"}
_ASKED = {question.name for question in QUESTIONS}
# Variables that a file may set and nobody is asked for.
OPTIONAL = {*VARIABLES} - _DECIDED - _ASKED


def split(answer: str) -> list[str]:
    return [part.strip() for part in answer.split(",") if part.strip()]


def read_file(path: Path) -> dict[str, str]:
    """Return the answers of a file. Raises AnswersError with a sentence for each line that can't be used, and OSError."""
    return parse(path.read_text(encoding="utf-8"), str(path))


def parse(content: str, path: str) -> dict[str, str]:
    """Return the answers of a file's content; `path` is for its sentences. Raises AnswersError."""
    answers: dict[str, str] = {}
    problems = []
    for number, line in enumerate(content.splitlines(), start=1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        name, separator, value = (part.strip() for part in text.partition("="))
        if not separator:
            problems.append(f"Line {number} of {path} is no answer. Write NAME=value.")
        elif name in answers:
            problems.append(f"Line {number} of {path} answers {name} a second time. Remove one of the two.")
        elif name not in _ASKED | OPTIONAL and not _DOCKER_ONLY.fullmatch(name):
            problems.append(
                f"Line {number} of {path} names {name}, which the installer doesn't ask for. Correct or remove it."
            )
        elif any(ord(character) < 32 for character in value):
            problems.append(f"Line {number} of {path} has characters that can't be seen. Type the line again.")
        else:
            answers[name] = value
    if problems:
        raise AnswersError(problems)
    return answers


def find_problems(answers: Mapping[str, str]) -> list[str]:
    """Return a sentence for each answer that is missing or can't be used."""
    problems = []
    for question in QUESTIONS:
        answer = answers.get(question.name, question.default or "")
        if not answer and question.default is None:
            problems.append(f"{question.name} isn't answered: {question.text}.")
        elif answer and (problem := question.check(answer)):
            problems.append(f"{question.name}: {problem}")
    if shared := {*split(answers.get("PUBLIC_HOSTS", ""))} & {*split(answers.get("STAFF_HOSTS", ""))}:
        problems.append(
            f"STAFF_HOSTS: {shared.pop()} is also the host for residents. Staff need a host name of their own, so that nothing of"
            " theirs is sent to residents' pages."
        )
    if (rules := answers.get("PUBLICATION_RULES", "")) not in _SHIPPED_RULES and not rules.startswith("/"):
        problems.append("PUBLICATION_RULES: Write the full path of the file, such as /etc/portal/publication.toml.")
    return problems


def complete(answers: Mapping[str, str]) -> dict[str, str]:
    """Return the answers with defaults for what isn't answered. Raises AnswersError."""
    if problems := find_problems(answers):
        raise AnswersError(problems)
    defaults = {question.name: question.default for question in QUESTIONS if question.default is not None}
    # Without an answer the default stands, except where "none" is an answer.
    wanted = {
        name: value
        for name, value in answers.items()
        if name in _ASKED | OPTIONAL and (value or name == "CRISIS_LINES")
    }
    if wanted.get("BACKUPS") == _DOCKER_BACKUPS:
        del wanted["BACKUPS"]
    if wanted.get("PUBLICATION_RULES") in _SHIPPED_RULES:
        wanted.pop("PUBLICATION_RULES", None)
    return defaults | wanted


def ask(answers: Mapping[str, str], read: Callable[[str], str] = input) -> dict[str, str]:
    """Ask for what isn't answered, each question until its answer can be used, and return all answers.

    `read` shows a prompt and returns a line.
    """
    given = dict(answers)
    open_questions = [
        question for question in QUESTIONS if question.name not in given or find_problem(question, given[question.name])
    ]
    print(
        f"Questions: {len(open_questions)}. Press Enter to take the answer in brackets. Nothing is changed before the last one is"
        " answered; Ctrl+C stops.\n"
    )
    for number, question in enumerate(open_questions, start=1):
        while question.name not in given or find_problem(question, given[question.name]):
            hint = f" [{question.default}]" if question.default else ""
            answer = read(f"{number}/{len(open_questions)}  {question.text}{hint}: ").strip() or question.default or ""
            if problem := find_problem(question, answer):
                print(problem)
            else:
                given[question.name] = answer
    return given


def find_problem(question: Question, answer: str) -> str:
    """Return a sentence about an answer that can't be used, else an empty string."""
    if not answer:
        return "Write an answer." if question.default is None else ""
    return question.check(answer)


def write(answers: Mapping[str, str]) -> str:
    """Return the text of a file with these answers."""
    return "".join(f"{name}={value}\n" for name, value in sorted(answers.items()))
