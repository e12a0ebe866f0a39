"""Is the server there? The cheapest request of all."""

from loadgen.engine import Call, Reply, Scenario
from loadgen.letta_answers import object_fault


class Health(Scenario):
    """GET /v1/health/."""

    operation = "health"
    needs = "nothing"
    weight = 10

    def request(self, call: Call) -> Reply:
        """Ask for the server's health."""
        return call.clients.letta.json("GET", "/v1/health/", call.request_id).judged(object_fault)
