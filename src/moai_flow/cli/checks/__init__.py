"""What `token-budget doctor` looks at: one module a subject, each of which returns findings."""
