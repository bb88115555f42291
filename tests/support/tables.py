"""Real tables as files: scikit-learn's breast cancer set to train on, and the same in every broken shape."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.datasets import load_breast_cancer


@dataclass(frozen=True, kw_only=True)
class Tables:
    folder: Path
    train: Path  #: 449 rows, target `diagnosis`
    new: Path  #: 120 rows without the target
    answers: tuple[str, ...]  #: of `new`, in row order


def write_tables(folder: Path) -> Tables:
    """Writes both parts of the set into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    data = load_breast_cancer(as_frame=True)
    frame = data.data.copy()
    frame["diagnosis"] = [str(data.target_names[code]) for code in data.target]
    new = frame.sample(n=120, random_state=1)
    tables = Tables(
        folder=folder, train=folder / "cancer.csv", new=folder / "cancer-new.csv", answers=tuple(new["diagnosis"])
    )
    frame.drop(index=new.index).to_csv(tables.train, index=False)
    new.drop(columns=["diagnosis"]).to_csv(tables.new, index=False)
    return tables


def write_long_table(path: Path) -> None:
    """The same set forty times with a little noise: 22,760 rows, on which a tree takes a tenth of a second."""
    data = load_breast_cancer(as_frame=True)
    many = pd.concat([data.data] * 40, ignore_index=True)
    noise = np.random.default_rng(0).normal(1.0, 0.05, many.shape)
    table = many * noise
    table["diagnosis"] = [str(data.target_names[code]) for code in data.target] * 40
    table.round(5).to_csv(path, index=False)


def write_broken(folder: Path, outside: Path) -> dict[str, str]:
    """Files that no job can use, by what is wrong with them; `outside` is a file beyond the allowed folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "empty.csv").touch()
    (folder / "header.csv").write_text("a,b,diagnosis\n")
    (folder / "constant.csv").write_text("a,diagnosis\n" + "".join(f"{n},same\n" for n in range(40)))
    (folder / "picture.csv").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(200))
    (folder / "text.parquet").write_text("a,b\n1,2\n")
    os.mkfifo(folder / "pipe.csv")
    with socket.socket(socket.AF_UNIX) as listening:
        here = os.open(folder, os.O_PATH)
        listening.bind(f"/proc/self/fd/{here}/socket.csv")
        os.close(here)
    (folder / "link.csv").symlink_to(outside)
    (folder / "folder.csv").mkdir()
    return {
        "missing": f"{folder}/nothing-here.csv",
        "folder": f"{folder}/folder.csv",
        "fifo": f"{folder}/pipe.csv",
        "socket": f"{folder}/socket.csv",
        "empty": f"{folder}/empty.csv",
        "header": f"{folder}/header.csv",
        "constant": f"{folder}/constant.csv",
        "not a csv": f"{folder}/picture.csv",
        "not a parquet": f"{folder}/text.parquet",
        "outside": str(outside),
        "link": f"{folder}/link.csv",
        "dots": f"{folder}/../../{outside.name}",
    }
