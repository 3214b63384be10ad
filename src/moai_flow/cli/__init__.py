"""The command `token-budget`: one command a file, thin over the hooks' and the library's modules.

Exit codes: 0 done, 1 it could not be done (the message says what, where and what next), 2 a usage error.
"""

from __future__ import annotations


def main() -> None:
    """Run the command line and end the process with its exit code."""
    from moai_flow.cli.program import program

    program(prog_name="token-budget")
