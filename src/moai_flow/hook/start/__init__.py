"""The start of a hook's process: time limits, input, compiled modules, the interpreter."""
