"""The Kubernetes manifests, as far as can be checked without a cluster: form, names that must agree, command lines."""

from __future__ import annotations

import copy
import json
import math
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import jsonschema
import pytest
import yaml

from tests.verbs import commands

ROOT = Path(__file__).parents[2]
HERE = ROOT / "deploy" / "kubernetes"
SCHEMA = json.loads((HERE / "locusttest.schema.json").read_text())
LOCUST_TESTS = sorted((HERE / "locusttest").glob("*.yaml"))
# The planning figures of docs/how-to/run-many-workers.md.
CPU_PER_REQUEST_S, BUSY_SHARE = 0.0005, 0.5


def documents(*folders: str) -> list[dict[str, Any]]:
    files = [file for folder in folders for file in sorted((HERE / folder).glob("*.yaml"))]
    return [document for file in files for document in yaml.safe_load_all(file.read_text())]


def complaints(manifest: object) -> list[str]:
    return [error.message for error in jsonschema.Draft202012Validator(SCHEMA).iter_errors(manifest)]


def arguments_of(manifest: dict[str, Any]) -> list[str]:
    return shlex.split(manifest["spec"]["args"])


def after(name: str, words: list[str]) -> str:
    return words[words.index(name) + 1]


# For Locust's operator.


@pytest.mark.parametrize("file", LOCUST_TESTS, ids=lambda file: file.stem)
def test_every_locust_test_keeps_to_the_schema(file: Path) -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert complaints(yaml.safe_load(file.read_text())) == []


def planted(path: str, value: object) -> Callable[[dict[str, Any]], None]:
    def plant(manifest: dict[str, Any]) -> None:
        *way, last = path.split(".")
        for key in way:
            manifest = manifest[key]
        manifest[last] = value

    return plant


@pytest.mark.parametrize(
    ("path", "value", "complaint"),
    [
        ("apiVersion", "locust.io/v2", "'locust.io/v1' was expected"),
        ("spec.workers", "2", "'2' is not of type 'integer'"),
        ("spec.workers", 0, "0 is less than the minimum of 1"),
        ("spec.imagePullPolicy", "Sometimes", "'Sometimes' is not one of"),
        ("spec.volumes", [], "('volumes' was unexpected)"),
        ("spec.env", [{"name": "LETTA_API_KEY", "valueFrom": {}}], "('valueFrom' was unexpected)"),
        ("spec.locustfile.configMap", {"name": "x"}, "is not valid under any of the given schemas"),
        ("spec.worker.resources.requests.cpu", "one", "'one' does not match"),
        ("metadata.name", "Letta_SLO", "does not match"),
    ],
)
def test_a_planted_error_in_a_locust_test_is_found(path: str, value: object, complaint: str) -> None:
    manifest = copy.deepcopy(yaml.safe_load(LOCUST_TESTS[0].read_text()))
    planted(path, value)(manifest)
    (found,) = complaints(manifest)
    assert complaint in found


def test_a_locust_test_without_its_number_of_workers_is_refused() -> None:
    manifest = yaml.safe_load(LOCUST_TESTS[0].read_text())
    del manifest["spec"]["workers"]
    assert complaints(manifest) == ["'workers' is a required property"]


@pytest.mark.parametrize("file", LOCUST_TESTS, ids=lambda file: file.stem)
def test_there_are_as_many_workers_as_the_master_waits_for_and_as_the_rate_needs(file: Path) -> None:
    manifest = yaml.safe_load(file.read_text())
    words, workers = arguments_of(manifest), manifest["spec"]["workers"]
    assert int(after("--expect-workers", words)) == workers
    assert workers == math.ceil(float(after("--users", words)) * CPU_PER_REQUEST_S / BUSY_SHARE)
    assert ("--i-own-this-target" in words) == (float(after("--users", words)) > 50)


def test_the_three_tiers_of_the_source_documents_are_there() -> None:
    tests = {file.stem: arguments_of(yaml.safe_load(file.read_text())) for file in LOCUST_TESTS}
    rates = {name: (after("--users", words), after("--agents", words)) for name, words in tests.items()}
    assert rates == {"small": ("50", "100"), "medium": ("500", "1000"), "large": ("2000", "10000")}


def test_locust_takes_the_arguments_of_every_locust_test_and_of_the_workers() -> None:
    """In a process of its own: Locust patches the standard library."""
    lines = [manifest["spec"]["args"] for manifest in documents("locusttest")]
    lines += [
        shlex.join(container(manifest)["args"]) for manifest in jobs() if container(manifest)["command"] == ["locust"]
    ]
    code = (
        "import shlex, sys; import loadgen.engine; from locust.argument_parser import parse_options\n"
        "for line in sys.argv[1:]:\n"
        "    try: parse_options(shlex.split(line)); print('taken')\n"
        "    except SystemExit: print('refused')"
    )
    command = [sys.executable, "-c", code, *lines, "--agnets 3"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    said = [line for line in done.stdout.splitlines() if line in {"taken", "refused"}]  # a refusal shows the usage, too
    assert said == [*["taken"] * len(lines), "refused"], done.stdout + done.stderr


# Without an operator.


def jobs() -> list[dict[str, Any]]:
    return [document for document in documents("verify") if document["kind"] == "Job"]


def pods() -> list[dict[str, Any]]:
    kept = [one["spec"]["template"] for one in documents("receiver") if one["kind"] == "Deployment"]
    return (
        [job["spec"]["template"] for job in jobs()]
        + kept
        + [one for one in documents("results") if one["kind"] == "Pod"]
    )


def container(manifest: dict[str, Any]) -> dict[str, Any]:
    spec = manifest["spec"]
    (found,) = spec.get("template", {"spec": spec})["spec"]["containers"]
    return dict(found)


def named(kind: str) -> dict[str, dict[str, Any]]:
    return {one["metadata"]["name"]: one for one in documents("verify") if one["kind"] == kind}


@pytest.mark.parametrize("pod", pods(), ids=lambda pod: container(pod)["name"])
def test_every_pod_is_without_privileges_and_writes_to_volumes_only(pod: dict[str, Any]) -> None:
    security, inside = pod["spec"]["securityContext"], container(pod)["securityContext"]
    assert security["runAsNonRoot"] and security["runAsUser"] > 0
    assert inside["readOnlyRootFilesystem"] and not inside["allowPrivilegeEscalation"]
    assert inside["capabilities"] == {"drop": ["ALL"]}
    assert pod["spec"]["automountServiceAccountToken"] is False
    assert {mount["name"] for mount in container(pod)["volumeMounts"]} == {
        one["name"] for one in pod["spec"]["volumes"]
    }


def test_service_and_network_policy_select_the_master_and_let_the_workers_in() -> None:
    labels = {name: job["spec"]["template"]["metadata"]["labels"] for name, job in named("Job").items()}
    (service,), (policy,) = named("Service").values(), named("NetworkPolicy").values()
    assert service["spec"]["selector"] == labels["letta-slo-master"]
    assert policy["spec"]["podSelector"]["matchLabels"] == labels["letta-slo-master"]
    (rule,) = policy["spec"]["ingress"]
    assert [one["podSelector"]["matchLabels"] for one in rule["from"]] == [labels["letta-slo-workers"]]
    ports = {service["spec"]["ports"][0]["port"], rule["ports"][0]["port"]}
    assert ports == {container(named("Job")["letta-slo-master"])["ports"][0]["containerPort"]}


def test_the_workers_find_the_master_and_are_as_many_as_it_expects() -> None:
    master, workers = named("Job")["letta-slo-master"], named("Job")["letta-slo-workers"]
    verb, *arguments = container(master)["args"]
    context = commands()[verb].make_context(verb, list(arguments), resilient_parsing=False)
    expected, meeting = context.params["expect_workers"], context.params["master_bind"]
    assert workers["spec"]["parallelism"] == workers["spec"]["completions"] == expected
    words = container(workers)["args"]
    (service,) = named("Service").values()
    assert after("--master-host", words) == service["metadata"]["name"]
    assert service["spec"]["ports"][0]["port"] == meeting.port


def test_a_wrong_option_of_the_master_would_be_found() -> None:
    with pytest.raises(click.UsageError):
        commands()["verify"].make_context("verify", ["--expect-wrokers", "2"])


def test_what_pods_refer_to_is_there_and_the_secret_is_not_committed() -> None:
    for pod in pods():
        claims = [one["persistentVolumeClaim"] for one in pod["spec"]["volumes"] if "persistentVolumeClaim" in one]
        assert {claim["claimName"] for claim in claims} <= set(named("PersistentVolumeClaim"))
        for source in container(pod).get("envFrom", []):
            assert source.get("configMapRef", {"name": "letta-slo"})["name"] in named("ConfigMap")
    assert named("Secret") == {}
    assert not re.search(r"(?i)api_key: *\S|password", "\n".join(file.read_text() for file in HERE.rglob("*.yaml")))


def test_the_receiver_takes_its_arguments_and_its_service_finds_it() -> None:
    by_kind = {one["kind"]: one for one in documents("receiver")}
    service, pod = by_kind["Service"], by_kind["Deployment"]["spec"]["template"]
    assert service["spec"]["selector"] == pod["metadata"]["labels"]
    assert by_kind["Deployment"]["spec"]["selector"]["matchLabels"] == pod["metadata"]["labels"]
    verb, *arguments = container(pod)["args"]
    given = commands()[verb].make_context(verb, list(arguments)).params
    (port,) = {one["containerPort"] for one in container(pod)["ports"]}
    assert given["port"] == port == service["spec"]["ports"][0]["port"] == service["spec"]["ports"][0]["targetPort"]
    places = {one["name"]: one["mountPath"] for one in container(pod)["volumeMounts"]}
    assert str(given["settings"].parent) == places["settings"]
    named_files = re.findall(r"file: (\S+?)[},\s]", (ROOT / "alerts" / "notify" / "example.yaml").read_text())
    assert {str(Path(one).parent) for one in named_files} == {places["secrets"]}


# The image.


def test_the_image_holds_every_room_and_pins_every_package_by_hash() -> None:
    text = (HERE / "Dockerfile").read_text()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    rooms = set(project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"])
    copied = {word for line in re.findall(r"^COPY (.+) \S+$", text, re.MULTILINE) for word in line.split()}
    assert rooms <= copied
    assert [name for name in copied if not (ROOT / name).exists()] == []
    let_through = set(re.findall(r"^!(.+)$", (HERE / "Dockerfile.dockerignore").read_text(), re.MULTILINE))
    assert copied == let_through
    assert "--require-hashes --only-binary :all: -r requirements.lock" in text
    assert "-e . -e ./otel" in text  # without the second distribution no command of the first starts
    assert re.search(r"^USER [1-9]\d*:[1-9]\d*$", text, re.MULTILINE)


def test_every_pod_and_every_locust_test_uses_the_image_of_this_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    images = {container(pod)["image"] for pod in pods()} | {one["spec"]["image"] for one in documents("locusttest")}
    assert images == {f"letta-slo:{version}"}
    scenarios = {after("-f", arguments_of(one)) for one in documents("locusttest")}
    (home,) = re.findall(r"^WORKDIR (\S+)$", (HERE / "Dockerfile").read_text(), re.MULTILINE)
    assert scenarios == {f"{home}/loadtests"}
