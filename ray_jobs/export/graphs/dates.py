"""The parts of dates, computed from seconds since 1970 (UTC) in double precision."""

from __future__ import annotations

import numpy as np

from ray_jobs.export.graphs.graph import Graph, Tensor
from ray_jobs.features import dates
from ray_jobs.features.dates import DateParts

_DAY = 86_400.0


def date_columns(graph: Graph, seconds: Tensor, parts: DateParts, number: int) -> list[Tensor]:
    """What DateParts makes of the date column that was the `number`-th in training; a gap stays one."""
    every = _Calendar(graph, seconds)
    found: list[Tensor] = []
    for part in parts.parts_[number]:
        values = getattr(every, part)()
        found.append(values)
        if parts.periodic and (period := dates._PARTS[part]):
            angle = every.by("Mul", values, 2 * np.pi / period)
            found += [graph.add("Sin", angle), graph.add("Cos", angle)]
    return [*found, every.by("Div", seconds, _DAY)]


class _Calendar:
    """The Gregorian calendar by arithmetic alone (Howard Hinnant, "chrono-compatible low-level date algorithms")."""

    def __init__(self, graph: Graph, seconds: Tensor) -> None:
        self._graph = graph
        self._days = self._floor(self.by("Div", seconds, _DAY))
        self._second = self._less(seconds, self._days, _DAY)  #: of the day
        shifted = self.by("Add", self._days, 719_468)  # days since 1 March of the year 0
        self._era = self._whole(shifted, 146_097)
        day = self._less(shifted, self._era, 146_097)
        leap = graph.add(
            "Sub", self._whole(day, 36_524), graph.add("Add", self._whole(day, 1460), self._whole(day, 146_096))
        )
        self._year = self._whole(graph.add("Add", day, leap), 365)  #: of the era, from 1 March
        before = graph.add("Sub", graph.add("Add", self.by("Mul", self._year, 365), self._whole(self._year, 4)),
                           self._whole(self._year, 100))  # fmt: skip
        self._day = graph.add("Sub", day, before)  #: of that year
        self._month = self._whole(self.by("Add", self.by("Mul", self._day, 5), 2), 153)  #: March is 0

    def year(self) -> Tensor:
        year = self._graph.add("Add", self._year, self.by("Mul", self._era, 400))
        return self._graph.add("Add", year, self._graph.cast(self.by("GreaterOrEqual", self._month, 10)))

    def month(self) -> Tensor:
        turned = self.by("Mul", self._graph.cast(self.by("GreaterOrEqual", self._month, 10)), 12)
        return self._graph.add("Sub", self.by("Add", self._month, 3), turned)

    def day(self) -> Tensor:
        before = self._whole(self.by("Add", self.by("Mul", self._month, 153), 2), 5)
        return self.by("Add", self._graph.add("Sub", self._day, before), 1)

    def day_of_week(self) -> Tensor:
        since_monday = self.by("Add", self._days, 3)  # 1970 began on a Thursday
        return self._less(since_monday, self._whole(since_monday, 7), 7)

    def hour(self) -> Tensor:
        return self._whole(self._second, 3600)

    def minute(self) -> Tensor:
        return self._less(self._whole(self._second, 60), self.hour(), 60)

    def by(self, operator: str, tensor: Tensor, number: float) -> Tensor:
        return self._graph.add(operator, tensor, self._graph.constant(np.float64(number)))

    def _floor(self, tensor: Tensor) -> Tensor:
        return self._graph.add("Floor", tensor)

    def _whole(self, tensor: Tensor, number: float) -> Tensor:
        """How many times `number` goes into it."""
        return self._floor(self.by("Div", tensor, number))

    def _less(self, tensor: Tensor, times: Tensor, number: float) -> Tensor:
        return self._graph.add("Sub", tensor, self.by("Mul", times, number))
