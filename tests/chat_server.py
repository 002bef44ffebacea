"""An OpenAI-compatible chat endpoint over a local model, for tests."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from hybrid.answering.local_generator import LocalGenerator
from hybrid.types import Generation, Message


class ChatServer:
    """An OpenAI-compatible endpoint in this process; `fault` makes it misbehave."""

    def __init__(self, model: LocalGenerator) -> None:
        self.requests: list[dict[str, Any]] = []
        self.fault = ""
        lock = threading.Lock()
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                server.requests.append({"path": self.path, "key": self.headers["Authorization"], **body})
                if server.fault == "is busy":
                    server.fault = ""
                    return self.reply(503, {"error": {"message": "not now"}})
                if server.fault == "says why":
                    return self.reply(400, {"detail": "no such adapter"})
                if server.fault == "refuses the key":
                    return self.reply(401, {"error": {"message": f"{'no ' * 40}{self.headers['Authorization']}"}})
                if server.fault == "no choices":
                    return self.reply(200, {"id": "1", "object": "chat.completion", "choices": []})
                if server.fault == "no JSON":
                    return self.reply(200, "<html>hello</html>")
                if server.fault == "no stream":
                    return self.reply(200, {"id": "1", "object": "chat.completion", "choices": None})
                chat = tuple(Message(m["role"], m["content"]) for m in body["messages"])
                with lock:
                    (answer,) = model.generate([chat], max_new_tokens=body["max_tokens"])
                if body.get("stream"):
                    return self.stream(answer)
                message = {"role": "assistant", "content": answer.text}
                usage = {
                    "prompt_tokens": answer.num_prompt_tokens,
                    "completion_tokens": answer.num_new_tokens,
                    "total_tokens": answer.num_prompt_tokens + answer.num_new_tokens,
                }
                choice = {"index": 0, "message": message, "finish_reason": answer.finish_reason}
                completion = {"id": "1", "object": "chat.completion", "created": 0, "model": body["model"]}
                return self.reply(200, {**completion, "choices": [choice], "usage": usage})

            def stream(self, answer: Generation) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "text/event-stream")
                self.end_headers()
                pieces = [f" {answer.text[:3]}", answer.text[3:], " \n"]
                for piece in pieces[:1] if server.fault == "breaks off" else pieces:
                    self.event([{"index": 0, "delta": {"content": piece}, "finish_reason": None}])
                if server.fault == "breaks off":
                    return
                self.event([{"index": 0, "delta": {}, "finish_reason": answer.finish_reason}])
                self.event([], {"prompt_tokens": answer.num_prompt_tokens, "completion_tokens": answer.num_new_tokens})
                self.wfile.write(b"data: [DONE]\n\n")

            def event(self, choices: list[Any], usage: dict[str, int] | None = None) -> None:
                chunk = {"id": "1", "object": "chat.completion.chunk", "created": 0, "model": "tiny"}
                told = {**usage, "total_tokens": sum(usage.values())} if usage else None
                self.wfile.write(f"data: {json.dumps({**chunk, 'choices': choices, 'usage': told})}\n\n".encode())

            def reply(self, status: int, value: Any) -> None:
                content = value.encode() if isinstance(value, str) else json.dumps(value).encode()
                self.send_response(status)
                self.send_header("Content-Type", "text/html" if isinstance(value, str) else "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: Any) -> None: ...

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/v1"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()
