"""`python -m moai_flow.cli`: the command where its script is not on PATH."""

from moai_flow.cli import main

main()
