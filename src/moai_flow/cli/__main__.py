"""`python -m moai_flow.cli` is `token-budget`."""

from moai_flow.cli import main

main()
