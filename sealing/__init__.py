"""How a box is made, once, for the server's pools and the people's machines. Imports nothing of the other rooms.

plan.py      what a box is to hold       box.py      launch, launch_unsealed
sockets.py   the way into a box          running.py  Box: alive, wait, stop, its record
folders.py   a person's folders in it    status.py   whether this host can make boxes, and how to change that
python.py    an interpreter, our code    discard.py  deleting what a box has left
lock.py      one box at a time           processes.py  inside: what was started there, watched and ended
process.py   from outside: by pid and start, signalled and waited for; process_table.py what a system tells of them
"""

from sealing.box import Box, SealStatus, launch, launch_unsealed, seal_status
from sealing.discard import discard, set_aside
from sealing.errors import SealError
from sealing.folders import allowed_binds
from sealing.lock import only_box
from sealing.plan import Bind, BoxPlan, Limits
from sealing.python import app_binds
from sealing.sockets import SocketFolder, inherited

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
    "discard",
    "inherited",
    "launch",
    "launch_unsealed",
    "only_box",
    "seal_status",
    "set_aside",
]
