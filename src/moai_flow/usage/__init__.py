"""What was billed, to the token: each API message once, by class, from the client's own transcripts.

`read_usage` reads all transcripts of the machine and keeps what it found. `read_new` reads a growing file, each byte
once; `read_lines` finds the billed messages of its lines; `Tally` counts each once, however many files repeat it;
`divide` divides a request over swarms.

The names are loaded when they are used: a hook imports the modules it needs, and those that bring a database with
them are none of these.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from moai_flow.usage.attribution import divide, swarm_of_agent
    from moai_flow.usage.classes import CLASSES, FIELDS, Usage, usage_of
    from moai_flow.usage.machine import KINDS, MachineUsage, read_usage
    from moai_flow.usage.messages import Batch, Message, read_lines
    from moai_flow.usage.progress import Progress
    from moai_flow.usage.reading import Fresh, read_new
    from moai_flow.usage.tally import Entry, Place, Tally

_MODULES = {
    "attribution": ("divide", "swarm_of_agent"),
    "classes": ("CLASSES", "FIELDS", "Usage", "usage_of"),
    "machine": ("KINDS", "MachineUsage", "read_usage"),
    "messages": ("Batch", "Message", "read_lines"),
    "progress": ("Progress",),
    "reading": ("Fresh", "read_new"),
    "tally": ("Entry", "Place", "Tally"),
}

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


def __getattr__(name: str) -> object:
    """Load a name of the interface from its module."""
    for module, names in _MODULES.items():
        if name in names:
            from importlib import import_module  # noqa: PLC0415 - a hook imports the modules themselves

            found: object = getattr(import_module(f"{__name__}.{module}"), name)
            globals()[name] = found
            return found
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
