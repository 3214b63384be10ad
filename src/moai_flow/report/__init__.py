"""The report on sessions: as a document for programs, as text for a terminal, as a page for a browser."""
