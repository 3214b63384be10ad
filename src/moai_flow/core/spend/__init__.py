"""Spend: billed tokens, the limits of it that somebody set, and what is said about them. Pure."""
