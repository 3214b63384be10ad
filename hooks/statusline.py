"""Entry point of the status line: find the package, hand over to it, and exit 0 whatever happened.

The same in shape as hook.py, and as small for the same reason. A Python that is too old shows no status.
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
    root = folder.removesuffix("/moai_flow/entry")
    sys.path.append(root if root != folder else folder.rpartition("/")[0] + "/src")
    from moai_flow.hook.start.compiled import install

    install()
    from moai_flow.statusline.show import main

    main()
finally:
    _exit(0)
