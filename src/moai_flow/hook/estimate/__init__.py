"""Tokens that something will add to a window, estimated until a measurement replaces the estimate."""
