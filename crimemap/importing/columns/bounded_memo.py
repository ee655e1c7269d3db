"""Results of a function that are remembered, in bounded memory: cells repeat, so each distinct one is parsed once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

MAX_REMEMBERED = 200_000  # cells of a column

Input = TypeVar("Input")
Output = TypeVar("Output")


class BoundedMemo(dict[Input, Output], Generic[Input, Output]):
    """Remembers a function's results; starts afresh when it is full."""

    def __init__(self, function: Callable[[Input], Output]) -> None:
        self.function = function

    def __missing__(self, key: Input) -> Output:
        result = self.function(key)
        if len(self) >= MAX_REMEMBERED:
            self.clear()
        self[key] = result
        return result
