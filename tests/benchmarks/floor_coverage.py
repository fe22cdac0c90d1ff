"""How often the stated intervals hold what was planted, and how often one mode is taken for two.

Run from the repository's root: ``python -m tests.benchmarks.floor_coverage [DRAWS]``. The suite runs a few
draws of the same; this prints the rates over many.
"""

from __future__ import annotations

import math
import sys

import numpy as np

from rankscope.insight.floors import conformal, null_floor
from rankscope.insight.floors.mixture import mixture
from tests.insight.floors.test_unlabelled import planted, table, true_crossing


def main(draws: int) -> None:
    """Print one line a check."""
    for queries, upper in ((40, 0.3), (100, 0.3), (200, 0.1)):
        truth, held, none = true_crossing(upper), 0, 0
        for seed in range(draws):
            found = mixture(table(planted(1000 + seed, queries, upper=upper)))
            if found.low is None or found.high is None:
                none += 1
            else:
                held += found.low <= truth <= found.high
        given = draws - none
        rate = held / given if given else math.nan
        print(
            f"mixture, {queries} queries, upper mode {upper:g}: {held}/{given} hold ({rate:.3f}), {none} none"
        )
    draw = np.random.default_rng(5)
    shapes = {
        "normal": lambda: draw.normal(size=(60, 20)),
        "gumbel": lambda: draw.gumbel(size=(60, 20)),
        "exponential": lambda: draw.exponential(size=(60, 20)),
        "uniform": lambda: draw.random((60, 20)),
        "student 3": lambda: draw.standard_t(3, size=(60, 20)),
        "by query": lambda: draw.normal(size=(60, 1)) + draw.normal(size=(60, 20)),
    }
    for name, make in shapes.items():
        taken = sum(mixture(table(make()), resamples=2).value is not None for _ in range(draws))
        print(f"one mode, {name}: {taken}/{draws} taken for two")
    for count, loss in ((39, 0.1), (99, 0.05)):
        # Of uniform scores, a floor f loses exactly f and is passed by exactly 1 - f.
        lost = [conformal.fit(draw.random(count), loss) or 0.0 for _ in range(10 * draws)]
        answered = [1 - (null_floor.fit(draw.random(count), loss) or 0.0) for _ in range(10 * draws)]
        print(f"conformal, {count} queries, at most {loss:g}: {np.mean(lost):.4f} lost on average")
        print(f"null, {count} queries, at most {loss:g}: {np.mean(answered):.4f} answered on average")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100)
