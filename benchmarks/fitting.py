"""How a cost grows: the exponent of a power law, fitted to what was measured."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import linear_regression

Point = tuple[float, float]


def exponent(points: Sequence[Point]) -> float:
    """Return *e* of the law y = c · x^e that fits best, by least squares of the logarithms.

    1 is linear; less is better than linear, as where a fixed cost outweighs the rest.

    Raises:
        ValueError: fewer than two different x, or a value that is not positive.

    >>> round(exponent([(1, 3), (10, 30), (100, 300)]), 6)
    1.0
    """
    logs = [(math.log(x), math.log(y)) for x, y in points]
    if len({x for x, _ in logs}) < 2:
        raise ValueError("an exponent takes two different sizes")
    return slope(logs)


def last_exponent(points: Sequence[Point]) -> float:
    """Return the exponent between the two largest sizes, where a fixed cost hides least."""
    return exponent(sorted(points)[-2:])


def slope(points: Sequence[Point]) -> float:
    """Return how much y grows with one x more, by least squares.

    >>> slope([(0, 5), (10, 25)])
    2.0
    """
    return linear_regression(*zip(*points, strict=True)).slope
