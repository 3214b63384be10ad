"""What hook.py does on a Python that is too old: say so once a session, and otherwise nothing.

Plain syntax: this runs on Python 2.7 and on 3.0 to 3.9.
"""

import json
import os
import sys


def main():  # type: ignore[no-untyped-def]  # noqa: ANN201 - Python 2.7 cannot read an annotation
    """Tell the person at SessionStart which Python is needed; say nothing at any other event."""
    payload = os.read(0, 1 << 20).decode("utf-8", "replace")
    if json.loads(payload).get("hook_event_name") == "SessionStart":
        message = (
            "TokenBudget is off: it needs Python 3.10 or newer and found %d.%d (%s); "
            "TOKEN_BUDGET_PYTHON may name another" % (sys.version_info[0], sys.version_info[1], sys.executable)
        )
        os.write(1, json.dumps({"systemMessage": message}).encode("ascii"))
    os._exit(0)
