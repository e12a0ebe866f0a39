"""How long does a user of the bridge wait? A request into `letta_requests`, its reply from `letta_responses`."""

import os
import sys

from loadgen.bridge_protocol import request
from loadgen.engine import PLAN_VARIABLE, Call, Reply, Scenario
from loadgen.plan import REDIS_VARIABLE

# Without a Redis there is no bridge to send to, and Locust leaves abstract classes out. A worker must have every class
# that its master may count, or Locust fails there; the master says whether there is something to send.
_IS_WORKER = "--worker" in sys.argv or bool(os.environ.get("LOCUST_MODE_WORKER"))
_NO_BRIDGE = not (os.environ.get(REDIS_VARIABLE) or os.environ.get(PLAN_VARIABLE) or _IS_WORKER)


class Bridge(Scenario):
    """LPUSH letta_requests; SUBSCRIBE letta_responses, matched by task_id; for permanent memory, which is Letta's."""

    operation = "bridge"
    needs = "user"
    weight = 90
    memory_type = "permanent"
    abstract = _NO_BRIDGE

    def request(self, call: Call) -> Reply:
        """Push one message in the form of source document 004 and wait for its reply."""
        bridge = call.clients.bridge
        if bridge is None:
            raise RuntimeError(f"the bridge scenario needs the address of Redis in {REDIS_VARIABLE}")
        task_id, text = bridge.ids.make(call.number, call.turn), call.payload.text(call.number + call.turn)
        return bridge.exchange(request(task_id, call.agent.id, text, memory_type=self.memory_type, **call.meta))


class BridgeTemporary(Bridge):
    """The same for temporary memory, which memory-python answers."""

    operation = "bridge-temporary"
    weight = 10
    memory_type = "temporary"
    abstract = _NO_BRIDGE
