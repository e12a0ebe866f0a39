"""What do the files look like that a Grafana provisions, its sidecar on Kubernetes loads, or a person imports?"""

from __future__ import annotations

import json
from typing import Any, Final

from alerts.generated import GENERATED, as_yaml
from alerts.links import Links
from dashboards.checking import faults
from dashboards.content import all_dashboards
from dashboards.errors import DashboardError
from dashboards.grafana import rendered
from dashboards.spec import FOLDER, FOLDER_TITLE
from slo.objective import Catalogue

Json = dict[str, Any]

_PROVISIONED_AT: Final = "/var/lib/grafana/dashboards/letta-slo"
_INPUT: Final = "DS_PROMETHEUS"
_OLDEST_GRAFANA: Final = "11.0.0"
# etcd takes no object above 1 MiB, and base64 or metadata may come on top.
_LARGEST_CONFIG_MAP: Final = 900_000


def boards(catalogue: Catalogue, links: Links) -> dict[str, Json]:
    """Return the JSON of every dashboard by its key, as it is provisioned. Raises DashboardError."""
    made = {one.key: rendered(one, links) for one in all_dashboards(catalogue)}
    wrong = [f"{key}: {fault}" for key, board in made.items() for fault in faults(board)]
    if wrong:
        raise DashboardError("\n".join(wrong))
    return {key: _signed(board) for key, board in made.items()}


def files(catalogue: Catalogue, links: Links) -> dict[str, str]:
    """Return the text of each file by its path; the same catalogue gives the same bytes. Raises DashboardError."""
    made = boards(catalogue, links)
    found = {f"provisioning/{key}.json": as_json(board) for key, board in made.items()}
    found |= {f"share/{key}.json": as_json(shared(board)) for key, board in made.items()}
    found["provisioning/provider.yaml"] = as_yaml(_provider())
    found["kubernetes/letta-slo-dashboards.yaml"] = as_yaml(*(_config_map(key, board) for key, board in made.items()))
    return found


def as_json(board: Json) -> str:
    """Return a dashboard as text, the same for the same dashboard."""
    return json.dumps(board, indent=2, ensure_ascii=False) + "\n"


def shared(board: Json) -> Json:
    """Return a dashboard for whoever imports it by hand: their Grafana asks which Prometheus it is for."""
    variables = [_asked(one) if one["type"] == "datasource" else one for one in board["templating"]["list"]]
    kinds = sorted({panel["type"] for panel in board["panels"] if panel["type"] != "row"})
    head: Json = {
        "__inputs": [
            {
                "name": _INPUT,
                "label": "Prometheus",
                "description": "One that has the metrics of Letta and the bridge, and the rules of letta-slo.",
                "type": "datasource",
                "pluginId": "prometheus",
                "pluginName": "Prometheus",
            }
        ],
        "__elements": {},
        "__requires": [
            {"type": "grafana", "id": "grafana", "name": "Grafana", "version": _OLDEST_GRAFANA},
            {"type": "datasource", "id": "prometheus", "name": "Prometheus", "version": "1.0.0"},
            *({"type": "panel", "id": kind, "name": kind, "version": ""} for kind in kinds),
        ],
    }
    return head | board | {"editable": True, "templating": {"list": variables}}


def _signed(board: Json) -> Json:
    return board | {"description": f"{board['description']}\n\n{GENERATED}"}


def _asked(variable: Json) -> Json:
    chosen = {"selected": True, "text": f"${{{_INPUT}}}", "value": f"${{{_INPUT}}}"}
    return variable | {"current": chosen}


def _provider() -> Json:
    return {
        "apiVersion": 1,
        "providers": [
            {
                "name": FOLDER,
                "folder": FOLDER_TITLE,
                "folderUid": FOLDER,
                "type": "file",
                "disableDeletion": False,
                "allowUiUpdates": False,
                "updateIntervalSeconds": 30,
                "options": {"path": _PROVISIONED_AT},
            }
        ],
    }


def _config_map(key: str, board: Json) -> Json:
    content = as_json(board)
    if len(content.encode()) > _LARGEST_CONFIG_MAP:
        raise DashboardError(f"{key}: {len(content.encode()):,} bytes are too many for a ConfigMap of Kubernetes")
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": f"letta-slo-dashboard-{key}",
            "labels": {"app.kubernetes.io/name": "letta-slo", "grafana_dashboard": "1"},
            "annotations": {"grafana_folder": FOLDER_TITLE},
        },
        "data": {f"letta-slo-{key}.json": content},
    }
