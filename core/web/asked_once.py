"""Answers that hold while a request is answered: asked for once, however many parts of its page need them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

_answers: ContextVar[dict[Any, Any] | None] = ContextVar("answers of this request", default=None)


@contextmanager
def asked_once() -> Iterator[None]:
    """Keep the answers of all functions that are marked with `once_a_request` until the block ends.

    What another process changes meanwhile holds from the next request on, as it does for a page that is already shown.
    """
    token = _answers.set({})
    try:
        yield
    finally:
        _answers.reset(token)


def once_a_request(function: Callable[P, T]) -> Callable[P, T]:
    """Let a function answer the same arguments once a request; outside of `asked_once` it is called each time.

    Who changes what such a function answers calls `forget_answers`. Arguments are compared as keys of a dict are.
    """

    @functools.wraps(function)
    def answer(*args: P.args, **kwargs: P.kwargs) -> T:
        answers = _answers.get()
        if answers is None:
            return function(*args, **kwargs)
        key = (function, args, tuple(sorted(kwargs.items())))
        if key not in answers:
            answers[key] = function(*args, **kwargs)
        kept: T = answers[key]
        return kept

    return answer


def forget_answers() -> None:
    """Let all functions ask anew, after this request has changed what they answer."""
    answers = _answers.get()
    if answers is not None:
        answers.clear()
