"""Where the ledgers are: the state folder and the files in it."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

APPLICATION = "token-budget"
STATE_VARIABLE = "TOKEN_BUDGET_STATE_DIR"

LOCKS = 64
"""Lock files, shared by all sessions: permanent, so their number must not grow with the sessions."""


def state_folder(environ: Mapping[str, str], platform: str) -> str:
    """Return the user's state folder, "" if it cannot be derived.

    The rule of `platformdirs.user_state_path`, which a test holds it to; `TOKEN_BUDGET_STATE_DIR` comes first.
    """
    chosen = environ.get(STATE_VARIABLE, "")
    if chosen:
        return chosen.rstrip("/") if chosen.startswith("/") else ""
    return _user_folder(environ, platform, "XDG_STATE_HOME", "/.local/state")


def config_file(environ: Mapping[str, str], platform: str) -> str:
    """Return the user's settings file, "" if it cannot be derived; `platformdirs.user_config_path`'s rule."""
    folder = _user_folder(environ, platform, "XDG_CONFIG_HOME", "/.config")
    return f"{folder}/config.json" if folder else ""


def _user_folder(environ: Mapping[str, str], platform: str, variable: str, below_home: str) -> str:
    base = environ.get(variable, "").strip()
    if not base.startswith("/"):
        base = _home(environ)
        base += ("/Library/Application Support" if platform == "darwin" else below_home) if base else ""
    return f"{base}/{APPLICATION}" if base else ""


def _home(environ: Mapping[str, str]) -> str:
    home = environ.get("HOME", "")
    if not home:
        import posix
        import pwd

        try:
            home = pwd.getpwuid(posix.getuid()).pw_dir
        except KeyError:
            return ""
    return home.rstrip("/") if home.startswith("/") else ""


def sessions(folder: str) -> str:
    """Return the folder of the ledgers."""
    return f"{folder}/sessions"


def ledger_file(folder: str, session: str) -> str:
    """Return the ledger of a session."""
    return f"{folder}/sessions/{session}.json"


def lock_file(folder: str, session: str) -> str:
    """Return the lock file that guards a session's ledger."""
    number = sum(session.encode()) % LOCKS
    return f"{folder}/sessions/{number:02d}.lock"


def spend(folder: str) -> str:
    """Return the folder in which each session states what it was billed in the last days."""
    return f"{folder}/spend"


def quiet(folder: str) -> str:
    """Return the folder of the files that `quiet_file` names."""
    return f"{folder}/quiet"


def quiet_file(folder: str, session: str) -> str:
    """Return the file that says which hooks of a session need not be waited for; `hooks/run` reads it."""
    return f"{folder}/quiet/{session}"


def flights(folder: str) -> str:
    """Return the folder with a file for each hook that runs beside its session; `hooks/run` makes them."""
    return f"{folder}/flights"


def quarantine(folder: str) -> str:
    """Return the folder of ledgers that did not parse."""
    return f"{folder}/quarantine"


def models(folder: str) -> str:
    """Return the folder of what was learned of each model's text."""
    return f"{folder}/models"


def processes(folder: str) -> str:
    """Return the folder of the files that `process_file` names."""
    return f"{folder}/processes"


def process_file(folder: str, pid: str) -> str:
    """Return the file that says which session a process of the client has now."""
    return f"{folder}/processes/{pid}"


def welcome_marker(folder: str) -> str:
    """Return the file that says that the user was given the one line about the status line."""
    return f"{folder}/welcomed"
