"""A random sample of bounded size of the rows that pass."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ray_jobs.streaming.sides import Hashes, Mask


class Kept:
    """The rows with the smallest hashes: every row has the same chance, however many come, and however they come."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.passed = 0  #: rows that came by
        self._border = np.uint64(2**64 - 1)
        self._hashes: list[Hashes] = []
        self._frames: list[pd.DataFrame] = []
        self._waiting = 0

    def add(self, frame: pd.DataFrame, hashes: Hashes, among: Mask) -> None:
        """Rows in the order of the table, a hash of each, and which of them count."""
        self.passed += int(among.sum())
        chosen = among & (hashes <= self._border)
        if chosen.any():
            self._frames.append(frame[chosen])
            self._hashes.append(hashes[chosen])
            self._waiting += len(self._hashes[-1])
        # Seldom, since each pruning copies all that is kept.
        if self._waiting > self.most + max(self.most // 4, 1000):
            self._prune()

    def frame(self) -> pd.DataFrame:
        """The sample in the order of the table, index 0..n-1; empty and without columns where no row came."""
        self._prune()
        return self._frames[0] if self._frames else pd.DataFrame()

    def _prune(self) -> None:
        if not self._frames:
            return
        hashes = np.concatenate(self._hashes)
        frame = pd.concat(self._frames, ignore_index=True)
        if len(hashes) > self.most:
            self._border = np.partition(hashes, self.most - 1)[self.most - 1]
            chosen = np.flatnonzero(hashes <= self._border)[: self.most]
            hashes, frame = hashes[chosen], frame.iloc[chosen].reset_index(drop=True)
        self._hashes, self._frames, self._waiting = [hashes], [frame], len(hashes)
