"""How commands show what they found: tables, JSON, a live screen, Prometheus."""
