"""Claude Code's own settings and environment, read and changed."""
