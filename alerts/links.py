"""Where does an alert send a person: which runbook, which dashboard?"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Links:
    """Where runbooks and dashboards are served; without an address, paths in this repository and on a Grafana."""

    runbooks: str = "alerts/runbooks"
    grafana: str = ""

    def runbook(self, name: str) -> str:
        """Return the address of a runbook, a file in `alerts/runbooks/` by its name without `.md`."""
        return f"{self.runbooks.rstrip('/')}/{name}.md"

    def dashboard(self, key: str, **chosen: str) -> str:
        """Return the address of a dashboard, with what its variables are set to; its uid is `letta-slo-<key>`."""
        query = "&".join(f"var-{name}={value}" for name, value in chosen.items())
        return f"{self.grafana.rstrip('/')}/d/letta-slo-{key}{'?' + query if query else ''}"
