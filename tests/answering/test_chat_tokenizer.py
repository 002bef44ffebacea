"""A tokenizer that was written down gives what transformers gives, or transformers is used."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from hybrid.answering.chat_tokenizer import ChatTokenizer, open_tokenizer
from hybrid.answering.local_generator import LocalGenerator
from hybrid.errors import InputError
from hybrid.types import Chat, Message
from tests.tiny_generator import CHAT_TEMPLATE, tiny_generator

CHATS: list[Chat] = [
    (Message("system", "Answer."), Message("user", "[1] 20 kg – “é” 漢 🙂 <|im_end|>\n\nQuestion: 'why'?")),
    (Message("user", " <b>a & b</b> "), Message("assistant", "don't"), Message("user", "")),
]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return tiny_generator(tmp_path / "model")


def with_template(model: Path, template: str) -> LocalGenerator:
    """The model with another template."""
    (model / "chat_template.jinja").write_text(template, encoding="utf-8")
    return LocalGenerator(model)


def test_it_is_equal_to_the_model_s_own(model: Path, tmp_path: Path) -> None:
    local = LocalGenerator(model)
    written = open_tokenizer(local, tmp_path / "cache")
    assert isinstance(written, ChatTokenizer)
    assert written.stop_ids() == local.stop_ids()
    for chat in CHATS:
        prompt = local.render(chat)
        assert written.render(chat) == prompt
        assert written.encode(prompt) == local.encode(prompt)
        assert written.decode(local.encode(prompt)) == local.decode(local.encode(prompt))


def test_the_embedded_model_s_is_equal(smollm_folder: Path, tmp_path: Path) -> None:
    local = LocalGenerator(smollm_folder)
    written = open_tokenizer(local, tmp_path)
    assert isinstance(written, ChatTokenizer)
    assert [written.encode(written.render(chat)) for chat in CHATS] == [
        local.encode(local.render(chat)) for chat in CHATS
    ]


@pytest.mark.parametrize(
    "template",
    [
        "{% generation %}{{ messages[0]['content'] }}{% endgeneration %}",
        "{{ messages[0].__class__ }}",
        CHAT_TEMPLATE + "{% set ns = namespace(__a=1) %}",
    ],
)
def test_what_only_transformers_renders_is_left_to_it(model: Path, tmp_path: Path, template: str) -> None:
    local = with_template(model, template)
    for _ in range(2):
        assert open_tokenizer(local, tmp_path / "cache") is local


def test_a_changed_model_is_written_down_anew(model: Path, tmp_path: Path) -> None:
    open_tokenizer(LocalGenerator(model), tmp_path / "cache")
    changed = open_tokenizer(with_template(model, CHAT_TEMPLATE + "\nNow:"), tmp_path / "cache")
    assert isinstance(changed, ChatTokenizer) and changed.render(CHATS[0]).endswith("Now:")


def test_a_model_without_a_template_is_refused_as_ever(model: Path, tmp_path: Path) -> None:
    (model / "chat_template.jinja").unlink()
    with pytest.raises(InputError, match="chat template"):
        open_tokenizer(LocalGenerator(model), tmp_path / "cache")


def test_an_exported_model_answers_without_torch_and_transformers(model: Path, tmp_path: Path) -> None:
    code = (
        "import json, sys\nfrom pathlib import Path\n"
        "from hybrid.answering.local_generator import LocalGenerator\n"
        "from hybrid.answering.openvino_generator import OpenVINOGenerator\n"
        "from hybrid.types import Message\n"
        f"generator = OpenVINOGenerator(LocalGenerator(Path({str(model)!r})), Path({str(tmp_path / 'cache')!r}))\n"
        "generator.preload(alone=True)\n"
        "(answer,) = generator.generate([(Message('user', 'x'),)], max_new_tokens=4)\n"
        "print(json.dumps([answer.text, sorted({'torch', 'transformers'} & set(sys.modules))]))\n"
    )
    told = [
        json.loads(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)
        for _ in range(2)
    ]
    assert told[0][0] == told[1][0]
    assert told[0][1] == ["torch", "transformers"] and told[1][1] == []
