"""A folder answered from in LlamaIndex, as its documentation begins: the other sides of `benchmarks.own`.

python -m benchmarks.own_llamaindex index | ask llamaindex|citations MODEL_FOLDER SIZE

Its own defaults throughout: chunks, prompts, number of chunks, engine. Only the models, the most new tokens and greedy
decoding are those of our side.
"""

import shutil
import sys
import time
from pathlib import Path
from typing import Any

from llama_index.core import Settings, SimpleDirectoryReader, StorageContext, VectorStoreIndex, load_index_from_storage
from llama_index.core.query_engine import CitationQueryEngine
from llama_index.embeddings.huggingface import HuggingFaceEmbedding
from llama_index.llms.huggingface import HuggingFaceLLM

from benchmarks.own import ROOT, given, write_replies, write_seconds
from benchmarks.served import reply_of_text
from hybrid.precision import fast_dtype
from hybrid.progress import track

INDEX = ROOT / "llamaindex"


def main() -> None:
    """What is asked is read from where `benchmarks.own` wrote it."""
    what = sys.argv[1]
    found, asked = given()
    started = time.perf_counter()
    Settings.embed_model = HuggingFaceEmbedding(model_name=found["embedder"])
    if what == "index":
        shutil.rmtree(INDEX, ignore_errors=True)
        documents = SimpleDirectoryReader(Path(found["corpus"]) / "documents", recursive=True).load_data()
        VectorStoreIndex.from_documents(documents).storage_context.persist(str(INDEX))
        write_seconds("llamaindex", time.perf_counter() - started)
        return
    side, folder, size = sys.argv[2:]
    engine = _engine(side, folder, found["max_new_tokens"])
    instruction = " ".join(prompt.get_template() for prompt in engine.get_prompts().values())
    engine.query(found["warm_up"])
    replies = []
    for question in track(asked, total=len(asked), description=f"{side}, {size}"):
        started = time.perf_counter()
        response = engine.query(question.question)
        seconds = time.perf_counter() - started
        chunks = [node.node.get_content() for node in response.source_nodes]
        replies.append(reply_of_text(question, str(response).strip(), chunks, instruction, seconds))
    write_replies(side, size, replies)


def _engine(side: str, folder: str, max_new_tokens: int) -> Any:
    Settings.llm = HuggingFaceLLM(
        model_name=folder,
        tokenizer_name=folder,
        max_new_tokens=max_new_tokens,
        generate_kwargs={"do_sample": False},
        model_kwargs={"dtype": fast_dtype()},
        is_chat_model=True,
    )
    index = load_index_from_storage(StorageContext.from_defaults(persist_dir=str(INDEX)))
    return CitationQueryEngine.from_args(index) if side == "citations" else index.as_query_engine()


if __name__ == "__main__":
    main()
