"""The fastest peer's hook as a multiple of ours: get-shit-done's context monitor (Node), at PostToolUse.

The package `get-shit-done-cc` is installed from npm into a temporary folder, without running its install
scripts; `--peer` names a copy of `gsd-context-monitor.js` that is there already. It is given what its status
line would have written, with nothing to warn of.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from processes import Command, Comparison, alternate
from running import bare, hook, options, tell
from sessions import Session

PACKAGE = "get-shit-done-cc@1.42.3"
HOOK = "node_modules/get-shit-done-cc/hooks/gsd-context-monitor.js"


def main() -> None:
    """Measure both hooks and the bare interpreter in one run."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--peer", help="path of gsd-context-monitor.js")
    arguments = options(__doc__, 80, parser)
    node = shutil.which("node")
    if node is None:
        raise SystemExit("node is not on PATH")
    with tempfile.TemporaryDirectory() as folder:
        script = arguments.peer or install(Path(folder, "npm"))
        session = Session(Path(folder, "session"))
        payload = session.payload(**session.call())
        scratch = Path(folder, "tmp")
        scratch.mkdir()
        metrics = scratch / f"claude-ctx-{session.id}.json"

        def prepare() -> None:
            known = {"session_id": session.id, "remaining_percentage": 70, "used_pct": 30}
            metrics.write_text(json.dumps({**known, "timestamp": int(time.time())}))

        environment = {**session.environment, "TMPDIR": str(scratch)}
        samples = alternate(
            {
                "bare": bare(arguments, session, payload),
                "ours": hook(arguments, session, payload),
                "peer": Command([node, script], json.dumps(payload).encode(), environment, prepare=prepare),
            },
            arguments.rounds,
        )
    ours = Comparison(samples["ours"], samples["bare"])
    peer = Comparison(samples["peer"], samples["ours"])
    print(f"ours {ours.wall:.2f}x a bare interpreter; the peer CPU {peer.cpu:.2f}x ours, pairs {peer.paired:.2f}x")
    tell(__file__, [("get-shit-done's context monitor / ours (at least)", peer.wall, 1.8)], arguments)


def install(folder: Path) -> str:
    """Install the peer into a new folder and return the path of its hook."""
    folder.mkdir()
    command = ["npm", "install", "--ignore-scripts", "--no-save", "--silent", "--prefix", str(folder), PACKAGE]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return str(folder / HOOK)


if __name__ == "__main__":
    main()
