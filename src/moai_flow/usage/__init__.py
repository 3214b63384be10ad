"""What was billed, to the token: each API message once, by class, from the client's own transcripts.

`read_usage` reads all transcripts of the machine and keeps what it found; `read_lines`, `Tally` and `divide` are its
pure parts, and `Progress` with `read_new` reads a growing file each byte once.
"""

from __future__ import annotations

from moai_flow.usage.attribution import divide, swarm_of_agent
from moai_flow.usage.classes import CLASSES, FIELDS, Usage, usage_of
from moai_flow.usage.machine import KINDS, MachineUsage, read_usage
from moai_flow.usage.messages import Batch, Message, read_lines
from moai_flow.usage.progress import Progress
from moai_flow.usage.reading import Fresh, read_new
from moai_flow.usage.tally import Entry, Place, Tally

__all__ = [
    "CLASSES",
    "FIELDS",
    "KINDS",
    "Batch",
    "Entry",
    "Fresh",
    "MachineUsage",
    "Message",
    "Place",
    "Progress",
    "Tally",
    "Usage",
    "divide",
    "read_lines",
    "read_new",
    "read_usage",
    "swarm_of_agent",
    "usage_of",
]
