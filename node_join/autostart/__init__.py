"""The node agent as a service: what starts it with the system, and again when it ended.

service.py         what is to run, the same for all   systemd.py         Linux
launchd.py         macOS, experimental                task_scheduler.py  Windows, through WSL2, experimental
here.py            the one of this platform
"""

from node_join.autostart.here import autostart_here
from node_join.autostart.service import Autostart, Service, service_here

__all__ = ["Autostart", "Service", "autostart_here", "service_here"]
