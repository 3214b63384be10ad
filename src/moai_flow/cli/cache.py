"""Where commands keep what they found, so that the next run is quick."""

from __future__ import annotations

import os


def folder(name: str) -> str:
    """Return a private folder for what is kept, made if it is missing; "" where there can be none.

    Args:
        name: whose it is, such as "analysis".
    """
    import platformdirs

    from moai_flow.hook.state.paths import APPLICATION, STATE_VARIABLE

    chosen = os.environ.get(STATE_VARIABLE, "")
    if not os.path.isabs(chosen):
        chosen = str(platformdirs.user_cache_path(APPLICATION, appauthor=False))
    place = os.path.join(chosen, name)
    try:
        if os.name == "posix":
            from moai_flow.hook.state.files import ensure_folder

            ensure_folder(place)
        else:
            os.makedirs(place, exist_ok=True)
    except OSError:
        return ""
    return place
