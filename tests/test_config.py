"""Configuration files: what is shipped loads, and every mistake is told with its place."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from hybrid.cli.main import cli
from hybrid.config import Config
from hybrid.config_file import load_config
from hybrid.config_stage import Stage
from hybrid.errors import ConfigError, InputError
from hybrid.resources import configurations

CONFIGS = list(configurations().values())


def written(folder: Path, text: str) -> Path:
    file = folder / "mine.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def keys() -> list[tuple[str, str]]:
    """Every key with its description."""
    found = []
    for name, value in Config():
        if isinstance(value, Stage):
            found += [(f"{name}.{key}", value.key_docs().get(key, "")) for key in type(value).model_fields]
        else:
            found.append((name, Config.key_docs().get(name, "")))
    return found


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_shipped_configurations_load(path: Path) -> None:
    config = load_config(path)
    assert config.seed == 13
    assert config.raft.max_example_tokens <= config.generator.context_tokens
    assert Config.model_validate(config.model_dump(mode="json")) == config


def test_there_are_three_shipped_configurations() -> None:
    assert [path.name for path in CONFIGS] == ["default.yaml", "gpu-qlora.yaml", "openai-compatible.yaml", "pumps.yaml"]
    assert load_config(CONFIGS[1]).train_raft.quantization == "4bit"
    assert load_config(CONFIGS[2]).generator.kind == "openai"


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_raft_contexts_are_as_wide_as_served_ones(path: Path) -> None:
    config = load_config(path)
    assert config.raft.num_distractors + 1 <= config.retrieval.k


def test_defaults_without_a_file() -> None:
    assert load_config(None) == Config()


def test_set_wins_over_the_file(tmp_path: Path) -> None:
    file = written(tmp_path, "retrieval:\n  k: 7\n")
    assert load_config(file).retrieval.k == 7
    config = load_config(file, ("retrieval.k=2", "train_embed.dims=[64, 32]", "seed=5"))
    assert (config.retrieval.k, config.train_embed.dims, config.seed) == (2, (64, 32), 5)


def test_keys_that_a_retrieval_mode_does_not_use_change_no_id() -> None:
    def settings(*overrides: str) -> dict[str, object]:
        return load_config(None, overrides).retrieval.settings()

    dense = "retrieval.mode=dense"
    assert settings(dense) == settings(dense, "retrieval.stemmer=none", "retrieval.lexical_weight=0.1")
    assert settings(dense) == {"k": 8, "depth": 100}
    words = {"k": 8, "depth": 100, "stop_words": "english", "stemmer": "english"}
    assert settings("retrieval.mode=rrf", "retrieval.lexical_weight=0.1") == {**words, "mode": "rrf"}
    assert settings("retrieval.mode=weighted") == {**words, "mode": "weighted", "lexical_weight": 0.4}
    assert settings(dense, "retrieval.rerank_depth=9") == {"k": 8, "depth": 100}
    assert settings(dense, "retrieval.reranker=mine") == settings(dense, "retrieval.reranker=other")
    assert settings(dense, "retrieval.reranker=mine") == {"k": 8, "depth": 100, "rerank_depth": 30}


def test_set_takes_text_as_yaml_does() -> None:
    assert load_config(None, ("generator.base_url=http://localhost:1/v1",)).generator.base_url.endswith(":1/v1")
    assert load_config(None, ('embedder.query_prompt="query: "',)).embedder.query_prompt == "query: "


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("retrieval:\n  kk: 3\n", ["retrieval.kk", "unknown key"]),
        ("retriever:\n  k: 3\n", ["retriever", "unknown key"]),
        ("retrieval:\n  k: many\n", ["retrieval.k", "integer"]),
        ("retrieval:\n  k: 0\n", ["retrieval.k", "greater than or equal to 1"]),
        ("retrieval: 3\n", ["retrieval"]),
        ("retrieval:\n  mode: both\n", ["retrieval.mode", "rrf"]),
        ("retrieval:\n  lexical_weight: 1.5\n", ["retrieval.lexical_weight", "less than or equal to 1"]),
        ("retrieval:\n  stemmer: klingon\n", ["retrieval.stemmer", "english"]),
        ("retrieval:\n  reranker: embedded\n", ["retrieval", "no cross-encoder is embedded"]),
        ("retrieval:\n  reranker: x\n  rerank_depth: 3\n", ["retrieval", "it must reach k (8)"]),
        ("retrieval:\n  reranker: x\n  rerank_depth: 101\n", ["retrieval", "not go beyond depth (100)"]),
        ("retrieval:\n  rerank_depth: 1\n", ["retrieval.rerank_depth", "greater than or equal to 2"]),
        ("merge:\n  method: dare\n", ["merge.method", "linear"]),
        ("raft:\n  oracle_rate: 1.5\n", ["raft.oracle_rate"]),
        ("raft:\n  general_share: 1.0\n", ["raft.general_share"]),
        ("train_embed:\n  dims: [64, 384]\n", ["train_embed", "descend"]),
        ("train_embed:\n  dims: []\n", ["train_embed", "descend"]),
    ],
)
def test_impossible_values_are_refused_with_key_and_file(tmp_path: Path, text: str, words: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(written(tmp_path, text))
    message = str(caught.value)
    assert "mine.yaml" in message and "hybrid config" in message
    assert all(word in message for word in words), message


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(written(tmp_path, "retrieval:\n  k: 0\nseed: x\nfoo: 1\n"))
    assert all(key in str(caught.value) for key in ("retrieval.k", "seed", "foo"))


def test_openai_without_base_url_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="base_url is needed"):
        load_config(written(tmp_path, "generator:\n  kind: openai\n"))
    with pytest.raises(ConfigError, match="base_url is needed"):
        load_config(None, ("generator.kind=openai",))


def test_a_secret_in_the_address_of_a_server_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "c.yaml"
    file.write_text("generator:\n  kind: openai\n  base_url: https://me:secret@host/v1\n")
    with pytest.raises(ConfigError, match="base_url holds a secret") as told:
        load_config(file)
    assert "me:secret" not in str(told.value)


@pytest.mark.parametrize(
    "override", ["retrieval.k", "=3", "retrieval.k=[1", "retrieval.k=x", "retrieval.k.deep=1", "nope.k=1"]
)
def test_bad_set_is_refused_with_its_text(override: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(None, ("retrieval.depth=9", "retrieval.k=4", override))
    assert override.partition("=")[0].split(".")[0] in str(caught.value)


def test_set_into_a_section_that_the_file_leaves_empty(tmp_path: Path) -> None:
    assert load_config(written(tmp_path, "retrieval:\n"), ("retrieval.k=2",)).retrieval.k == 2


def test_broken_yaml_names_the_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"mine\.yaml:3: not valid YAML") as caught:
        load_config(written(tmp_path, "seed: 1\nretrieval:\n  k: 3: 4\n"))
    assert caught.value.line == 3


@pytest.mark.parametrize("text", ["- a\n- b\n", "just words\n", "[]\n"])
def test_yaml_that_is_no_mapping_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(InputError, match="mapping"):
        load_config(written(tmp_path, text))


def test_an_empty_file_gives_the_defaults(tmp_path: Path) -> None:
    assert load_config(written(tmp_path, "# nothing yet\n")) == Config()


def test_files_that_are_not_there_or_not_text(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such configuration"):
        load_config(tmp_path / "absent.yaml")
    (tmp_path / "binary.yaml").write_bytes(b"seed: \xff\xfe\n")
    with pytest.raises(InputError, match=r"binary\.yaml"):
        load_config(tmp_path / "binary.yaml")


def test_a_configuration_cannot_change_after_it_was_hashed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Config().retrieval.k = 9  # type: ignore[misc]


def test_every_key_is_described() -> None:
    assert len(keys()) > 60
    assert [key for key, description in keys() if len(description) < 10] == []


def test_hybrid_config_prints_every_key_with_its_description() -> None:
    result = CliRunner().invoke(cli, ["config", "--set", "retrieval.k=77"])
    assert result.exit_code == 0
    lines = result.output.splitlines()
    printed = "\n".join(lines)
    for key, description in keys():
        (line,) = [number for number, text in enumerate(lines) if text.strip().startswith(f"{key}: ")]
        assert description.splitlines()[0] in lines[line + 1]
    assert "  generator.max_new_tokens: 64\n      Longest answer in tokens.\n" in printed
    assert "  index.milvus_database: empty\n      Empty: the server's default.\n" in printed, "of a base class"
    assert "retrieval.k: 77" in printed
    assert '["", "query: ", ' in printed and r'\nQuery: "]' in printed, "spaces and line breaks are seen"


def test_a_guard_that_is_off_needs_no_quotes(tmp_path: Path) -> None:
    assert load_config(None, ("answering.guard=off",)).answering.guard == "off"
    assert load_config(written(tmp_path, "answering:\n  guard: off\n")).answering.guard == "off"
    with pytest.raises(ConfigError):
        load_config(None, ("answering.guard=on",))


def _bomb(depth: int) -> str:
    """Nine times nine times … values in a few lines."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, depth)]
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[" * 100_000, "nested more than 100 deep"),
        ("a: " + "{b: " * 5_000, "nested more than 100 deep"),
        (_bomb(9), "values with its aliases"),
        ("a0: &a0 {x: 1}\n" + "".join(f"a{n}: &a{n}\n  <<: [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 30)), "aliases"),
        ("a: &a [*a]", "aliases"),
    ],
)
def test_yaml_that_would_grow_without_bounds_is_refused(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "bomb.yaml"
    file.write_text(text)
    with pytest.raises(InputError, match=words):
        load_config(file)
    with pytest.raises(ConfigError):
        load_config(None, (f"retrieval={text}",))


def test_aliases_of_a_plain_configuration_are_read(tmp_path: Path) -> None:
    file = tmp_path / "plain.yaml"
    file.write_text("retrieval: {k: &few 3, depth: 30}\nraft: {num_distractors: *few}\n")
    config = load_config(file)
    assert (config.retrieval.k, config.raft.num_distractors) == (3, 3)
