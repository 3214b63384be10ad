"""The commands of `token-budget`, one a file."""
