"""Which catalogue a set of OpenSLO v1 texts describes."""

from collections.abc import Iterable, Iterator
from fractions import Fraction

from slo.objective import AlertCondition, AlertPolicy, Catalogue, DataSource, NotificationTarget, Service
from slo.openslo import annotations, objectives
from slo.openslo.documents import Document, Registry, child, items_at, read_file, text_at
from slo.openslo.values import period
from slo.openslo.yaml_tree import Faults, Table

__all__ = ["parse", "parse_all"]


def parse(text: str, origin: str) -> Catalogue:
    """Return the catalogue that one file describes; `origin` names the file in errors.

    Raises:
        CatalogueError: something in it is wrong; the error has every fault.
    """
    return parse_all([(origin, text)])


def parse_all(files: Iterable[tuple[str, str]]) -> Catalogue:
    """Return the catalogue that several files, as pairs of name and text, describe together.

    Raises:
        CatalogueError: something in them is wrong; the error has every fault of every file.
    """
    all_faults: list[Faults] = []
    documents: list[Document] = []
    for origin, text in files:
        faults = Faults(origin)
        all_faults.append(faults)
        documents.extend(read_file(text, faults))
    catalogue = _assemble(Registry(documents))
    errors = [error for faults in all_faults for error in sorted(faults.errors, key=lambda error: error.line)]
    if errors:
        raise errors[0].with_others(tuple(errors[1:]))
    return catalogue


def _assemble(registry: Registry) -> Catalogue:
    for kind in ("Service", "DataSource", "SLI", "AlertPolicy", "AlertCondition", "AlertNotificationTarget"):
        for document in registry.of_kind(kind):
            annotations.refuse(document)
    built = [objectives.build(document, registry) for document in registry.of_kind("SLO")]
    return Catalogue(
        objectives=tuple(objective for objective in built if objective is not None),
        services=tuple(
            Service(one.name, one.title, one.description, one.origin) for one in registry.of_kind("Service")
        ),
        data_sources=tuple(
            DataSource(one.name, one.title, text_at(one.tree, "spec", "type") or "", one.description, one.origin)
            for one in registry.of_kind("DataSource")
        ),
        alert_policies=tuple(_policy(one, registry) for one in registry.of_kind("AlertPolicy")),
        alert_conditions=tuple(_conditions(registry)),
        notification_targets=tuple(
            NotificationTarget(
                one.name, one.title, text_at(one.tree, "spec", "target") or "", one.description, one.origin
            )
            for one in registry.of_kind("AlertNotificationTarget")
        ),
    )


def _policy(document: Document, registry: Registry) -> AlertPolicy:
    conditions = _referred(document, registry, "conditions", "conditionRef", "AlertCondition")
    targets = _referred(document, registry, "notificationTargets", "targetRef", "AlertNotificationTarget")
    return AlertPolicy(
        name=document.name,
        title=document.title,
        condition=next(iter(conditions), ""),
        notification_targets=tuple(targets),
        when_breaching=text_at(document.tree, "spec", "alertWhenBreaching") == "true",
        when_resolved=text_at(document.tree, "spec", "alertWhenResolved") == "true",
        when_no_data=text_at(document.tree, "spec", "alertWhenNoData") == "true",
        description=document.description,
        origin=document.origin,
    )


def _referred(document: Document, registry: Registry, key: str, reference_key: str, kind: str) -> list[str]:
    names = []
    for index, item in enumerate(items_at(document.tree, "spec", key)):
        reference = text_at(item, reference_key)
        name = reference if reference is not None else text_at(item, "metadata", "name")
        if name is not None:
            registry.refer(kind, name, document, item, document.path("spec", f"{key}[{index}].{reference_key}"))
            names.append(name)
    return names


def _conditions(registry: Registry) -> Iterator[AlertCondition]:
    for document in registry.of_kind("AlertCondition"):
        condition = child(document.tree, "spec", "condition")
        path = document.path("spec", "condition")
        lookback = period(child(condition, "lookbackWindow"), document, f"{path}.lookbackWindow")
        after = child(condition, "alertAfter")
        alert_after = period(after, document, f"{path}.alertAfter") if after is not None else None
        if isinstance(condition, Table) and lookback is not None:
            yield AlertCondition(
                name=document.name,
                title=document.title,
                severity=text_at(document.tree, "spec", "severity") or "",
                threshold=Fraction(text_at(condition, "threshold") or "0"),
                lookback_window=lookback,
                alert_after=alert_after or lookback * 0,
                description=document.description,
                origin=document.origin,
            )
