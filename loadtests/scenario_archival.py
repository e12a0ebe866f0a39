"""How fast does archival memory take a passage, and find one again?"""

from urllib.parse import quote

from loadgen.engine import Call, Reply, Scenario
from loadgen.letta_answers import list_fault, object_fault
from loadtests._letta import agent_path


class ArchivalInsert(Scenario):
    """POST /v1/agents/{id}/archival-memory."""

    operation = "archival-insert"
    weight = 4

    def request(self, call: Call) -> Reply:
        """Store a passage that carries the run's tag."""
        body = {"text": call.payload.text(call.number), "tags": [call.tag]}
        path = agent_path(call, "archival-memory")
        return call.clients.letta.json("POST", path, call.request_id, body).judged(list_fault)


class ArchivalSearch(Scenario):
    """GET /v1/agents/{id}/archival-memory/search."""

    operation = "archival-search"
    weight = 10

    def request(self, call: Call) -> Reply:
        """Search by meaning for five passages."""
        path = agent_path(call, f"archival-memory/search?query={quote(call.payload.query(call.number))}&top_k=5")
        return call.clients.letta.json("GET", path, call.request_id).judged(object_fault)
