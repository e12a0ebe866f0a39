"""Which path of the model server leads to which handler?"""

from __future__ import annotations

import base64
import time

import numpy as np
import orjson
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from testbed.llm_stub.chat import MODELS, Chat
from testbed.llm_stub.embedding import DIMENSION, embed
from testbed.llm_stub.openai_errors import Failures, error_body, refusal
from testbed.stub.control import Controls
from testbed.stub.stage import Call, Reply, Stage, json_reply

EMBEDDING_MODEL = "text-embedding-3-small"


def llm_app(controls: Controls) -> Starlette:
    """Return the application of the main port."""
    stage = Stage(controls, Failures())
    routes = [
        Route("/v1/chat/completions", stage.endpoint("chat", Chat().answer), methods=["POST"]),
        Route("/v1/embeddings", stage.endpoint("embeddings", embeddings), methods=["POST"]),
        Route("/v1/models", stage.endpoint("models", models), methods=["GET"]),
    ]
    return Starlette(routes=routes, exception_handlers={HTTPException: _as_json})


def models(_: Call) -> Reply:
    """GET /v1/models."""
    created = int(time.time())
    names = (*MODELS, EMBEDDING_MODEL)
    data = [{"id": name, "object": "model", "created": created, "owned_by": "stub"} for name in names]
    return json_reply({"object": "list", "data": data})


def embeddings(call: Call) -> Reply:
    """POST /v1/embeddings: one vector a text, as numbers or as base64 of little-endian float32."""
    try:
        found = orjson.loads(call.body)
    except orjson.JSONDecodeError as error:
        raise refusal(400, "We could not parse the JSON body of your request.") from error
    texts = _texts(found.get("input") if isinstance(found, dict) else None)
    dimension = found.get("dimensions", DIMENSION)
    if not isinstance(dimension, int) or not 1 <= dimension <= DIMENSION:
        raise refusal(400, f"'dimensions' must be from 1 to {DIMENSION}.", "dimensions")
    vectors = [embed(text, dimension) for text in texts]
    as_base64 = found.get("encoding_format") == "base64"
    data = [
        {"object": "embedding", "index": index, "embedding": _base64(vector) if as_base64 else vector}
        for index, vector in enumerate(vectors)
    ]
    tokens = sum(len(text) for text in texts) // 4
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return json_reply({"object": "list", "data": data, "model": found.get("model") or EMBEDDING_MODEL, "usage": usage})


def _texts(found: object) -> list[str]:
    if isinstance(found, str):
        return [found]
    if isinstance(found, list) and found:
        if all(isinstance(text, str) for text in found):
            return found
        if all(isinstance(token, int) for token in found):
            return [" ".join(map(str, found))]
        if all(isinstance(tokens, list) for tokens in found):
            return [" ".join(map(str, tokens)) for tokens in found]
    raise refusal(400, "'input' must be a text, a list of texts, or tokens.", "input")


def _base64(vector: np.ndarray[tuple[int], np.dtype[np.float32]]) -> str:
    return base64.b64encode(vector.astype("<f4").tobytes()).decode()


async def _as_json(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    message = f"Invalid URL ({request.method} {request.url.path})"
    body = orjson.dumps(error_body(error.status_code, message))
    return Response(body, error.status_code, error.headers, media_type="application/json")
