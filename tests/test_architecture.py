"""The shape of the package, read from its sources: who may import whom, and what may be imported at start-up."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "hybrid"
MODULES = {
    ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(PACKAGE.rglob("*.py"))
}
STAGES = ("corpus", "retrieval", "tuning", "answering", "evaluation", "prompting")
LAYERS = {
    "types": 0, "errors": 0,
    "artifacts": 1, "config": 1, "config_file": 1, "protocols": 1, "jsonl": 1, "progress": 1, "precision": 1,
    "models": 1, "embedded_models": 1, "model_pull": 1, "gguf_conversion": 1,
    "answer_format": 1, "licences": 1, "digests": 1, "config_stage": 1, "config_training": 1,
    "config_index": 1, "config_store": 1, "config_retrieval": 1, "openvino_library": 1, "int8_weights": 1, "cores": 1,
    "passage_filter": 1, "checked_store": 1, "controls": 1, "terminal": 1, "config_answering": 1, "resources": 1,
    "languages": 1, "locks": 1, "durable_files": 1, "machine_errors": 1,
    **dict.fromkeys(STAGES, 2),
    "backends": 3, "audit": 3, "synth": 3, "review": 3, "data": 3,
    "preflight": 4,
    "lifecycle": 5,
    "serving": 6, "cli": 7,
}  # fmt: skip
"""An import points to a lower layer, or stays within its own part; layer 1 may look sideways."""
SIDEWAYS = {
    ("tuning", "answering"): {
        f"hybrid.answering.{name}" for name in ("prompt", "citations", "excerpt", "sources", "turn_tokens")
    },
    ("evaluation", "answering"): None,
    ("prompting", "answering"): {f"hybrid.answering.{name}" for name in ("prompt", "excerpt", "sources", "pipeline")},
    ("prompting", "evaluation"): {
        f"hybrid.evaluation.{name}" for name in ("graders", "questions", "statistics", "attribution")
    },
    ("synth", "audit"): {"hybrid.audit.wording"},
}
"""Between stages: training renders the prompt that serving renders; evaluation runs the pipeline; forms of the prompt
are compared by running it and grading what it says. Of two of one layer: made questions are compared by the audit's
measure of wording."""
HEAVY = {
    "torch", "transformers", "sentence_transformers", "faiss", "mergekit", "matplotlib", "llama_index", "peft", "trl",
    "datasets", "scipy", "ir_measures", "bitsandbytes", "safetensors", "tokenizers", "huggingface_hub", "openai",
    "pypdfium2", "rapidocr", "sklearn", "jsonschema", "datasketch", "py3langid", "ftfy",
    "detect_secrets", "phonenumbers", "stdnum", "pyarrow", "lxml", "docx", "docutils", "charset_normalizer",
    "bm25s", "Stemmer", "pymilvus", "grpc", "ray", "tenacity", "openpyxl", "pptx", "nbformat", "babel", "icu4py",
    "text_to_num", "clevercsv", "webencodings",
}  # fmt: skip
MAX_LINES = 360


def imports(tree: ast.AST, *, whole: bool) -> Iterator[str]:
    """Names imported; with `whole` those inside functions too, else those that run when the module is imported."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide the direction"
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif whole or not (isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or _for_types_only(node)):
            yield from imports(node, whole=whole)


def _for_types_only(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)


def part(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


def own_imports(module: str) -> set[str]:
    tree = ast.parse(MODULES[module].read_text(encoding="utf-8"))
    return {name for name in imports(tree, whole=True) if name in MODULES and name.startswith("hybrid.")}


def allowed(module: str, imported: str) -> bool:
    source, target = part(module), part(imported)
    if source == target:
        return True
    if LAYERS[source] == LAYERS[target] == 1 or LAYERS[target] < LAYERS[source]:
        return True
    if (source, target) in SIDEWAYS:
        only = SIDEWAYS[source, target]
        return imported == f"hybrid.{target}" or only is None or imported in only
    return False


def test_every_part_has_a_layer() -> None:
    assert len(MODULES) > 25
    assert {part(module) for module in MODULES if part(module)} <= set(LAYERS)


@pytest.mark.parametrize("module", [m for m in MODULES if part(m)])
def test_imports_point_down(module: str) -> None:
    assert sorted(name for name in own_imports(module) if not allowed(module, name)) == []


def test_the_rule_refuses_what_it_should() -> None:
    refused = [
        ("hybrid.retrieval.index", "hybrid.backends"),
        ("hybrid.retrieval.index", "hybrid.corpus.chunk"),
        ("hybrid.answering.pipeline", "hybrid.evaluation.graders"),
        ("hybrid.tuning.raft", "hybrid.answering.local_generator"),
        ("hybrid.tuning.embedder", "hybrid.lifecycle.workspace"),
        ("hybrid.lifecycle.loop", "hybrid.cli.show"),
        ("hybrid.types", "hybrid.errors"),
        ("hybrid.errors", "hybrid.artifacts"),
        ("hybrid.models", "hybrid.retrieval.sentence_embedder"),
    ]
    assert [pair for pair in refused if allowed(*pair)] == []


def test_there_are_no_import_cycles() -> None:
    graph = {module: own_imports(module) - {module} for module in MODULES}
    done: set[str] = set()
    while ready := {module for module in graph if module not in done and graph[module] <= done}:
        done |= ready
    assert sorted(set(graph) - done) == []


@pytest.mark.parametrize("module", MODULES)
def test_heavy_packages_are_imported_inside_functions_only(module: str) -> None:
    tree = ast.parse(MODULES[module].read_text(encoding="utf-8"))
    assert {name.split(".")[0] for name in imports(tree, whole=False)} & HEAVY == set()


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["index", "--help"], ["loop", "--help"]])
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    code = (
        "import sys\nfrom hybrid.cli.main import main\n"
        f"sys.argv = ['hybrid', *{arguments!r}]\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code, end.code\n"
        "print('LOADED', *sorted({name.split('.')[0] for name in sys.modules}))\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    loaded = set(result.stdout.split("LOADED")[1].split())
    assert "click" in loaded
    assert loaded & (HEAVY | {"numpy", "pydantic", "yaml", "jinja2"}) == set()


def test_names_say_what_a_module_holds() -> None:
    vague = ("util", "helper", "manager", "common", "misc")
    assert [module for module in MODULES if any(word in module.rsplit(".", 1)[-1] for word in vague)] == []


@pytest.mark.parametrize("module", MODULES)
def test_modules_are_short_and_say_what_they_are_for(module: str) -> None:
    text = MODULES[module].read_text(encoding="utf-8")
    assert len(text.splitlines()) < MAX_LINES
    assert ast.get_docstring(ast.parse(text))
