"""What does a Letta server tell of the embeddings that it asks for? The same as of a call to a model."""

from __future__ import annotations

from functools import wraps
from typing import Any

from letta_otel.letta.model import ModelCall


def change(module: Any) -> None:
    """Measure the client for OpenAI and for what speaks as it does."""
    original = module.OpenAIClient.request_embeddings

    @wraps(original)
    async def request_embeddings(client: Any, inputs: Any, embedding_config: Any) -> Any:
        call = ModelCall("embeddings", embedding_config.embedding_endpoint_type, embedding_config.embedding_model)
        try:
            return await original(client, inputs, embedding_config)
        except BaseException as error:
            call.failed(error)
            raise
        finally:
            call.end()

    module.OpenAIClient.request_embeddings = request_embeddings
