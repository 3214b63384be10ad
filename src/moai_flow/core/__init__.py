"""What the library and the hooks share: pure, without files, clock, environment or printing."""
