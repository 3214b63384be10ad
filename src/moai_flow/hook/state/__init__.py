"""The hooks' files: the state folder, the settings and each session's ledger."""
