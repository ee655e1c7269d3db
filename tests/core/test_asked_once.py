from __future__ import annotations

from core.web.asked_once import asked_once, forget_answers, once_a_request


def test_a_function_is_asked_once_in_a_request_and_each_time_outside_of_one() -> None:
    asked: list[int] = []

    @once_a_request
    def double(number: int) -> int:
        asked.append(number)
        return 2 * number

    assert [double(1), double(1)] == [2, 2]
    assert asked == [1, 1]
    with asked_once():
        assert [double(1), double(1), double(2)] == [2, 2, 4]
        assert asked == [1, 1, 1, 2]
        forget_answers()
        assert double(2) == 4
        assert asked == [1, 1, 1, 2, 2]
    with asked_once():
        assert double(2) == 4
    assert asked == [1, 1, 1, 2, 2, 2]
    forget_answers()
