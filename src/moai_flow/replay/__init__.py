"""A session that is over, played again from its transcripts through the same code that the hooks run."""
