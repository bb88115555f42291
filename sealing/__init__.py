"""How a box is made, once, for the server's pools and the people's machines. Imports nothing of the other rooms.

    plan.py     what a box is to hold          box.py      launch, launch_unsealed, Box
    sockets.py  the way into a box             status.py   whether this host can make boxes, and how to change that
    folders.py  a person's folders in a box    python.py   an interpreter and our packages in a box
"""

from sealing.box import Box, launch, launch_unsealed
from sealing.errors import SealError
from sealing.folders import allowed_binds
from sealing.plan import Bind, BoxPlan, Limits
from sealing.python import app_binds
from sealing.sockets import SocketFolder, inherited
from sealing.status import SealStatus, seal_status

__all__ = [
    "Bind",
    "Box",
    "BoxPlan",
    "Limits",
    "SealError",
    "SealStatus",
    "SocketFolder",
    "allowed_binds",
    "app_binds",
    "inherited",
    "launch",
    "launch_unsealed",
    "seal_status",
]
