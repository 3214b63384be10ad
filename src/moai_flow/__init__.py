"""TokenBudget: token allocations for the swarms of agents in a Claude Code session."""

__version__ = "0.1.0"
