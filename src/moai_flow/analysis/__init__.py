"""Where sessions' tokens went, and what to do about it.

Sessions that are over are played again through the hooks' own code (`moai_flow.replay`), so every figure here is the
one that the hooks kept: there is no second way of counting.
"""

from __future__ import annotations

from moai_flow.analysis.load import get_recommendations
from moai_flow.analysis.recommend import Recommendation

__all__ = ["Recommendation", "get_recommendations"]
