"""The result of one check: a sentence, and whether it is a fault."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    sentence: str
    is_fault: bool

    def __str__(self) -> str:
        return f"{'FAULT' if self.is_fault else 'ok'}: {self.sentence}"


def fault(sentence: str) -> Finding:
    return Finding(sentence, is_fault=True)


def good(sentence: str) -> Finding:
    return Finding(sentence, is_fault=False)


def summarize(faults: list[str], when_good: str) -> list[Finding]:
    """Return a finding for each fault, or the one sentence if there is none."""
    return [fault(sentence) for sentence in faults] or [good(when_good)]
