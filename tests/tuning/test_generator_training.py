"""Training of the adapter: it learns, resumes, is published clean, and reads prompts as serving renders them."""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hybrid.answering.local_generator import LocalGenerator
from hybrid.artifacts import Manifest, read_manifest, sha256_tree
from hybrid.config import Config, GeneratorConfig
from hybrid.config_training import TrainRaftConfig
from hybrid.errors import HybridError, InputError, StaleError
from hybrid.jsonl import write_jsonl
from hybrid.tuning import generator_course as training
from hybrid.tuning.completion_trainer import LengthGroupedOrder
from hybrid.tuning.generator import check_adapter_base, train_generator
from hybrid.tuning.raft_trainer import build_trainer, last_whole_checkpoint, read_examples
from hybrid.types import Message
from tests.tiny_generator import tiny_generator

SYSTEM = "Answer the question using only the numbered passages."
WEIGHTS = {"red": "20 kg", "blue": "35 kg", "green": "4 kg", "black": "17 kg"}


def raft_folder(folder: Path, *, copies: int = 4) -> Path:
    """Domain examples with a system turn and one general example without, each several times."""
    folder.mkdir()
    rows: list[dict[str, Any]] = []
    for name, weight in WEIGHTS.items():
        turns = [
            {"role": "system", "content": SYSTEM},
            {
                "role": "user",
                "content": f"[1] The {name} pump weighs {weight}.\n\nQuestion: how heavy is the {name} pump?",
            },
        ]
        answer = [{"role": "assistant", "content": f"{weight} [1]"}]
        rows.append({"id": name, "kind": "oracle", "prompt": turns, "completion": answer, "passages": ["p1"]})
    general = {
        "prompt": [{"role": "user", "content": "Say hello."}],
        "completion": [{"role": "assistant", "content": "Hello."}],
    }
    rows.append({"id": "g", "kind": "general", **general})
    write_jsonl(folder / "train.jsonl", rows * copies)
    write_jsonl(folder / "dev.jsonl", rows)
    return folder


def settings(**changes: Any) -> Config:
    values: dict[str, Any] = {
        "lora_rank": 16, "lora_alpha": 32, "learning_rate": 1e-2,
        "epochs": 6, "batch_size": 4, "gradient_accumulation": 1,
        "evals_per_epoch": 1, "patience": 5, "compute": "float32", **changes,
    }  # fmt: skip
    return Config(train_raft=TrainRaftConfig(**values))


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Matrices this small are slower on two threads than on one, by a factor of ten on a busy machine."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_generator(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def raft(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return raft_folder(tmp_path_factory.mktemp("data") / "raft")


@pytest.fixture(scope="module")
def trained(base: Path, raft: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Manifest]:
    target = tmp_path_factory.mktemp("out") / "adapter"
    return target, train_generator(base, raft, config=settings(), target=target, inputs={"raft": "r"})


def test_loss_falls_on_a_memorisable_toy(trained: tuple[Path, Manifest]) -> None:
    facts = trained[1].facts
    assert facts["verdict"] == "tuned"
    assert facts["best_eval_loss"] < 0.5 * facts["base_eval_loss"]
    assert [entry["step"] for entry in facts["history"]] == [0, 5, 10, 15, 20, 25, 30]
    assert facts["history"][0]["eval_loss"] == facts["base_eval_loss"]


def test_only_safetensors_and_no_local_path_are_published(trained: tuple[Path, Manifest], base: Path) -> None:
    target, manifest = trained
    files = sorted(path.relative_to(target).as_posix() for path in target.rglob("*") if path.is_file())
    assert files == ["adapter/adapter_config.json", "adapter/adapter_model.safetensors", "manifest.json"]
    text = (target / "adapter/adapter_config.json").read_text() + (target / "manifest.json").read_text()
    assert str(base.parent) not in text
    assert json.loads((target / "adapter/adapter_config.json").read_text())["base_model_name_or_path"] == "tiny"
    assert manifest.facts["base"] == sha256_tree(base)


def test_the_best_checkpoint_is_the_one_published(base: Path, raft: Path, trained: tuple[Path, Manifest]) -> None:
    """The loss of the published adapter, computed by plain transformers, is the best one of the history."""
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer

    target, manifest = trained
    tokenizer = AutoTokenizer.from_pretrained(base)
    model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base), target / "adapter").eval()
    losses = []
    for row in read_examples(raft / "dev.jsonl"):
        prompt = tokenizer.apply_chat_template(row["prompt"], add_generation_prompt=True, return_dict=False)
        whole = tokenizer.apply_chat_template(row["prompt"] + row["completion"], return_dict=False)
        labels = torch.tensor([[-100] * len(prompt) + whole[len(prompt) :]])
        with torch.inference_mode():
            losses.append(float(model(input_ids=torch.tensor([whole]), labels=labels).loss))
    expected = min(entry["eval_loss"] for entry in manifest.facts["history"])
    assert sum(losses) / len(losses) == pytest.approx(expected, abs=1e-4)
    assert manifest.facts["best_eval_loss"] == expected


@pytest.mark.parametrize("damage", ["none", "truncated weights", "truncated optimizer", "no state"])
def test_resume_after_a_kill_ends_at_the_same_loss(
    base: Path, raft: Path, trained: tuple[Path, Manifest], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    from transformers import TrainerCallback

    class Kill(TrainerCallback):  # type: ignore[misc]
        def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            if state.global_step == 17:
                raise KeyboardInterrupt

    def dying(*arguments: Any) -> Any:
        trainer = build_trainer(*arguments)
        trainer.add_callback(Kill())
        return trainer

    def run() -> Manifest:
        return train_generator(base, raft, config=settings(), target=tmp_path / "adapter", inputs={"raft": "r"})

    monkeypatch.setattr(training, "build_trainer", dying)
    with pytest.raises(KeyboardInterrupt):
        run()
    assert read_manifest(tmp_path / "adapter") is None
    (checkpoints,) = tmp_path.glob(".adapter.building-*/private/checkpoints")
    last = checkpoints / "checkpoint-15"
    if damage == "no state":
        (last / "trainer_state.json").unlink()
    elif damage != "none":
        file = last / ("adapter_model.safetensors" if damage == "truncated weights" else "optimizer.pt")
        file.write_bytes(file.read_bytes()[:-100])
    started = []

    def resuming(*arguments: Any) -> Any:
        trainer = build_trainer(*arguments)
        train = trainer.train
        trainer.train = lambda resume_from_checkpoint: (
            started.append(resume_from_checkpoint),
            train(resume_from_checkpoint),
        )
        return trainer

    monkeypatch.setattr(training, "build_trainer", resuming)
    resumed = run()
    assert Path(started[0]).name == ("checkpoint-15" if damage == "none" else "checkpoint-10")
    assert [entry["step"] for entry in resumed.facts["history"]] == [0, 5, 10, 15, 20, 25, 30]
    for entry, whole in zip(resumed.facts["history"], trained[1].facts["history"], strict=True):
        # the same arithmetic in the same order; the tolerance is for threads that sum in another order
        assert entry["eval_loss"] == pytest.approx(whole["eval_loss"], rel=1e-3)
    assert resumed.id == trained[1].id


def test_nothing_to_resume_in_an_empty_folder(tmp_path: Path) -> None:
    assert last_whole_checkpoint(tmp_path / "none") is None


def test_qlora_trains_on_this_machine(tmp_path: Path, raft: Path) -> None:
    import bitsandbytes

    base = tiny_generator(tmp_path / "tiny", hidden=64)
    config = settings(quantization="4bit", epochs=3)
    trainer = build_trainer(
        base, {s: read_examples(raft / f"{s}.jsonl") for s in ("train", "dev")}, config, tmp_path / "c"
    )
    quantised = [m for m in trainer.model.modules() if isinstance(m, bitsandbytes.nn.Linear4bit)]
    assert len(quantised) == 14, "seven matrices in each of two layers"
    assert {str(p.dtype) for p in trainer.model.parameters() if p.requires_grad} == {"torch.float32"}
    manifest = train_generator(base, raft, config=config, target=tmp_path / "adapter", inputs={})
    assert manifest.facts["verdict"] == "tuned"
    assert manifest.facts["best_eval_loss"] < 0.8 * manifest.facts["base_eval_loss"]


def test_training_reads_prompts_as_serving_renders_them(base: Path, raft: Path, tmp_path: Path) -> None:
    """With a system turn, and without one, where the template adds its own."""
    examples = {split: read_examples(raft / f"{split}.jsonl") for split in ("train", "dev")}
    trainer = build_trainer(base, examples, settings(), tmp_path)
    served = LocalGenerator(base)
    tokenizer = served.tokenizer
    for row, prepared in zip(examples["train"], trainer.train_dataset, strict=True):
        prompt = served.render(tuple(Message(**turn) for turn in row["prompt"]))
        wanted = tokenizer(prompt, add_special_tokens=False)["input_ids"]
        assert prepared["input_ids"][: len(wanted)] == wanted
        assert prepared["labels"][: len(wanted)] == [-100] * len(wanted)
        learned = [token for token in prepared["labels"] if token != -100]
        assert tokenizer.decode(learned) == row["completion"][0]["content"] + "<|im_end|>\n"
        assert tokenizer.eos_token_id in learned, "the model learns to stop"
    assert "You are a helpful assistant" in served.render((Message("user", "Say hello."),))


def test_loss_equals_the_one_of_trl_and_of_transformers(base: Path, raft: Path, tmp_path: Path) -> None:
    import torch
    from trl import SFTTrainer

    examples = {split: read_examples(raft / f"{split}.jsonl") for split in ("train", "dev")}
    trainer = build_trainer(base, examples, settings(), tmp_path)
    batch = next(iter(trainer.get_train_dataloader()))
    trainer.model.train()
    ours = trainer.compute_loss(trainer.model, dict(batch))
    theirs = SFTTrainer.compute_loss(trainer, trainer.model, dict(batch))
    assert float(ours) == pytest.approx(float(theirs), rel=1e-5)
    plain = trainer.model(**batch, use_cache=False).loss
    assert float(ours) == pytest.approx(float(plain), rel=1e-5)
    names = [name for name, p in trainer.model.named_parameters() if p.requires_grad]
    gradients = [
        torch.autograd.grad(loss, [p for p in trainer.model.parameters() if p.requires_grad]) for loss in (ours, theirs)
    ]
    for name, a, b in zip(names, *gradients, strict=True):
        assert torch.allclose(a, b, atol=1e-5), name


def test_examples_one_by_one_give_the_gradient_of_their_batch(base: Path, raft: Path, tmp_path: Path) -> None:
    """A CPU takes them so; the step is that of the configured batch."""
    import torch

    examples = {split: read_examples(raft / f"{split}.jsonl") for split in ("train", "dev")}
    trainer = build_trainer(base, examples, settings(batch_size=3, gradient_accumulation=2), tmp_path)
    sizes = (trainer.args.per_device_train_batch_size, trainer.args.gradient_accumulation_steps)
    assert sizes == ((3, 2) if torch.accelerator.is_available() else (1, 6))
    rows = [trainer.train_dataset[place] for place in (0, 1, 4)]
    num_tokens = sum(label != -100 for row in rows for label in trainer.data_collator([row])["labels"][0].tolist())
    model = trainer.model.train()

    def gradient(batches: list[list[Any]]) -> list[torch.Tensor]:
        model.zero_grad()
        for batch in batches:
            inputs = trainer.data_collator(batch)
            trainer.compute_loss(model, inputs, num_items_in_batch=num_tokens).backward()
        return [part.grad.clone() for part in model.parameters() if part.requires_grad]

    at_once = gradient([rows])
    assert any(part.abs().max() > 1e-3 for part in at_once)
    torch.testing.assert_close(gradient([[row] for row in rows]), at_once, atol=1e-6, rtol=1e-4)


@pytest.mark.parametrize(("compute", "attention"), [("float32", "sdpa"), ("bfloat16", "eager")])
def test_a_cpu_keeps_attention_weights_in_bfloat16_alone(
    base: Path, raft: Path, tmp_path: Path, compute: str, attention: str
) -> None:
    examples = {split: read_examples(raft / f"{split}.jsonl") for split in ("train", "dev")}
    trainer = build_trainer(base, examples, settings(compute=compute), tmp_path)
    if trainer.model.device.type == "cpu":
        assert trainer.model.config._attn_implementation == attention


def test_only_the_upper_layers_are_adapted_when_asked(base: Path, raft: Path, tmp_path: Path) -> None:
    examples = {split: read_examples(raft / f"{split}.jsonl") for split in ("train", "dev")}
    for targets, matrices in (("all-linear", 7), ("q_proj, v_proj", 2)):
        config = settings(adapted_layers=0.5, target_modules=targets)
        trainer = build_trainer(base, examples, config, tmp_path)
        names = [name for name, p in trainer.model.named_parameters() if p.requires_grad]
        assert len(names) == 2 * matrices
        assert all(".layers.1." in name for name in names)


def test_bfloat16_compute_trains(base: Path, raft: Path, tmp_path: Path) -> None:
    manifest = train_generator(
        base, raft, config=settings(compute="bfloat16", epochs=2), target=tmp_path / "adapter", inputs={}
    )
    assert manifest.facts["compute"] == "bfloat16"
    assert manifest.facts["verdict"] == "tuned"


def test_a_run_that_gains_nothing_says_so(base: Path, raft: Path, tmp_path: Path) -> None:
    config = settings(learning_rate=1e-30, epochs=1)
    manifest = train_generator(base, raft, config=config, target=tmp_path / "adapter", inputs={})
    assert manifest.facts["best_eval_loss"] == manifest.facts["base_eval_loss"], "the step is lost in rounding"
    assert manifest.facts["verdict"] == "kept base"


def test_a_run_that_diverges_is_not_published(base: Path, raft: Path, tmp_path: Path) -> None:
    with pytest.raises(HybridError, match="diverged"):
        config = settings(learning_rate=1e30, epochs=1)
        train_generator(base, raft, config=config, target=tmp_path / "adapter", inputs={})
    assert not (tmp_path / "adapter").exists()


def test_patience_stops_training_early(base: Path, raft: Path, tmp_path: Path) -> None:
    # too small to change anything: no evaluation is better than the first
    config = settings(learning_rate=1e-30, epochs=6, patience=1)
    manifest = train_generator(base, raft, config=config, target=tmp_path / "adapter", inputs={})
    assert manifest.counts["steps"] < 30


def test_an_adapter_of_another_base_is_refused(trained: tuple[Path, Manifest], base: Path, tmp_path: Path) -> None:
    check_adapter_base(trained[0], base)
    other = tiny_generator(tmp_path / "other", seed=1)
    with pytest.raises(StaleError, match="hybrid train-raft"):
        check_adapter_base(trained[0], other)


def test_an_example_that_would_be_cut_is_refused(base: Path, tmp_path: Path) -> None:
    raft = raft_folder(tmp_path / "raft")
    rows = [json.loads(line) for line in (raft / "train.jsonl").read_text().splitlines()]
    rows[3]["prompt"][-1]["content"] += " long" * 500
    write_jsonl(raft / "train.jsonl", rows)
    with pytest.raises(HybridError, match="would be cut at the model's 512"):
        train_generator(base, raft, config=settings(), target=tmp_path / "adapter", inputs={})


def test_a_template_that_changes_an_answered_prompt_is_refused(base: Path, raft: Path, tmp_path: Path) -> None:
    odd = shutil.copytree(base, tmp_path / "odd")
    template = (odd / "chat_template.jinja").read_text()
    (odd / "chat_template.jinja").write_text(template.replace("assistant\n' }}", "assistant\n<think></think>' }}"))
    with pytest.raises(HybridError, match="renders a prompt otherwise"):
        train_generator(odd, raft, config=settings(), target=tmp_path / "adapter", inputs={})


def test_an_unreadable_example_is_named_by_file_and_line(base: Path, tmp_path: Path) -> None:
    raft = raft_folder(tmp_path / "raft")
    with (raft / "train.jsonl").open("a") as stream:
        stream.write('{"prompt": [{"role": "user"}], "completion": []}\n')
    with pytest.raises(InputError, match=r"train\.jsonl:21: not a RAFT example"):
        train_generator(base, raft, config=settings(), target=tmp_path / "adapter", inputs={})


def test_order_is_decided_by_seed_and_epoch_and_groups_lengths() -> None:
    lengths = [(i * 37) % 101 for i in range(67)]

    def order(seed: int, epoch: int) -> list[int]:
        rows = LengthGroupedOrder(lengths, 4, seed)
        rows.set_epoch(epoch)
        return list(rows)

    assert order(1, 0) == order(1, 0)
    assert order(1, 0) != order(1, 1) != order(2, 1)
    assert sorted(order(1, 0)) == list(range(67))
    batches = [order(1, 0)[i : i + 4] for i in range(0, 64, 4)]
    spread = sum(max(lengths[i] for i in batch) - min(lengths[i] for i in batch) for batch in batches) / len(batches)
    assert spread < 30, "random batches spread over about 60"


@pytest.mark.real
def test_an_embedded_generator_trains_and_merges(smollm_folder: Path, tmp_path: Path) -> None:
    from hybrid.tuning.merging import merge_adapter

    base = smollm_folder
    import torch

    torch.set_num_threads(os.cpu_count() or 1)
    raft = raft_folder(tmp_path / "raft", copies=1)
    config = settings(learning_rate=1e-3, epochs=1, batch_size=2, lora_rank=8, compute="auto", adapted_layers=0.3)
    config = config.model_copy(update={"generator": GeneratorConfig(model=base.name)})
    manifest = train_generator(base, raft, config=config, target=tmp_path / "adapter", inputs={})
    assert manifest.facts["verdict"] == "tuned"
    merged = merge_adapter(base, tmp_path / "adapter", config=config, target=tmp_path / "merged", inputs={})
    assert merged.facts["parity_max_abs_logit_difference"] <= config.merge.parity_tolerance
    chat = (Message("system", SYSTEM), Message("user", "[1] The pump weighs 9 kg.\n\nQuestion: how heavy is the pump?"))
    alone = LocalGenerator(tmp_path / "merged" / "model").generate([chat], max_new_tokens=8)
    beside = LocalGenerator(base, adapter=tmp_path / "adapter" / "adapter").generate([chat], max_new_tokens=8)
    assert alone == beside
