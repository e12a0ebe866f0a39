"""Which model handles does the stub know, and how does it describe them?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from testbed.letta_stub.wording import EMBEDDING_DIM

LLM_PREFIX = "openai-proxy/"  # the name Letta gives an OpenAI-compatible server that is not OpenAI's own
EMBEDDING_HANDLES = ("openai/text-embedding-3-small", "openai/text-embedding-3-large", "openai/text-embedding-ada-002")
_CONTEXT_WINDOW = 32_000  # what Letta gives an agent of the window below
_LISTED_CONTEXT_WINDOW = 128_000
_MAX_TOKENS = 16_384


@dataclass(frozen=True, slots=True)
class Models:
    """The language models on offer (names as the model server lists them) and where it is."""

    names: tuple[str, ...] = ("gpt-4o-mini",)
    endpoint: str = "http://127.0.0.1/v1"
    not_for_agents: tuple[str, ...] = ()  # listed, too: Letta cannot tell which models speak

    @property
    def handles(self) -> tuple[str, ...]:
        """Handles by which an agent names its model."""
        return tuple(LLM_PREFIX + name for name in self.names)

    def llm_config(self, handle: str) -> dict[str, Any]:
        """Return the `llm_config` of an agent with this model."""
        return {
            "model": handle.removeprefix(LLM_PREFIX),
            "display_name": None,
            "model_endpoint_type": "openai",
            "model_endpoint": self.endpoint,
            "provider_name": "openai",
            "provider_category": "base",
            "model_wrapper": None,
            "context_window": _CONTEXT_WINDOW,
            "put_inner_thoughts_in_kwargs": False,
            "handle": handle,
            "temperature": 1.0,
            "max_tokens": _MAX_TOKENS,
            "enable_reasoner": False,
            "reasoning_effort": None,
            "max_reasoning_tokens": 0,
            "effort": None,
            "frequency_penalty": None,
            "compatibility_type": None,
            "verbosity": None,
            "tier": None,
            "parallel_tool_calls": False,
            "response_format": None,
            "strict": False,
        }

    def embedding_config(self, handle: str) -> dict[str, Any]:
        """Return the `embedding_config` of an agent or a passage with this embedding model."""
        return {
            "embedding_endpoint_type": "openai",
            "embedding_endpoint": self.endpoint,
            "embedding_model": handle.partition("/")[2],
            "embedding_dim": EMBEDDING_DIM,
            "embedding_chunk_size": 300,
            "handle": handle,
            "batch_size": 32,
            "azure_endpoint": None,
            "azure_version": None,
            "azure_deployment": None,
        }

    def listing(self) -> list[dict[str, Any]]:
        """Return the body of GET /v1/models/: a listed model has other values than one that an agent has chosen."""
        return [self._listed(LLM_PREFIX + name) for name in (*self.names, *self.not_for_agents)]

    def _listed(self, handle: str) -> dict[str, Any]:
        name = handle.removeprefix(LLM_PREFIX)
        return {
            **self.llm_config(handle),
            "name": name,
            "display_name": name,
            "provider_type": "openai",
            "model_type": "llm",
            "context_window": _LISTED_CONTEXT_WINDOW,
            "max_context_window": _LISTED_CONTEXT_WINDOW,
            "max_tokens": None,
            "enable_reasoner": True,
        }


MODEL_SETTINGS: dict[str, Any] = {
    "max_output_tokens": _MAX_TOKENS,
    "parallel_tool_calls": False,
    "provider_type": "openai",
    "temperature": 1.0,
    "reasoning": {"reasoning_effort": "minimal"},
    "response_format": None,
    "strict": False,
}
