"""Masking what looks like a secret in a command: people share reports. Pure."""

from __future__ import annotations

import re

MASK = "***"

MAX_CHARACTERS = 1_000
"""Characters that are looked at and returned: patterns must not cost a page's time on a hostile line."""

_SECRET = r"(?:key|token|secret|passw|passphrase|pwd|auth(?!ors?\b)|credential|cookie)"  # noqa: S105 - a pattern
_VALUE = r"""(?:"(?:[^"\\]|\\.)*"?|'[^']*'?|\$\([^)]*\)?|[^\s"';|&]+)"""

_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    # NAME=value before a command or after `export`: capitals name settings, and their values are often secret.
    (re.compile(rf"(?<![\w./?&-])([A-Z_][A-Z0-9_]*=)(?!=){_VALUE}"), r"\1" + MASK),
    # name=value, name: value and "name": "value" where the name says what it is; addresses' queries too.
    (
        re.compile(
            rf"""((?<!-)\b[\w.-]{{0,40}}{_SECRET}[\w.-]{{0,40}}["']?\s?[=:]\s?)(?!=)"""
            rf"(?:(?:bearer|basic|token)\s+)?{_VALUE}",
            re.IGNORECASE,
        ),
        r"\1" + MASK,
    ),
    # --token value, --api-key=value, -u user:password.
    (re.compile(rf"(--?[\w-]{{0,40}}{_SECRET}[\w-]{{0,40}}(?:\s+|=)){_VALUE}", re.IGNORECASE), r"\1" + MASK),
    (re.compile(rf"((?:^|\s)(?:-u|--user)(?:\s+|=)){_VALUE}"), r"\1" + MASK),
    (re.compile(rf"(\bsshpass\s+-p\s*|\bmysql\w*\s(?:.*\s)?-p){_VALUE}"), r"\1" + MASK),
    (re.compile(r"\b((?:bearer|basic)\s+)[\w.~+/=-]{8,}", re.IGNORECASE), r"\1" + MASK),
    # scheme://user:password@host
    (re.compile(r"(://)[^\s/@:]*:[^\s/@]+@"), r"\1" + MASK + "@"),
    # Keys whose beginning says what they are: Anthropic and OpenAI, GitHub, GitLab, Slack, AWS, Google, npm, PyPI,
    # Hugging Face, Stripe, SendGrid, DigitalOcean, Shopify; JSON web tokens; private keys.
    (
        re.compile(
            r"\b(?:sk-[\w-]{8,}|gh[opsur]_\w{8,}|github_pat_\w{8,}|glpat-[\w-]{8,}|xox[a-z]-[\w-]{8,}|A[KS]IA[A-Z0-9]{8,}"
            r"|AIza[\w-]{8,}|ya29\.[\w-]{8,}|npm_\w{8,}|pypi-[\w-]{8,}|hf_\w{8,}|[sr]k_(?:live|test)_\w{8,}|whsec_\w{8,}"
            r"|SG\.[\w.-]{8,}|do[opr]_v1_\w{8,}|shp(?:at|ss|ca|pa)_\w{8,}|eyJ[\w-]{8,}\.[\w.-]+)"
        ),
        MASK,
    ),
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)", re.DOTALL), MASK),
)


def mask(text: str) -> str:
    """Return a text with the values of settings, credentials and known kinds of keys as `***`.

    `NAME=value`, options and headers named like a secret (`--token x`, `-H "Authorization: x"`), `user:password` of
    addresses and of `-u`, and keys known by how they begin. What no rule knows stays: nothing can tell every secret.
    """
    text = text[:MAX_CHARACTERS]
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return text
