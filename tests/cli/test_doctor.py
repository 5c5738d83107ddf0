"""``rapidembed doctor``: it finds what is wrong, and shows no secret."""

import json
import os
import re
import sys
from pathlib import Path

import onnxruntime
import pytest
from packaging.version import Version
from rapidembed.cli.diagnosis import compute, installation, network, storage
from rapidembed.cli.diagnosis.section import Section
from rapidembed.runtime import cpu

from tests.cli.conftest import TINY, Program, Run
from tests.fakes.hub import FakeHub


def test_a_sound_machine(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installation.metadata, "requires", lambda _: ["numpy>=1.26", "onnxruntime>=1.24.4"])
    result = run("doctor")
    assert result.exit_code == 0, result.output
    for words in (
        rf"^  onnxruntime +{re.escape(onnxruntime.__version__)}$",
        r"^  device +cpu \(ONNX Runtime offers no CUDA\)$",
        r"^  trial +multiplied two matrices rightly$",
        r"^  cores used +\d+ \(",
        r"^  endpoint +https://huggingface\.co$",
        rf"^  default model +{TINY}$",
        "^No problems found.$",
    ):
        assert re.search(words, result.output, re.MULTILINE), words


def test_json(run: Run) -> None:
    report = json.loads(run("doctor", "--json").stdout)
    assert list(report) == ["ok", "installation", "compute", "caches", "hub", "environment"]
    assert report["ok"] is True
    assert report["compute"]["facts"]["trial"] == "multiplied two matrices rightly"


def test_secrets_are_not_shown(program: Program) -> None:
    environment = {"HF_TOKEN": "hf_secret", "HTTPS_PROXY": "http://user:secret@proxy:1", "HF_HUB_OFFLINE": "1"}
    for words in (("doctor",), ("doctor", "--json"), ("doctor", "--online")):
        done = program(*words, environment=environment)
        assert done.returncode == 0
        assert "secret" not in done.stdout + done.stderr
        assert "http://***@proxy:1" in done.stdout
        assert "HF_HUB_OFFLINE is set" in done.stdout


def test_whether_the_hub_answers(program: Program, tmp_path: Path) -> None:
    with FakeHub({}) as hub:
        there = {"HF_ENDPOINT": hub.url, "HF_HUB_CACHE": str(tmp_path)}
        assert program("doctor", environment=there).returncode == 0
        assert hub.requests == []
        done = program("doctor", "--online", environment=there)
    assert done.returncode == 0
    assert re.search(r"^  reachable +yes, it answered \d+$", done.stdout, re.MULTILINE)
    done = program("doctor", "--online", environment={"HF_ENDPOINT": "http://127.0.0.1:9"})
    assert done.returncode == 1
    assert "problem: http://127.0.0.1:9 does not answer (ConnectError" in done.stdout


def test_a_part_that_is_broken_does_not_stop_the_rest(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "rapidembed.cli.diagnosis.compute")
    monkeypatch.setitem(sys.modules, "numpy", None)
    result = run("doctor")
    assert result.exit_code == 1
    assert "problem: compute could not be examined: ModuleNotFoundError: import of numpy halted" in result.stdout
    assert "Environment" in result.stdout


# Installation


def versions(**installed: str) -> dict[str, Version]:
    return {name.replace("_", "-"): Version(version) for name, version in installed.items()}


@pytest.mark.parametrize(
    ("requirement", "installed", "problem"),
    [
        ("numpy>=1.26", versions(numpy="2.0"), None),
        ("numpy>=1.26", versions(numpy="1.20"), "numpy 1.20 is installed, >=1.26 is needed: pip install 'numpy>=1.26'"),
        ("numpy>=1.26", {}, "numpy is not installed: pip install 'numpy>=1.26'"),
        ("huggingface_hub<3", versions(huggingface_hub="3.1"), "huggingface_hub 3.1 is installed, <3 is needed"),
        ("onnxruntime>=1.24.4", versions(onnxruntime_gpu="1.30"), None),
        (
            "onnxruntime>=1.24.4",
            versions(onnxruntime_gpu="1.20"),
            "onnxruntime-gpu 1.20 is installed, >=1.24.4 is needed",
        ),
        ("langchain-core>=1.0 ; extra == 'langchain'", {}, None),
        (
            "langchain-core>=1.0 ; extra == 'langchain'",
            versions(langchain_core="0.3"),
            "langchain-core 0.3 is installed",
        ),
    ],
)
def test_versions(requirement: str, installed: dict[str, Version], problem: str | None) -> None:
    section = Section("Installation")
    installation.check_requirements(section, [requirement], installed)
    assert len(section.problems) == (problem is not None)
    assert section.problems == [] or section.problems[0].startswith(problem)


@pytest.mark.parametrize(
    ("installed", "words"),
    [
        (versions(onnxruntime="1.31", onnxruntime_gpu="1.31"), ["onnxruntime and onnxruntime-gpu are both installed"]),
        (versions(fastembed="0.9", fastembed_gpu="0.9"), ["pip install fastembed-gpu"]),
        (versions(onnxruntime="1.24.1"), ["onnxruntime 1.24.1 cannot read weights through the links"]),
        (versions(onnxruntime="1.31", fastembed="0.9"), []),
    ],
)
def test_conflicts(installed: dict[str, Version], words: list[str]) -> None:
    section = Section("Installation")
    installation.check_conflicts(section, installed)
    assert len(section.problems) == len(words)
    assert all(word in problem for word, problem in zip(words, section.problems, strict=True))


# Machine


def test_cpuinfo() -> None:
    intel = "processor\t: 0\nmodel name\t: Xeon\nflags\t\t: fpu avx2 fma avx512f avx512_vnni amx_bf16 amx_int8\n\n" * 2
    assert cpu.parse_cpuinfo(intel) == (
        "Xeon",
        {"fpu", "avx2", "fma", "avx512f", "avx512_vnni", "amx_bf16", "amx_int8"},
    )
    arm = "processor\t: 0\nFeatures\t: fp asimd asimddp i8mm bf16 sve\n"
    assert cpu.parse_cpuinfo(arm) == ("", {"fp", "asimd", "asimddp", "i8mm", "bf16", "sve"})
    assert cpu.parse_cpuinfo("") == ("", set())


def test_sysctl() -> None:
    text = "machdep.cpu.brand_string: Apple M3\nhw.optional.arm.FEAT_BF16: 1\nhw.optional.arm.FEAT_SME: 0\nnonsense\n"
    assert cpu.parse_sysctl(text) == ("Apple M3", {"hw.optional.arm.feat_bf16"})
    text = "machdep.cpu.brand_string: Intel\nmachdep.cpu.features: FPU FMA\nmachdep.cpu.leaf7_features: AVX2\n"
    assert cpu.parse_sysctl(text) == ("Intel", {"fpu", "fma", "avx2"})


def test_features_have_the_names_people_use(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "cpuinfo").write_text("model name: X\nflags: avx2 avx512_vnni amx_int8 other\n")
    monkeypatch.setattr(cpu, "_CPUINFO", tmp_path / "cpuinfo")
    assert cpu.describe() == ("X", ["AVX2", "AVX-512 VNNI", "AMX INT8"])
    monkeypatch.setattr(cpu, "_CPUINFO", tmp_path / "none")
    monkeypatch.setattr(sys, "platform", "win32")
    assert cpu.describe()[1] is None


@pytest.mark.parametrize(
    ("machine", "affinity", "allowed", "variable", "shown"),
    [
        (8, 8, 8, None, "8 (all of the machine)"),
        (8, 4, 4, None, "4 (the process's CPU affinity; the machine has 8)"),
        (8, 8, 2, None, "2 (the container's CPU quota; the machine has 8)"),
        (8, 8, 8, "3", "3 (RAPIDEMBED_THREADS; 8 are allowed)"),
    ],
)
def test_why_so_many_cores(
    monkeypatch: pytest.MonkeyPatch, machine: int, affinity: int, allowed: int, variable: str | None, shown: str
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: machine)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(affinity)), raising=False)
    monkeypatch.setattr(compute, "allowed_cores", lambda: allowed)
    if variable:
        monkeypatch.setenv("RAPIDEMBED_THREADS", variable)
    assert compute.compute().facts["cores used"] == shown


def test_wrong_variables_are_problems(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAPIDEMBED_THREADS", "many")
    monkeypatch.setenv("RAPIDEMBED_MODEL", "no such model")
    result = run("doctor")
    assert result.exit_code == 1
    assert "problem: RAPIDEMBED_THREADS must be a positive integer, got 'many'" in result.stdout
    assert "problem: The default model cannot be used: No model 'no such model'" in result.stdout


def test_an_onnxruntime_that_fails_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("no good")

    monkeypatch.setattr(onnxruntime, "InferenceSession", fail)
    assert compute.compute().problems == ["ONNX Runtime does not work: RuntimeError: no good. Reinstall it."]


def test_a_gpu_that_does_not_start_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    offered = ["CUDAExecutionProvider", "CPUExecutionProvider"]
    session = onnxruntime.InferenceSession
    monkeypatch.setattr("rapidembed.runtime.session.available_providers", lambda: offered)
    monkeypatch.setattr(
        onnxruntime, "InferenceSession", lambda graph, providers: session(graph, providers=["CPUExecutionProvider"])
    )
    section = compute.compute()
    assert section.facts["device"] == "cuda:0 (ONNX Runtime offers it)"
    assert section.problems[0].startswith("ONNX Runtime offers CUDAExecutionProvider, but started CPUExecutionProvider")


def test_caches(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RAPIDEMBED_CACHE_DIR", str(tmp_path / "built"))
    section = storage.storage(tmp_path / "hub")
    assert section.facts["downloads"] == f"{tmp_path / 'hub'} (0 B, not there yet)"
    assert section.facts["graphs"] == f"{tmp_path / 'built' / 'graphs'} (0 graphs, 0 B, not there yet)"
    (tmp_path / "hub" / "models--a--b").mkdir(parents=True)
    monkeypatch.setattr(os, "access", lambda *_: False)
    section = storage.storage(tmp_path / "hub")
    assert "read-only" in section.facts["downloads"]
    assert any("RAPIDEMBED_CACHE_DIR names another folder" in note for note in section.notes)
    assert section.problems[0].startswith("In the Hugging Face cache: ")


def test_masks() -> None:
    assert network.masked("HF_TOKEN", "x") == "set, not shown"
    assert network.masked("HF_ENDPOINT", "https://u:p@h/x") == "https://***@h/x"
    assert network.masked("HF_HOME", "/a/b") == "/a/b"
