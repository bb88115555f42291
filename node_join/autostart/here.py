"""The keeper of services of this platform."""

from __future__ import annotations

import os
import shutil
import sys

from node_join.autostart.launchd import Launchd
from node_join.autostart.service import Autostart
from node_join.autostart.systemd import Systemd
from node_join.autostart.task_scheduler import TaskScheduler


def autostart_here() -> Autostart:
    """In WSL2 that is Windows' own: no service of a distribution runs before somebody opens the distribution."""
    if sys.platform == "darwin":
        return Launchd(as_root=os.geteuid() == 0)
    distribution = os.environ.get("WSL_DISTRO_NAME", "")
    if distribution and shutil.which("schtasks.exe"):
        return TaskScheduler(distribution)
    return Systemd(as_root=os.geteuid() == 0)
