"""What runs inside Claude Code's hooks: standard library only, and almost none of it."""
