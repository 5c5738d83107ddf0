"""Which model finds a user's own passages, and what it costs."""

from rapidembed.toolkit.evaluation.contestants import Contestant, Dense, Fused, Lexical, Reranked, contestant
from rapidembed.toolkit.evaluation.questions import Questions, read_questions
from rapidembed.toolkit.evaluation.report import Report
from rapidembed.toolkit.evaluation.run import evaluate

__all__ = [
    "Contestant",
    "Dense",
    "Fused",
    "Lexical",
    "Questions",
    "Report",
    "Reranked",
    "contestant",
    "evaluate",
    "read_questions",
]
