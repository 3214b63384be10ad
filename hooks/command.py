"""Entry point of the plugin's slash commands: what it prints goes into the prompt, errors too.

They run from the plugin's folder, on the standard library alone: nothing needs to be installed for them.
"""

import sys

try:
    folder = __file__.replace("\\", "/").rpartition("/")[0]
    root = folder.removesuffix("/moai_flow/entry") if sys.version_info >= (3, 10) else ""
    if not root:
        print("TokenBudget needs Python 3.10 or newer, not %d.%d" % sys.version_info[:2])  # noqa: T201
    else:
        sys.path.append(root if root != folder else folder.rpartition("/")[0] + "/src")
        from moai_flow.cli.slash import main

        main(sys.argv[1:])
    sys.stdout.flush()
except Exception as error:  # noqa: BLE001 - whatever it is, it stands in the prompt in one line
    print("TokenBudget: %s: %s" % (type(error).__name__, error))  # noqa: T201
    sys.stdout.flush()
