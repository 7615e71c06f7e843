"""What a lesson does with the function that a reader was asked to write."""

from collections.abc import Callable
from typing import Any, TypeAlias

Function: TypeAlias = Callable[..., Any]


class NotWritten(Exception):
    """A function of a "Your turn" cell still returns its dots."""


def your_turn(yours: Function, answer: Function, check: Callable[[Function], object]) -> Function:
    """Check a reader's function and go on with it; with the course's where it is not written.

    yours, answer: functions with the same arguments; an unwritten one returns `...`.
    check: a function of such a function that raises AssertionError and says what is wrong.
    Returns the function that the lesson goes on with. Raises: AssertionError.
    """

    def watched(*arguments: Any, **named: Any) -> Any:
        result = yours(*arguments, **named)
        if result is ...:
            raise NotWritten
        assert result is not None, f"{yours.__name__} returns nothing: is there a `return`?"
        return result

    try:
        check(watched)
    except NotWritten:
        check(answer)
        print(f"{yours.__name__}: not written yet; the lesson goes on with its own.")
        return answer
    print(f"{yours.__name__}: right.")
    return yours
