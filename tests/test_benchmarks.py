"""The parts of the benchmarks that compute without an engine, and what the repository publishes of their results."""

import json
import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from pydoc_data import topics
from types import MappingProxyType, ModuleType, SimpleNamespace

import numpy as np
import pytest

from benchmarks import billion, plots, readme, report, results, shapes, workloads
from benchmarks.contest import Contest, Team, assemble
from benchmarks.corpus import Corpus, _docstrings, open_tokenizer, paragraphs
from benchmarks.engines import ENGINES, missing
from benchmarks.fleet import Fleet, simulate
from benchmarks.paths import ROOT
from benchmarks.plots import like_with_like
from benchmarks.race import race
from benchmarks.summary import Variant, summarize
from benchmarks.turns import in_turns
from benchmarks.workloads import Load


def run(*seconds: float | None, texts: int = 10) -> dict:
    facts = {"texts": texts, "tokens": 100 * texts, "gflop": 30.0 * texts, "others": 0.0, "peak_mb": 200.0}
    return facts | {"seconds": list(seconds)}


def entry(**changes) -> dict:
    found = {
        "date": "2026-01-01",
        "machine": {"cpu": "C", "cpu_family_model": None, "cores": 2, "flags": [], "memory_gb": 1, "os": "O"}
        | {"python": "3", "load_average_at_start": 0.1},
        "versions": {"rapidembed": "0"},
        "others": {},
        "settings": {"seed": 0},
        "model": {"title": "M", "random": False, "weights_mb": 90.0},
        "skipped": {"st-onnx": "not installed: optimum"},
        "failures": [{"what": "mixed, fastembed@default", "error": "not run: it needs about 13 GB of memory"}],
        "gemm": {"gflops": 400.0, "reached": "x"},
        "corpus": {"texts": 10, "tokens": 1000, "mean_tokens": 100.0, "median_tokens": 90, "max_tokens": 512},
        "computes": {"st-openvino": "bf16"},
        "cosine": {"rapidembed@default": {"mean": 1.0, "min": 1.0}},
        "runs": {
            "rapidembed@default": run(1.0, 2.0, 1.0),
            "rapidembed-bf16@default": run(0.5, 0.5, 0.5),
            "fastembed@1": run(2.0, 3.0, 4.0),
            "fastembed@8": run(1.9),
            "st-fp32@default": run(4.0, None, 2.0, texts=5),
            "st-openvino@default": run(0.5, 1.0, 1.0),
        },
    }
    found |= changes
    return found | {"summary": summarize(found)}


def test_medians_rates_and_the_share_of_the_roof() -> None:
    row = entry()["summary"]["variants"]["rapidembed@default"]
    assert row == {"texts_per_s": 10.0, "tokens_per_s": 1000.0, "roofline_share": 0.75, "peak_mb": 200.0}


def test_integers_and_bfloat16_have_roofs_of_their_own() -> None:
    gemm = {"gflops": 400.0, "reached": "x"} | {
        kind: {"gops": gops, "reached": "y"} for kind, gops in (("integer", 1000.0), ("half", 800.0))
    }
    runs = entry()["runs"] | {"rapidembed-int8@default": run(0.6), "rapidembed-native-bf16@default": run(0.6)}
    found = entry(gemm=gemm, runs=runs)
    rows = found["summary"]["variants"]
    assert rows["rapidembed-int8@default"]["integer_share"] == 0.5
    assert "integer_share" not in rows["rapidembed@default"]
    assert rows["rapidembed-native-bf16@default"]["half_share"] == 0.625
    told = report.markdown({"minilm/mixed": found})
    assert "| 125.0 %, 50.0 % of integers' |" in told
    assert "| 125.0 %, 62.5 % of bfloat16's |" in told
    assert "; of 8-bit integers 1000 GOP/s (y); of bfloat16 800 GOP/s (y)." in told


def test_ratios_are_taken_pair_by_pair_and_by_tokens() -> None:
    ratios = entry()["summary"]["times_as_fast"]["rapidembed@default"]
    assert ratios["fastembed@1"] == {"median": 2.0, "min": 1.5, "max": 4.0}
    assert ratios["st-fp32@default"] == {"median": 6.0, "min": 4.0, "max": 8.0}  # half the texts; one round missing
    assert ratios["rapidembed-bf16@default"]["median"] == 0.5


def test_the_best_batch_size_ran_in_most_rounds() -> None:
    assert entry()["summary"]["best"]["fastembed"] == "fastembed@1"


def test_precisions_are_compared_with_their_like() -> None:
    assert like_with_like(entry(), "fastembed") == 2.0
    assert like_with_like(entry(), "st-openvino") == 2.0  # it chose bf16: against ours in bf16
    assert like_with_like(entry(computes={}), "st-openvino") == 0.5
    assert like_with_like(entry(), "st-bf16") is None
    faster = entry()["runs"] | {"rapidembed-native-bf16@default": run(0.4, 0.4, 0.4)}
    assert like_with_like(entry(runs=faster), "st-openvino") == 2.5  # against the fastest of ours


def test_lone_queries_and_cold_starts() -> None:
    lone = {"latency_ms": {"rapidembed": {"1": [1.0, 3.0, 2.0]}, "fastembed": {"1": [2.0, 3.0, 4.0]}}}
    found = summarize(lone | {"cold_s": {"fastembed": [1.0]}})
    assert found["query_p50_ms"] == {"rapidembed": {"1": 2.0}, "fastembed": {"1": 3.0}}
    assert found["query_ours_over_it"]["fastembed"] == {"1": 0.5}
    assert found["cold_ours_over_it"] == {"fastembed": None}


def test_a_later_run_replaces_only_its_entries(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(results, "RESULTS", tmp_path)
    order = ["a/mixed", "b/mixed"]
    entries = results.merge({}, "b/mixed", entry(date="old"), order)
    entries = results.merge(entries, "a/mixed", entry(date="old"), order)
    entries = results.merge(entries, "a/mixed", entry(date="new"), order)
    results.path("x").write_text(results.dump(entries))
    read = results.read("x")
    assert read == entries
    assert {name: found["date"] for name, found in read.items()} == {"a/mixed": "new", "b/mixed": "old"}
    assert list(read) == order
    assert results.read("y") == {}
    results.path("z").write_text("{}")
    with pytest.raises(SystemExit, match="another --name"):
        results.read("z")


def test_the_report_says_what_was_not_run() -> None:
    text = report.markdown({"minilm/mixed": entry(), "bge-base/uniform-32": entry()})
    assert "- minilm, mixed, fastembed@default: not run: it needs about 13 GB of memory." in text
    assert "- bge-base, sentence-transformers ONNX: not installed: optimum." in text
    assert "| fastembed, batch 1 | 3.33 | 2.00x | 6.00x | 200 MB | - | - |" in text
    assert "| fastembed, default (batch 256) | \\* |" in text
    assert "computes in bf16 here" in text


def test_operations_of_a_layer() -> None:
    bert = {"model_type": "bert", "num_hidden_layers": 1, "hidden_size": 2, "intermediate_size": 8}
    assert shapes.flops(bert, [3]) == 3 * 24 * 2 * 2 + 4 * 2 * 3 * 3
    modern = {"model_type": "modernbert", "num_hidden_layers": 3, "hidden_size": 2, "intermediate_size": 5}
    pairs = sum(abs(i - j) <= 2 for i in range(9) for j in range(9))
    attended = 9 * 9 + 2 * pairs  # the first layer in three sees everything
    expected = 3 * 9 * (8 * 2 * 2 + 6 * 2 * 5) + 4 * 2 * attended
    assert shapes.flops(modern | {"local_attention": 4}, [9]) == expected
    assert shapes.flops(modern | {"local_attention": 128}, [9]) == 3 * 9 * (32 + 60) + 4 * 2 * 3 * 81


def test_operations_of_heads(monkeypatch) -> None:
    monkeypatch.setattr(shapes, "configuration", lambda name: BERT)
    body = shapes.flops(BERT, [3])
    assert shapes.work("colbert", [3]) == body + 3 * 2 * 2 * 128
    assert shapes.work("splade", [3]) == body + 3 * 2 * 2 * (2 + 5)
    keys_and_values, first = 3 * 2 * 2 * 2 * 2, 2 * 2 * 2 * 2 + 4 * 2 * 8  # of all tokens; the first one's layer
    attention, pooler = 4 * 2 * 3, 2 * 2 * 2
    assert shapes.work("rerank", [3]) == keys_and_values + first + attention + pooler


def test_calls_take_turns_and_the_first_round_does_not_count() -> None:
    asked, now = [], iter(range(100))
    calls = [lambda: asked.append("a"), lambda: asked.append("b")]
    assert in_turns(calls, 2, clock=lambda: float(next(now)), of=max) == [1.0, 1.0]
    assert asked == ["a", "b"] * 3


def test_calibration_reads_other_texts_than_those_measured() -> None:
    found = paragraphs()
    assert len(found) > 1000
    assert found == paragraphs()
    measured = _docstrings(Path(topics.__file__).parent)  # of the modules that the paragraphs come from
    assert not set(found) & {" ".join(text.split()) for text in measured}


def test_uniform_texts_have_exactly_so_many_tokens() -> None:
    words = [f"The {name} is read by everyone who wants to know it." for name in ("first", "second", "third", "last")]
    model = shapes.source(shapes.REAL)
    tokenizer = open_tokenizer(model)
    corpus = Corpus(words, [len(tokenizer.encode(text).ids) for text in words])
    found = workloads.uniform(corpus, model, 16, 2)
    assert [len(tokenizer.encode(text).ids) for text in found.texts] == [16, 16]
    assert len(set(found.texts)) == 2


def test_variants_have_names() -> None:
    for variant in (Variant("fastembed", None), Variant("st-fp32", 8)):
        assert Variant.of(variant.key) == variant
    assert Variant("st-fp32", None).size == 32


def test_pages_say_what_was_measured() -> None:
    for page, content in readme.pages().items():
        assert page.read_text(encoding="utf-8") == content, f"{page.name}: run make figures"


def test_fast_chooses_by_what_was_measured() -> None:
    rows = json.loads(readme.pages()[readme.TABLE])
    assert {row["precision"] for row in rows} == {"fp32", "int8", "bf16"}


def test_the_readme_shows_integers_and_float32_with_and_without_the_native_encoder() -> None:
    ours = {"rapidembed-native-int8": 0.3, "rapidembed-native-bf16": 0.4, "rapidembed-native": 0.5}
    added = {f"{name}@default": run(seconds) for name, seconds in ours.items()}
    main = entry(runs=entry()["runs"] | added | {"st-onnx-int8@8": run(0.6)})
    ours = ["rapidembed-native-int8@default", "rapidembed-native@default", "rapidembed@default"]
    assert readme._contenders(main) == [*ours, "fastembed@1", "st-onnx-int8@8"]


def test_frameworks_come_before_anyone_scrolls() -> None:
    lines = readme.README.read_text(encoding="utf-8").splitlines()
    assert lines.index("## In your framework") < 45
    assert (
        sum(
            line.startswith("|") for line in readme._paragraphs(readme.headline(results.read(readme.NAME))).splitlines()
        )
        == 7
    )


def test_summaries_in_the_results_are_those_of_their_runs() -> None:
    for found in results.read(readme.NAME).values():
        if "summary" in found and "runs" in found:
            assert found["summary"] == summarize(found)


def test_help_needs_no_peer() -> None:
    command = [sys.executable, "-m", "benchmarks", "--help"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "uniform-512" in done.stdout


BERT = {"model_type": "bert", "num_hidden_layers": 1, "hidden_size": 2, "intermediate_size": 8, "vocab_size": 5}
BERT |= {"num_attention_heads": 1}


class Pretender:
    """Stands for a worker process: its speed depends on the batch size only."""

    computes = None
    longer = MappingProxyType({"fastembed": 1.5})

    def __init__(self, engine: str, seconds: dict, asked: list[str]) -> None:
        self.engine, self.seconds, self.asked = engine, seconds, asked

    def ask(self, do: str, batch_size: int | None, save: str | None = None, **_) -> dict:
        if save is not None:
            np.save(save, self.longer.get(self.engine, 1.0) * np.eye(20, dtype=np.float32))
        self.asked.append(Variant(self.engine, batch_size).key)
        return {"seconds": self.seconds.get(batch_size, 1.0), "others": 0.0, "peak_bytes": 5_000_000}

    def close(self) -> None:
        self.asked.append("closed")

    def __enter__(self):
        return self

    def __exit__(self, *_) -> None:
        self.close()


@pytest.fixture
def raced(tmp_path, monkeypatch):
    """Holds a contest of texts of 512 tokens between pretenders; gives its entry, and what they were asked."""

    def hold(
        engines: list[str], seconds: dict, rounds: int = 1, shape: str = "minilm", count: int = 10
    ) -> tuple[dict, list[str]]:
        asked: list[str] = []
        monkeypatch.setattr(Team, "start", lambda team, engine: Pretender(engine, seconds, asked))
        size = max(20, count)
        texts, share = (
            Corpus([f"{kind} {number}" for number in range(size)], [512] * size) for kind in ("text", "other")
        )
        with Team(shape, engines, {}) as team:
            entry = {"failures": [], "model": {"random": shapes.SHAPES[shape].random}}
            contest = Contest(team, "uniform-512", tmp_path, entry)
            race(contest, Load(texts, share.subset(range(count)), (1, 8, 32)), rounds, repeats=0)
        return contest.entry, asked

    return hold


def test_the_sizes_near_the_best_stay_in_the_race(raced) -> None:
    found, asked = raced(["rapidembed", "st-fp32"], {None: 2.0, 1: 9.0, 8: 1.0}, rounds=2)
    first = ["rapidembed@default", "st-fp32@default", "st-fp32@1", "st-fp32@8"]  # 32 is its default
    assert asked == [*first, "rapidembed@default", "st-fp32@default", "st-fp32@8", "closed", "closed"]
    assert found["runs"]["st-fp32@8"]["seconds"] == [1.0, 1.0]
    assert found["runs"]["st-fp32@1"]["seconds"] == [9.0]
    assert found["cosine"]["rapidembed@default"] == {"mean": 1.0, "min": 1.0}


def test_no_size_beyond_a_hopeless_one_is_tried(raced) -> None:
    found, _ = raced(["fastembed"], {1: 0.4, 8: 1.2})
    assert [key for key in found["runs"] if key != "fastembed@default"] == ["fastembed@1", "fastembed@8"]


def test_a_padded_batch_has_a_process_and_texts_of_its_own(raced, monkeypatch) -> None:
    monkeypatch.setattr("benchmarks.race.available_memory", lambda: 50e9)
    found, asked = raced(["fastembed", "st-fp32"], {})
    assert asked[:2] == ["fastembed@default", "closed"]
    assert found["runs"]["fastembed@default"]["texts"] == 10
    assert found["runs"]["fastembed@default"]["peak_mb"] == 5.0
    assert "fastembed@default" not in found["cosine"]  # no text in common
    assert found["cosine"]["fastembed@1"] == {"mean": 1.0, "min": 1.0}


def test_a_padded_batch_that_needs_too_much_is_not_run(raced, monkeypatch) -> None:
    monkeypatch.setattr("benchmarks.race.available_memory", lambda: 5e9)
    found, asked = raced(["fastembed"], {}, count=256)
    assert found["failures"][0]["what"] == "uniform-512, fastembed@default"
    assert found["failures"][0]["error"] == "not run: it needs about 12 GB of memory, 5 GB are free"
    assert asked == ["fastembed@1", "fastembed@8", "fastembed@32", "closed"]


def test_results_of_heads_are_compared_by_their_difference(raced, monkeypatch) -> None:
    monkeypatch.setattr(shapes, "configuration", lambda name: BERT)
    found, _ = raced(["rapidembed", "fastembed", "rapidembed-int8"], {}, shape="rerank")
    theirs = [key for key in found["runs"] if key.startswith("fastembed")]
    assert len(theirs) == 4
    assert found["difference"] == {"rapidembed@default": 0.0} | dict.fromkeys(
        theirs, 0.5
    )  # int8 on random weights: not
    assert found["runs"]["rapidembed@default"]["peak_mb"] == 5.0
    assert found["cosine"] == {}


def test_who_cannot_run_is_left_out_and_the_reason_kept(monkeypatch) -> None:
    monkeypatch.setattr("benchmarks.export.ensure", lambda shape, kind, python=None: None)
    changed = replace(ENGINES["fastembed"], requires=("no_such_module.at_all",))
    monkeypatch.setitem(ENGINES, "fastembed", changed)
    team, skipped = assemble("minilm", ["rapidembed", "fastembed"], {})
    assert (team.engines, skipped) == (["rapidembed"], {"fastembed": "not installed: no_such_module.at_all"})
    team, skipped = assemble("splade", ["rapidembed", "st-fp32"], {})
    assert (team.engines, skipped) == (["rapidembed"], {})  # sentence-transformers does not compete there


def test_a_backend_competes_once_it_is_in_the_table_and_installed(monkeypatch) -> None:
    row, table = SimpleNamespace(installed=False), ModuleType("rapidembed.runtime.backends")
    wanted = ENGINES["rapidembed-native-int8"].requires
    table.BACKENDS = {}
    monkeypatch.setitem(sys.modules, table.__name__, table)
    assert missing(wanted) == ["backend native"]
    table.BACKENDS = {"native": row}
    assert missing(wanted) == ["backend native"]
    row.installed = True
    assert missing(wanted) == []


def test_pictures(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(results, "RESULTS", tmp_path)
    assert plots.draw({"minilm/mixed": entry(), "bge-base/uniform-512": entry(cosine={})}, "x")
    sizes = {path.name: path.stat().st_size for path in tmp_path.iterdir()}
    assert set(sizes) == {"x-speed.png", "x-fidelity.png", "x-shapes.png"}
    assert all(5_000 < size < 100_000 for size in sizes.values())
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert not plots.draw({}, "x")


def test_labels_keep_apart() -> None:
    assert plots._apart([1.0, 1.1, 5.0], 0.5) == [1.0, 1.5, 5.0]


def test_a_fleet_that_never_fails_takes_the_time_of_its_shards() -> None:
    fleet = Fleet(texts=12_000, shard=1000, machines=4, rate=10.0, start=60, overhead=5, spread=0)
    outcome = simulate(fleet)
    assert outcome.seconds == pytest.approx(60 + 3 * (5 + 100))
    assert (outcome.lost, outcome.losses, outcome.written) == (0, 0, [1] * 12)
    assert outcome.busy == pytest.approx(12 * 105)


def test_a_fleet_that_fails_loses_what_is_to_be_expected_and_writes_every_shard_once() -> None:
    """Work that begins anew after every failure, at exponential intervals of mean L, takes L (exp(work / L) - 1)."""
    fleet = Fleet(texts=3000, shard=1, machines=1, rate=0.01, start=0, overhead=0, life=200.0, notice=0, spread=0)
    outcome = simulate(fleet)
    assert outcome.written == [1] * 3000
    assert outcome.seconds / 3000 == pytest.approx(200 * math.expm1(100 / 200), rel=0.03)
    assert outcome.busy + outcome.lost == pytest.approx(outcome.seconds)
    many = simulate(replace(fleet, machines=50, start=30, notice=20, spread=0.2))
    assert many.written == [1] * 3000
    assert simulate(replace(fleet, seed=1)).seconds != outcome.seconds


def test_the_page_about_scale_is_that_of_its_rates() -> None:
    found = json.loads(results.path(readme.NAME, "-scale.json").read_text(encoding="utf-8"))
    assert results.path(readme.NAME, "-scale.md").read_text(encoding="utf-8") == billion.report(found), (
        "run: python -m benchmarks.billion"
    )
    # An hour of one core at a dollar and 1,000 texts a second.
    assert billion.dollars_per_million(1.0, 1, 1000.0) == pytest.approx(1e6 / 1000 / 3600 / billion.SHARE)
    assert billion.terabytes(10**9, 384, "float32") == pytest.approx(1.552)
