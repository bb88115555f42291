"""What may stand between this machine and its pool, looked at hop by hop. The first broken one is the one to mend.

patient.py  what is examined, and what a look may find
machine.py  system, sealing, disk, memory, joined, environment
network.py  DNS, TCP, clock, TLS          the way goes through HTTPS_PROXY where that is set
server.py   server, key                   a gateway of Hayride's, and the very one that this machine joined
node.py     agent, tunnel, Ray, versions  what runs here, as the node agent wrote it down
checks.py   all of them, in order

Nothing is changed by looking: no key is made, no live tunnel is replaced, no folder of the box is opened.
"""

from node_join.doctor.checks import CHECKS, Check, examine
from node_join.doctor.patient import Bad, Finding, Patient, Unknown

__all__ = ["CHECKS", "Bad", "Check", "Finding", "Patient", "Unknown", "examine"]
