"""A random Qwen2 of a few thousand numbers as a GGUF file, its tied matrix written twice, as llama.cpp writes it."""

import json
from pathlib import Path

CHAT_TEMPLATE = (
    "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n'}}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
LAYERS, HIDDEN, INNER, HEADS, KV_HEADS = 2, 64, 96, 2, 1


def tiny_gguf(file: Path, *, tied: bool = True) -> Path:
    """Write the file; returns it. Matrices are Q8_0, the embeddings Q5_0; `tied`: the output matrix is the same one."""
    import gguf
    import numpy as np
    from gguf.quants import quantize
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=300, initial_alphabet=alphabet)
    bpe.train_from_iterator(["The pump weighs 20 kg. How heavy is the pump?"], trainer)
    state = json.loads(bpe.to_str())["model"]
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    tokens = [*sorted(state["vocab"], key=state["vocab"].__getitem__), *special]
    writer = gguf.GGUFWriter(file, "qwen2")
    writer.add_name("tiny")
    writer.add_block_count(LAYERS)
    writer.add_context_length(256)
    writer.add_embedding_length(HIDDEN)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_rope_freq_base(10_000.0)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(tokens)
    writer.add_token_types([1] * (len(tokens) - 3) + [3] * 3)
    writer.add_token_merges([" ".join(merge) for merge in state["merges"]])
    writer.add_eos_token_id(tokens.index("<|im_end|>"))
    writer.add_pad_token_id(tokens.index("<|endoftext|>"))
    writer.add_chat_template(CHAT_TEMPLATE)

    random = np.random.default_rng(0)

    def matrix(name: str, rows: int, columns: int, kind: gguf.GGMLQuantizationType, data: np.ndarray | None) -> None:
        values = random.normal(0, 0.3, (rows, columns)).astype(np.float32) if data is None else data
        writer.add_tensor(name, quantize(values, kind), raw_dtype=kind)

    q8, q5 = gguf.GGMLQuantizationType.Q8_0, gguf.GGMLQuantizationType.Q5_0
    embeddings = random.normal(0, 1, (len(tokens), HIDDEN)).astype(np.float32)
    matrix("token_embd.weight", len(tokens), HIDDEN, q5, embeddings)
    matrix("output.weight", len(tokens), HIDDEN, q8, embeddings if tied else None)
    writer.add_tensor("output_norm.weight", np.ones(HIDDEN, np.float32))
    narrow = HIDDEN // HEADS * KV_HEADS
    for layer in range(LAYERS):
        block = f"blk.{layer}"
        for name in ("attn_norm", "ffn_norm"):
            writer.add_tensor(f"{block}.{name}.weight", np.ones(HIDDEN, np.float32))
        for name, rows, columns in (
            ("attn_q", HIDDEN, HIDDEN),
            ("attn_k", narrow, HIDDEN),
            ("attn_v", narrow, HIDDEN),
            ("attn_output", HIDDEN, HIDDEN),
            ("ffn_gate", INNER, HIDDEN),
            ("ffn_up", INNER, HIDDEN),
            ("ffn_down", HIDDEN, INNER),
        ):
            matrix(f"{block}.{name}.weight", rows, columns, q8, None)
        for name, rows in (("attn_q", HIDDEN), ("attn_k", narrow), ("attn_v", narrow)):
            writer.add_tensor(f"{block}.{name}.bias", random.normal(0, 0.1, rows).astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return file
