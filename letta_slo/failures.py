"""Which exit code does each kind of error become? Imported when there is an error: it knows those of every room."""

from __future__ import annotations

from alerts.aom.errors import DeploymentError, RefusedError, RejectedError, UnreachableError
from alerts.errors import RuleError, SettingsError
from dashboards.errors import DashboardError, GrafanaRefusedError, GrafanaUnreachableError
from huawei.errors import AccountError
from letta_slo import exit_codes
from letta_slo.drive import DriveError
from loadgen.fleet import FleetError
from loadgen.guard import GuardError
from loadgen.run_folder import RunFolderError
from loadgen.target import TargetError
from loadgen.tiers import TierError
from production.errors import PrometheusError, QueryError
from slo.errors import SloError
from testbed.process import PartError

_CODES: tuple[tuple[type[Exception], int], ...] = (
    (SloError, exit_codes.USAGE),
    (AccountError, exit_codes.USAGE),
    (RuleError, exit_codes.USAGE),
    (DeploymentError, exit_codes.USAGE),
    (RefusedError, exit_codes.USAGE),
    (RejectedError, exit_codes.MISSED),
    (UnreachableError, exit_codes.TARGET_UNREACHABLE),
    (GrafanaUnreachableError, exit_codes.TARGET_UNREACHABLE),
    (GrafanaRefusedError, exit_codes.USAGE),
    (SettingsError, exit_codes.USAGE),
    (DashboardError, exit_codes.USAGE),
    (GuardError, exit_codes.USAGE),
    (FleetError, exit_codes.USAGE),
    (TierError, exit_codes.USAGE),
    (RunFolderError, exit_codes.USAGE),
    (TargetError, exit_codes.TARGET_UNREACHABLE),
    (QueryError, exit_codes.USAGE),
    (PrometheusError, exit_codes.TARGET_UNREACHABLE),
    (PartError, exit_codes.TARGET_UNREACHABLE),
    (DriveError, exit_codes.INVALID_RUN),
)


def exit_code_of(error: BaseException) -> int | None:
    """Return the exit code that an error of ours becomes, None for one that nobody has foreseen."""
    return next((code for kind, code in _CODES if isinstance(error, kind)), None)
