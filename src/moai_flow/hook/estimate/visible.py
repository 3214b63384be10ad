"""What the model sees of a tool's response: rarely all of what the hook is shown.

Each tool of the client turns its structured response into one text (or blocks of text and images) for the
model. A Write answers with one sentence whatever the file's size, a Read numbers every line, an output that
is too long is kept in a file and only its beginning is shown. The forms below are those of clients 2.1.197
to 2.1.330, and of older ones where transcripts show them; what is not known here is taken as it is, as JSON.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

PREVIEW = 2_000
"""Characters that the client shows of an output which it keeps in a file."""

LONGEST = 50_000
"""Characters from which the client keeps a result in a file (all tools but Read, which has its own limit)."""

LONGEST_OF = {"Bash": 30_000, "PowerShell": 30_000, "Grep": 20_000}
"""The same for tools with a limit of their own (`maxResultSizeChars` in clients 2.1.80 to 2.1.330)."""

KEPT_READ = 49_399
"""Characters of a Read from which clients 2.1.62 to 2.1.71 kept it in a file too."""

MALWARE_REMINDER = 330
"""Characters of the reminder that older clients added to every Read."""

KEEPS_FILES, SHORT_EDITS, SHORT_WRITES, KEEPS_READS, KEEPS_NO_READS, PLAIN_READS = (
    (2, 1, 2),
    (2, 1, 16),
    (2, 1, 46),
    (2, 1, 62),
    (2, 1, 72),
    (2, 1, 113),
)
"""Clients from which on: results are kept in files; an Edit, and a Write over a file, no longer show the lines; a Read
is kept in a file, and no longer; a Read has no reminder and its numbers end in a tab (first seen, or last not seen)."""

LONGEST_ERROR = 10_000
"""Characters that the client leaves of an error."""

TOOL_DEFINITION = 2_000
"""Characters of the definition that each tool found by a search adds to the request (560 to 4,100 seen)."""

KEPT_NOTE = 250
"""Characters of the note around the preview of an output kept in a file, its path included."""

_MAX_BLOCKS = 1_000
"""Blocks of a list that are looked at one by one: no tool gives as many, and a million would be slow."""

_POWERS_OF_TEN = (10, 100, 1_000, 10_000, 100_000, 1_000_000)


class Seen:
    """What one response puts before the model.

    Args:
        texts: The texts, as they are.
        extra: Characters that the client adds in words of its own.
        image_tokens: Tokens of the images and documents.

    Attributes:
        lines: Lines that the client numbers.
        line_characters: Characters of those numbers and what sets them off.
    """

    __slots__ = ("extra", "image_tokens", "line_characters", "lines", "texts")

    def __init__(self, texts: list[str], extra: int = 0, image_tokens: int = 0) -> None:
        self.texts = texts
        self.extra = extra
        self.image_tokens = image_tokens
        self.lines = self.line_characters = 0


def of_response(tool: str, tool_response: Any, *, client: str = "", is_kept_short: bool = True) -> Seen:
    """Return what the model sees of a tool's response, any JSON value.

    Args:
        tool: the tool's name.
        tool_response: what it answered.
        client: the client's version, "" for a new one.
        is_kept_short: whether a client stands between, which keeps what is too long in a file.
    """
    if isinstance(tool_response, dict):
        view = _VIEWS.get(tool, _structure)
        seen = view(tool_response)
    else:
        seen = of_content(tool_response)
    if client:
        _as_before(seen, tool, tool_response, _version(client))
    if is_kept_short and not seen.image_tokens:
        _shorten(seen, _limit(tool, client))
    return seen


def of_error(error: Any) -> Seen:
    """Return what the model sees of a failed call: the error's text, its middle left out if it is long."""
    return Seen([(error if isinstance(error, str) else dump(error))[:LONGEST_ERROR]])


def of_content(content: Any) -> Seen:
    """Return what is in a content list of the API's form, or in a bare string; anything else as JSON."""
    if isinstance(content, str):
        return Seen([content])
    if not isinstance(content, list) or len(content) > _MAX_BLOCKS:
        return Seen([] if content is None else [dump(content)])
    seen = Seen([])
    for block in content:
        if not isinstance(block, dict):
            seen.texts.append(block if isinstance(block, str) else dump(block))
        elif isinstance(block.get("text"), str):
            seen.texts.append(block["text"])
        elif block.get("type") == "image":
            source = block.get("source")
            data = source.get("data") if isinstance(source, dict) else block.get("data")
            seen.image_tokens += _picture(data)
        else:
            seen.texts.append(dump(block))
    return seen


def dump(value: Any) -> str:
    """Return a text about as long as the value's JSON.

    ``repr`` quotes and escapes like JSON and is the only serializer at hand without an import. It raises on
    nesting deeper than the interpreter's stack and on integers beyond its digit limit: the empty text then.
    """
    try:
        return repr(value)
    except (RecursionError, ValueError):
        return ""


def _structure(response: dict[str, Any]) -> Seen:
    content = response.get("content")
    if isinstance(content, list):
        return of_content(content)
    return Seen([dump(response)])


def _shell(response: dict[str, Any]) -> Seen:
    blocks = response.get("structuredContent")
    if isinstance(blocks, list) and blocks:
        return of_content(blocks)
    if "stdout" not in response and "stderr" not in response:
        return _structure(response)
    stdout, stderr = _text(response, "stdout"), _text(response, "stderr")
    if response.get("isImage") is True:
        return Seen([stderr], 0, _picture(stdout.partition(",")[2]))
    seen = Seen([stdout, stderr], 0 if stdout or stderr else 32)
    if _text(response, "persistedOutputPath"):
        seen.texts[0] = stdout[:PREVIEW]
        seen.extra += KEPT_NOTE
    if response.get("backgroundTaskId"):
        seen.extra += 250
    if response.get("interrupted") is True:
        seen.extra += 50
    return seen


def _read(response: dict[str, Any]) -> Seen:
    shape = response.get("type")
    file = response.get("file")
    if shape == "file_unchanged":
        return Seen([], 110)
    if not isinstance(file, dict):
        return _structure(response)
    if shape == "image":
        return Seen([], 0, _picture(file.get("base64"), file.get("dimensions")))
    if shape == "pdf":
        return Seen([_text(file, "filePath")], 30, _picture(file.get("base64"), is_document=True))
    if shape in ("parts", "notebook"):
        return _pages(response, file) if shape == "parts" else Seen([dump(file.get("cells"))])
    content = _text(file, "content")
    return _numbered(Seen([content]), file.get("startLine"), content.count("\n") + 1) if content else Seen([], 100)


def _pages(response: dict[str, Any], file: dict[str, Any]) -> Seen:
    seen = Seen([_text(file, "filePath")], 50)
    pages = response.get("pages")
    if not isinstance(pages, list):
        return seen
    for page in pages:
        if isinstance(page, dict):
            seen.texts.append(_text(page, "text"))
            seen.image_tokens += _picture(page.get("base64"))
    return seen


def _numbered(seen: Seen, first: Any, lines: int) -> Seen:
    """Add the line numbers that a Read puts in front: the digits and an escaped tab."""
    start = min(first, 10**9) if isinstance(first, int) and first > 0 else 1
    end = start + lines
    seen.lines += lines
    # A number has one digit, and one more for each power of ten that it has reached.
    seen.line_characters += 3 * lines + sum([max(0, end - max(start, power)) for power in _POWERS_OF_TEN])
    return seen


def _picture(data: Any, dimensions: Any = None, *, is_document: bool = False) -> int:
    # Pictures are rare, and every tool call would wait for the import.
    from moai_flow.hook.estimate import image

    if is_document:
        return image.document_tokens(data)
    return image.shown_tokens(dimensions) or image.tokens(data)


def _sentence(response: dict[str, Any]) -> Seen:
    return Seen([_text(response, "filePath")], 145 if response.get("replaceAll") is True else 105)


def _cell(response: dict[str, Any]) -> Seen:
    return Seen([_text(response, "new_source")], 30)


def _matches(response: dict[str, Any]) -> Seen:
    if "filenames" not in response and "content" not in response:
        return _structure(response)
    if "content" in response and response.get("mode", "content") != "files_with_matches":
        return Seen([_text(response, "content")], 40)
    return Seen([_lines(response.get("filenames"))], 20)


def _searched(response: dict[str, Any]) -> Seen:
    results = response.get("results")
    return Seen([_text(response, "query"), dump(results)], 250)


def _agent(response: dict[str, Any]) -> Seen:
    status = response.get("status")
    if status == "completed":
        seen = of_content(response.get("content"))
        # Later clients frame an agent's report with a warning about whose words it is.
        seen.extra = 690 if "harnessNoteCount" in response else 230
        return seen
    if status == "async_launched":
        return Seen([_text(response, "outputFile")], 960 if "canContinueAgent" in response else 650)
    if status in ("teammate_spawned", "remote_launched"):
        return Seen([_text(response, "outputFile")], 300)
    return _structure(response)


def _found_tools(response: dict[str, Any]) -> Seen:
    matches = response.get("matches")
    return Seen([], 50 + TOOL_DEFINITION * len(matches) if isinstance(matches, list) else 50)


def _lines(value: Any) -> str:
    if not isinstance(value, list):
        return ""
    try:
        return "\n".join(value)
    except TypeError:
        return dump(value)


def _text(response: dict[str, Any], key: str) -> str:
    value = response.get(key)
    return value if isinstance(value, str) else ""


def _limit(tool: str, client: str) -> int:
    """Return the characters from which a tool's result is kept in a file, 0 for none."""
    version = _version(client)
    if tool == "Read":
        return KEPT_READ if KEEPS_READS <= version < KEEPS_NO_READS else 0
    return LONGEST_OF.get(tool, LONGEST) if not version or version >= KEEPS_FILES else 0


def _shorten(seen: Seen, limit: int) -> None:
    if limit and sum(map(len, seen.texts)) + seen.line_characters > limit:
        seen.texts = [max(seen.texts, key=len)[:PREVIEW]]
        seen.extra += KEPT_NOTE
        seen.lines = seen.line_characters = 0


def _version(client: str) -> tuple[int, ...]:
    """Return a version to compare, () for one that is none."""
    try:
        return tuple([int(part) for part in client[:32].partition("-")[0].split(".")])
    except ValueError:
        return ()


def _as_before(seen: Seen, tool: str, response: Any, client: tuple[int, ...]) -> None:
    """Add what an older client shows beside: the lines around an edit, a reminder after a file."""
    if not client or client >= PLAIN_READS or not isinstance(response, dict):
        return
    if tool == "Read" and seen.lines:
        seen.extra += MALWARE_REMINDER
        # Six columns and an arrow, where there are up to five digits and a tab now.
        seen.line_characters += 6 * seen.lines
    elif tool in ("Edit", "MultiEdit") and client < SHORT_EDITS:
        _show_edited(seen, response)
    elif tool == "Write" and client < SHORT_WRITES and response.get("type") == "update":
        content = _text(response, "content")
        _numbered(seen, 1, content.count("\n") + 1).texts.append(content)


def _show_edited(seen: Seen, response: dict[str, Any]) -> None:
    """Add the lines around an edit: what the patch spans, and four lines more on both sides."""
    hunks = response.get("structuredPatch")
    hunks = [hunk for hunk in hunks[:_MAX_BLOCKS] if isinstance(hunk, dict)] if isinstance(hunks, list) else []
    lines = [line for hunk in hunks if isinstance(hunk.get("lines"), list) for line in hunk["lines"][:_MAX_BLOCKS]]
    kept = [line for line in lines if isinstance(line, str) and not line.startswith("-")]
    if not kept:
        return
    first, last = hunks[0].get("newStart"), hunks[-1].get("newStart")
    span = len(kept) + 4
    if isinstance(first, int) and isinstance(last, int) and first <= last < first + _MAX_BLOCKS:
        span = max(span, last - first + len(hunks[-1].get("lines") or ()))
    text = "\n".join(kept)
    # Lines that the patch does not show are taken to be like those that it does.
    seen.texts.append(text + text[: max(0, span - len(kept)) * len(text) // len(kept)])
    _numbered(seen, first, span)


_VIEWS: dict[str, Callable[[dict[str, Any]], Seen]] = {
    "Agent": _agent,
    "Bash": _shell,
    "Edit": _sentence,
    "Glob": _matches,
    "Grep": _matches,
    "MultiEdit": _sentence,
    "NotebookEdit": _cell,
    "PowerShell": _shell,
    "Read": _read,
    "Task": _agent,
    # These two answer the same whatever was asked.
    "TaskUpdate": lambda _: Seen([], 30),
    "TodoWrite": lambda _: Seen([], 160),
    "ToolSearch": _found_tools,
    "WebFetch": lambda response: Seen([_text(response, "result")]) if "result" in response else _structure(response),
    "WebSearch": _searched,
    "Write": _sentence,
}
