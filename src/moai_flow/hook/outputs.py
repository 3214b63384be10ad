"""A message's output as its content tells it, where the usage does not. Pure."""

from __future__ import annotations

from moai_flow.hook.estimate import rates, tokenizer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from moai_flow.hook.records import Message


_MORE_OF_A_CALL = 40
"""Tokens of a call's frame beyond what is counted before it is known: half of 4,700 real calls had more."""

_SAME = 20
"""Tokens by which an estimate must be more, to be believed more than what is written."""


_FORGETFUL = "claude-sonnet-4-5"
"""The model that drops the thoughts of the last turn at each prompt; Opus 4.5, 4.6 and Sonnet 4.6 keep them (seen)."""


def forgotten_thoughts(message: Message, identity: str) -> int:
    """Return the tokens of a message's thoughts that its model will forget at the next prompt."""
    if _FORGETFUL not in message.model:
        return 0
    thoughts = [text for block in message.blocks if isinstance(text := block.get("thinking"), str)]
    family = tokenizer.family(message.model, identity)
    return sum([rates.reply(text, {}, family)[1] for text in thoughts])


def fill_in(message: Message, identity: str) -> None:
    """Put an estimate in the place of an output that is only a placeholder, where the content is more."""
    family = tokenizer.family(message.model, identity)
    estimated = 0
    for block in message.blocks:
        if block.get("type") == "tool_use":
            estimated += rates.call(block.get("input"), {}, family)[1] + _MORE_OF_A_CALL
        else:
            text = block.get("text") or block.get("thinking")
            if isinstance(text, str):
                estimated += rates.reply(text, {}, family)[1]
    if estimated > message.output + _SAME:
        message.occupancy += estimated - message.output
        message.output = estimated
        message.is_rough = True
