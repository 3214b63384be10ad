"""Entry point of every hook: find the package, hand the event over, and exit 0 whatever happened.

The interpreter compiles this file at every start, so nothing else belongs here. Plain syntax: an
interpreter that is too old has to get as far as its own message.
"""

import sys

try:
    from posix import _exit

    path = __file__
except ImportError:  # Windows
    from os import _exit

    path = __file__.replace("\\", "/")

try:
    folder = path.rpartition("/")[0]
    if sys.version_info < (3, 10):
        sys.path.append(folder)
        import unsupported

        unsupported.main()
    root = folder.removesuffix("/moai_flow/entry")
    # At the end of the path, where no module of the package's can hide one of Python's own.
    sys.path.append(root if root != folder else folder.rpartition("/")[0] + "/src")
    from moai_flow.hook.start.compiled import install

    install()
    from moai_flow.hook.run import main

    main()
    if len(sys.argv) > 1:
        from moai_flow.hook.start.interpreter import remember

        remember(sys.argv[1])
finally:
    # Neither a traceback, nor an exit code (2 would erase the prompt), nor the cost of a shutdown.
    _exit(0)
