"""A recorded session, played through the real hook command in a folder of its own."""
