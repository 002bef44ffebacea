"""The same question answering in LlamaIndex, written as its documentation does: the other side of `benchmarks.query`.

python -m benchmarks.llamaindex build FOLDER | cold FOLDER DTYPE QUESTION | warm FOLDER DTYPE
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

from llama_index.core import ChatPromptTemplate, Settings, StorageContext, VectorStoreIndex, load_index_from_storage
from llama_index.core.llms import ChatMessage, MessageRole
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode
from llama_index.embeddings.huggingface import HuggingFaceEmbedding
from llama_index.llms.huggingface import HuggingFaceLLM


class Numbered(BaseNodePostprocessor):
    """Puts [1], [2] … before the passages, as they are to be cited."""

    def _postprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        return [
            NodeWithScore(node=TextNode(text=f"[{number}] {node.node.get_content()}"), score=node.score)
            for number, node in enumerate(nodes, start=1)
        ]


def main() -> None:
    """Settings and questions are read from `llamaindex.json` in the folder that `benchmarks.query` prepares."""
    what, root = sys.argv[1], Path(sys.argv[2])
    given = json.loads((root / "llamaindex.json").read_text(encoding="utf-8"))
    Settings.embed_model = HuggingFaceEmbedding(model_name=given["embedder"])
    if what == "build":
        nodes = [TextNode(id_=row["id"], text=row["text"]) for row in given["passages"]]
        VectorStoreIndex(nodes).storage_context.persist(str(root / "llamaindex"))
        return
    prompts: list[str] = []
    engine = _engine(root, given, sys.argv[3], prompts, streaming=what == "cold")
    if what == "cold":
        for piece in engine.query(sys.argv[4]).response_gen:
            print(piece, end="", flush=True)
        print()
        return
    engine.query(given["warm_up"])
    prompts.clear()
    seconds = []
    for question in given["questions"]:
        started = time.perf_counter()
        str(engine.query(question))
        seconds.append(time.perf_counter() - started)
    print(json.dumps({"seconds": seconds, "prompts": prompts}))


def _engine(root: Path, given: dict[str, Any], dtype: str, prompts: list[str], *, streaming: bool) -> Any:
    llm = HuggingFaceLLM(
        model_name=given["generator"],
        tokenizer_name=given["generator"],
        context_window=given["context_window"],
        max_new_tokens=given["max_new_tokens"],
        generate_kwargs={"do_sample": False},
        model_kwargs={"dtype": dtype},
        is_chat_model=True,
    )
    own = llm.messages_to_prompt

    def noted(messages: Any) -> str:
        prompts.append(own(messages))
        return prompts[-1]

    llm.messages_to_prompt = noted
    Settings.llm = llm
    storage = StorageContext.from_defaults(persist_dir=str(root / "llamaindex"))
    template = ChatPromptTemplate(message_templates=[ChatMessage(role=MessageRole.USER, content=given["template"])])
    return load_index_from_storage(storage).as_query_engine(
        similarity_top_k=given["k"],
        text_qa_template=template,
        node_postprocessors=[Numbered()],
        streaming=streaming,
    )


if __name__ == "__main__":
    main()
