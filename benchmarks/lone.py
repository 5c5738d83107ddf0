"""Lone texts: queries on loaded engines, and the first one of a new process."""

import time
from collections import defaultdict
from statistics import median

from benchmarks import corpus, shapes
from benchmarks.client import say
from benchmarks.contest import Contest
from benchmarks.summary import QUERY_TOKENS

_BURSTS, _FEW_BURSTS, _BURST, _BURST_WARM_UP = 25, 8, 10, 3
_STARTS, _FEW_STARTS = 7, 2
"""With the real weights, and in other shapes."""
_SETTLE = 0.02
"""Seconds for the threads of the engine before to stop spinning."""
_SETTLE_EXIT = 0.5
"""Seconds for what the process before leaves to the system: gigabytes to free."""


def latency(contest: Contest, everything: corpus.Corpus) -> None:
    """Lone queries: engines stay loaded and take turns in short bursts; only one of them works at any time."""
    bursts: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    alive, ask = list(contest.team.engines), contest.team.ask
    for length in QUERY_TOKENS:
        batch = corpus.beginnings(everything.texts, shapes.source(contest.team.shape), length, _BURST)
        if not batch:
            say(f"  no text is {length} tokens long")
            continue
        for _ in range(_BURSTS if contest.team.shape == shapes.REAL else _FEW_BURSTS):
            for name in list(alive):
                time.sleep(_SETTLE)
                what = f"single queries of {name}"
                answer = contest.attempt(what, lambda: ask(name, "query", texts=batch, warm=_BURST_WARM_UP))  # noqa: B023
                if answer is None:
                    alive.remove(name)
                else:
                    bursts[name][str(length)].append(1000 * median(answer["seconds"]))
        shown = ", ".join(f"{name} {median(bursts[name][str(length)]):.2f}" for name in alive)
        say(f"  {length} tokens, p50 in ms: {shown}")
    contest.entry["latency_ms"] = {name: dict(lengths) for name, lengths in bursts.items()}


def cold_start(contest: Contest) -> None:
    """From starting a process to its first vector, as the parent's clock sees it; files are in the system's cache."""
    starts: dict[str, list[float]] = defaultdict(list)
    alive = list(contest.team.engines)

    def start(name: str) -> float:
        began = time.perf_counter()
        with contest.team.start(name) as worker:
            worker.ask("query", texts=["hello world"])
            return time.perf_counter() - began

    for number in range(1 + (_STARTS if contest.team.shape == shapes.REAL else _FEW_STARTS)):
        first = number % max(1, len(alive))  # nobody always comes after the same one
        for name in alive[first:] + alive[:first]:
            time.sleep(_SETTLE_EXIT)
            seconds = contest.attempt(f"cold start of {name}", lambda: start(name))  # noqa: B023
            if seconds is None:
                alive.remove(name)
            elif number:  # the first brings files into the cache
                starts[name].append(seconds)
    say("  " + ", ".join(f"{name} {median(values):.2f} s" for name, values in starts.items()))
    contest.entry["cold_s"] = dict(starts)
