"""Evaluation: metrics against trec_eval, statistics against their definitions, and whole runs."""

import json
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from rapidembed import SparseTextEmbedding
from rapidembed.cli.app import cli
from rapidembed.toolkit import evaluate
from rapidembed.toolkit.evaluation import Dense, Fused, Lexical, Questions, Reranked, contestant, read_questions
from rapidembed.toolkit.evaluation.metrics import measure
from rapidembed.toolkit.evaluation.report import Report, Row
from rapidembed.toolkit.evaluation.statistics import bootstrap, compare, randomization_p

from tests.golden import make_evaluation as golden

EXPECTED = json.loads(golden.PATH.read_text(encoding="utf-8"))
STATIC = "builtin:static-en"
PAIRS = [
    ("When do I get my money back?", "Travel expenses are refunded within ten days."),
    ("Is the office open at Christmas?", "The building is closed from 24 December on."),
    ("Who repairs printers?", "Broken printers are mended by the help desk."),
    ("Where can I park?", "Cars may be left in the yard behind the canteen."),
]
OTHERS = ["Bicycles go into the cellar.", "The canteen serves soup on Mondays.", "Passwords have twelve characters."]


# Metrics


def test_metrics_are_those_of_trec_eval() -> None:
    found, relevant = golden.rankings()
    values = measure(found, relevant, (1, 5, 10))
    names = {"recall@1": "recall_1", "recall@5": "recall_5", "recall@10": "recall_10"}
    names |= {"mrr@10": "recip_rank", "ndcg@10": "ndcg_cut_10"}
    assert values.keys() == names.keys()
    for ours, theirs in names.items():
        assert values[ours].tolist() == pytest.approx([each[theirs] for each in EXPECTED["trec_eval"]], abs=1e-6)


def test_a_rank_beyond_the_cutoff_counts_nothing() -> None:
    values = measure([[5, 6, 7], [7]], [{7: 1.0}, {7: 1.0}], (1, 2))
    assert {name: each.tolist() for name, each in values.items()} == {
        "recall@1": [0, 1],
        "recall@2": [0, 1],
        "mrr@2": [0, 1],
        "ndcg@2": [0, 1],
    }


# Statistics


def test_bootstrap_is_near_the_normal_interval() -> None:
    values = np.random.default_rng(0).normal(0.5, 0.2, 400)
    found = bootstrap(values)
    error = values.std(ddof=1) / 20
    assert found.mean == pytest.approx(values.mean())
    assert found.low == pytest.approx(values.mean() - 1.96 * error, abs=0.002)
    assert found.high == pytest.approx(values.mean() + 1.96 * error, abs=0.002)


def test_randomization_by_definition_and_by_lot() -> None:
    differences = np.array([0.5, 0.0, 0.25, -0.1, 0.3, 0.2])
    sums = [abs(sum(s * d for s, d in zip(signs, differences, strict=True))) for signs in product((1, -1), repeat=6)]
    exact = np.mean([each >= differences.sum() - 1e-12 for each in sums])
    assert randomization_p(differences) == pytest.approx(exact)
    assert randomization_p(np.zeros(5)) == 1.0
    drawn = np.random.default_rng(3).normal(0.1, 0.5, 200)
    z = abs(drawn.sum()) / np.sqrt((drawn**2).sum())  # nearly normal
    assert randomization_p(drawn) == pytest.approx(
        2 * (1 - 0.5 * (1 + float(np.vectorize(_erf)(z / 2**0.5)))), abs=0.02
    )


def _erf(value: float) -> float:
    import math

    return math.erf(value)


def test_how_many_questions_would_tell() -> None:
    base = np.random.default_rng(1).random(10)
    gains = np.array([0.2, -0.1, 0.15, 0.0, 0.1, -0.05, 0.2, 0.0, -0.1, 0.1])
    found = compare(("a", "b"), (base, base + gains))
    assert (found.first, found.second, found.distinct) == ("b", "a", False)
    mean, deviation = gains.mean(), gains.std(ddof=1)
    assert found.needed == int(np.ceil((2.8 * deviation / mean) ** 2)) > 10
    alike = compare(("a", "b"), (base, base.copy()))
    assert (alike.p, alike.needed, alike.distinct) == (1.0, None, False)
    # As many questions as it says do tell, in about four cases of five.
    drawn = [np.random.default_rng(seed).normal(mean, deviation, found.needed) for seed in range(40)]
    told = [compare(("a", "b"), (np.zeros(found.needed), each)).distinct for each in drawn]
    assert 0.6 < np.mean(told) < 0.97


# Questions


def written(path: Path, records: list[dict]) -> Path:
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return path


def test_questions_of_files(tmp_path: Path) -> None:
    lines = written(tmp_path / "q.jsonl", [{"question": q, "passage": p} for q, p in PAIRS])
    table = tmp_path / "q.csv"
    table.write_text("query,answer\n" + "".join(f'"{q}","{p}"\n' for q, p in PAIRS), encoding="utf-8")
    assert read_questions(lines) == read_questions(table) == Questions.of(PAIRS)
    more = written(tmp_path / "p.jsonl", [{"text": p} for p in [*OTHERS, PAIRS[0][1]]])
    assert read_questions(lines, more).passages == [p for _, p in PAIRS] + OTHERS
    several = written(tmp_path / "s.jsonl", [{"question": "a", "passages": ["b", "c"]}])
    assert read_questions(several).relevant == [{0: 1.0, 1: 1.0}]


def test_questions_of_a_beir_folder(tmp_path: Path) -> None:
    written(tmp_path / "corpus.jsonl", [{"_id": f"d{i}", "title": "T", "text": p} for i, p in enumerate(OTHERS)])
    written(tmp_path / "queries.jsonl", [{"_id": "q1", "text": "bikes?"}, {"_id": "q2", "text": "none?"}])
    (tmp_path / "qrels").mkdir()
    qrels = tmp_path / "qrels" / "test.tsv"
    qrels.write_text("query-id\tcorpus-id\tscore\nq1\td0\t2\nq1\td1\t0\nq2\td1\t0\n", encoding="utf-8")
    found = read_questions(tmp_path)
    assert found == Questions(["bikes?"], [f"T {p}" for p in OTHERS], [{0: 2.0, 1: 0.0}])
    qrels.write_text("query-id\tcorpus-id\tscore\nq1\td9\t2\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"test.tsv:2: d9 is in neither file"):
        read_questions(tmp_path)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("q.jsonl", '{"question": "a"}\n', "q.jsonl:1: expected a field passage or document or answer or text"),
        ("q.jsonl", '\n{"question": 1, "passage": "b"}\n', "q.jsonl:2: question must be a text, got int"),
        ("q.jsonl", "nothing\n", "q.jsonl:1: not JSON"),
        ("q.jsonl", "[]\n", "q.jsonl:1: expected an object, got list"),
        ("q.csv", "question,passage\na\n", "q.csv:2: expected 2 columns"),
        ("q.txt", "", "expected a file of .jsonl, .ndjson, .csv, .tsv"),
        ("q.jsonl", "", "There are no questions"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, name: str, content: str, message: str) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        read_questions(tmp_path / name)


# Runs


def test_lines_become_contestants() -> None:
    assert contestant("bm25,language=german") == Lexical({"language": "german"})
    dense = Dense("a/b", "ubinary", {"precision": "int8", "dimensions": 64})
    assert contestant("a/b,precision=int8,dimensions=64,vectors=ubinary") == dense
    assert dense.name == "a/b,precision=int8,dimensions=64,vectors=ubinary"
    fused = contestant("a/b+bm25>c/d,candidates=7")
    assert fused == Reranked(Fused((Dense("a/b"), Lexical())), "c/d", 7, {})
    assert fused.name == "a/b+bm25>c/d"
    for wrong, message in [("a,b", "NAME,option=value"), ("", "name of a model"), ("a,dimensions=x", "whole number")]:
        with pytest.raises(ValueError, match=message):
            contestant(wrong)


def test_a_run(tmp_path: Path) -> None:
    questions = Questions.of(PAIRS, OTHERS)
    ways = [STATIC, f"{STATIC},vectors=ubinary", f"{STATIC},dimensions=64,vectors=int8", "bm25", f"{STATIC}+bm25"]
    report = evaluate(questions, ways)
    rows = {row.name: row for row in report.rows}
    assert list(rows) == ways
    assert rows[STATIC].index_bytes == 7 * 256 * 4
    assert rows[ways[1]].index_bytes == 7 * 256 // 8
    assert rows[ways[2]].index_bytes == 7 * 64
    assert rows["bm25"].model_bytes == 0
    assert rows[STATIC].model_bytes > 1_000_000
    assert rows[ways[4]].index_bytes == rows[STATIC].index_bytes + rows["bm25"].index_bytes
    assert rows[STATIC].values["recall@10"].tolist() == [1.0] * 4
    assert len(report.comparisons) == 10
    paths = report.save(tmp_path / "out")
    assert [path.name for path in paths] == ["report.md", "report.json", "report.png"]
    assert paths[2].read_bytes().startswith(b"\x89PNG")
    data = json.loads(paths[1].read_text(encoding="utf-8"))
    assert {each["name"] for each in data["contestants"]} == set(ways)
    assert all(each["latency_ms"]["p95"] >= each["latency_ms"]["median"] > 0 for each in data["contestants"])
    assert "4 questions" in str(report)


def test_bm25_ranks_as_the_sparse_vectors_do() -> None:
    found = evaluate(Questions.of(PAIRS, OTHERS), ["bm25"]).rows[0].values["mrr@10"]
    with SparseTextEmbedding("Qdrant/bm25", avg_len=5.0) as model:
        assert (found > 0).sum() <= sum(len(model.encode_query(q).indices) > 0 for q, _ in PAIRS)
    assert found[2] == 1.0  # "printers"


def row(name: str, values: list[float]) -> Row:
    return Row(name, {"ndcg@10": np.array(values)}, (1.0, 2.0), 10.0, 1, 1)


def test_ten_questions_that_cannot_tell() -> None:
    alike = Report((row("a", [1, 0, 1, 0.5] * 3), row("b", [1, 0.5, 0.6, 0.5] * 3)), 12, 20, "ndcg@10")
    assert "12 questions cannot tell b and a apart: ndcg@10 differs by" in str(alike)
    assert "would. Take the cheaper one" in str(alike)
    clear = Report((row("a", [0.1, 0.2] * 6), row("b", [0.9, 0.8] * 6)), 12, 20, "ndcg@10")
    assert "b is better than a: ndcg@10 differs by 0.700" in str(clear)
    same = Report((row("a", [0.1, 0.2]), row("b", [0.1, 0.2])), 2, 20, "ndcg@10")
    assert "a and b are the same on these 2 questions" in str(same)


def test_what_does_not_fit_is_named() -> None:
    questions = Questions.of(PAIRS)
    with pytest.raises(ValueError, match="contestants of different names"):
        evaluate(questions, ["bm25", "bm25"])
    with pytest.raises(ValueError, match="contestants of different names"):
        evaluate(questions, [])
    with pytest.raises(ValueError, match="leave out passages"):
        evaluate(questions, ["bm25"], passages="a")
    with pytest.raises(ValueError, match=r"questions\[0\] has no passage"):
        Questions(["a"], ["b"], [{0: 0.0}])
    with pytest.raises(ValueError, match=r"relevant\[0\] must be rows of the 1 passages"):
        Questions(["a"], ["b"], [{1: 1.0}])


def test_the_command(tmp_path: Path) -> None:
    lines = written(tmp_path / "q.jsonl", [{"question": q, "passage": p} for q, p in PAIRS])
    more = written(tmp_path / "p.jsonl", [{"text": p} for p in OTHERS])
    command = ["eval", str(lines), "--passages", str(more), "-m", "bm25", "-m", STATIC, "-q"]
    done = CliRunner().invoke(cli, [*command, "--report", str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    assert "4 questions, 7 passages" in done.output
    assert (tmp_path / "out" / "report.png").is_file()
    done = CliRunner().invoke(cli, [*command, "--json"])
    assert json.loads(done.stdout)["metric"] == "ndcg@10"
