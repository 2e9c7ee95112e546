"""What is deployed from `deploy/`: built where something here builds, and read as its own tools would read it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from fnmatch import fnmatch
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml
from typer.testing import CliRunner

from dashboard.__main__ import app as dashboard_commands
from evaluators.__main__ import app as evaluators_commands
from tests.serving import ROOT

DEPLOY = ROOT / "deploy"
UNITS = sorted(DEPLOY.glob("*.service")) + sorted(DEPLOY.glob("*.timer"))
HEAVY = {"torch", "mteb", "transformers", "sentence-transformers"}
KNOWN = {
    "ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL", "RUN", "SHELL",
    "STOPSIGNAL", "USER", "VOLUME", "WORKDIR",
}  # fmt: skip
PINNED = re.compile(r"[\w./-]+(:[\w.-]*\d+\.\d+\.\d+[\w.-]*|@sha256:[0-9a-f]{64})")


class Step(NamedTuple):
    """An instruction of a Dockerfile."""

    name: str
    value: str


def stages(text: str) -> dict[str, list[Step]]:
    """The stages of a Dockerfile by name, each with its instructions."""
    lines = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    by_name: dict[str, list[Step]] = {}
    for line in re.sub(r"\\\n\s*", " ", lines).splitlines():
        if not line.strip():
            continue
        name, _, value = line.strip().partition(" ")
        if name == "FROM":
            steps = by_name.setdefault(value.partition(" AS ")[2] or str(len(by_name)), [])
        steps.append(Step(name, value.strip()))
    return by_name


def packed(pattern_lines: list[str], files: list[str]) -> set[str]:
    """Files that a .dockerignore leaves in the build, by its rules: the last line that fits decides."""
    left = set()
    for file in files:
        ignored = False
        for line in pattern_lines:
            pattern = line.removeprefix("!")
            parts = file.split("/")
            above = ["/".join(parts[:n]) for n in range(1, len(parts) + 1)]
            if any(fnmatch(one, pattern.removeprefix("**/")) or fnmatch(one, pattern) for one in above):
                ignored = not line.startswith("!")
        if not ignored:
            left.add(file)
    return left


def lint(text: str, context: set[str]) -> Iterator[str]:
    """What is wrong with a Dockerfile; ``context`` are the files its build sees."""
    images = stages(text)
    for stage, steps in images.items():
        source = steps[0].value.partition(" AS ")[0]
        if source not in images and not PINNED.fullmatch(source):
            yield f"{stage}: {source} is pinned to no version"
        for step in steps:
            if step.name not in KNOWN:
                yield f"{stage}: {step.name} is no instruction"
            if step.name in ("COPY", "ADD") and "--from=" not in step.value:
                for path in step.value.split()[:-1]:
                    if not any(file == path or file.startswith(path.rstrip("/") + "/") for file in context):
                        yield f"{stage}: {path} is not in the build"
            for package in re.findall(r"pip install ((?:(?!&&).)*)", step.value) if step.name == "RUN" else ():
                words = [word for word in package.split() if not word.startswith(("-", "http"))]
                loose = [word for word in words if not word.endswith(".txt") and "==" not in word]
                if loose:
                    yield f"{stage}: {loose} without a version"
    for stage in images:
        if stage in ("dashboard", "refresh"):
            every = images[stage]
            users = [step.value for step in every if step.name == "USER"]
            if not users or users[-1].split(":")[0] in ("root", "0") or not users[-1].split(":")[0].isdigit():
                yield f"{stage}: runs as root, or as a name that a host cannot tell from root"
            if not any(step.name == "HEALTHCHECK" for step in every):
                yield f"{stage}: no health check"
            if any(re.search(r"SECRET|PASSWORD|TOKEN", step.value) for step in every if step.name in ("ENV", "ARG")):
                yield f"{stage}: a secret would be in the image"


def tracked() -> list[str]:
    done = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return done.stdout.splitlines()


def ignore_lines() -> list[str]:
    lines = (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def test_the_dockerfile_holds() -> None:
    context = packed(ignore_lines(), tracked())
    assert list(lint((DEPLOY / "Dockerfile").read_text(), context)) == []
    assert context and not [file for file in context if file.startswith((".git/", "tests/", "docs/", ".venv"))]
    assert list(stages((DEPLOY / "Dockerfile").read_text()))[-1] == "dashboard", "what is built unless another is named"


def test_nothing_private_goes_into_the_build() -> None:
    left = packed(
        ignore_lines(), ["data/plumbline.duckdb", "data/store/__pycache__/a.pyc", ".env", "data/runs.py", "a/b"]
    )
    assert left == {"data/runs.py"}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("FROM python:latest AS x", "pinned to no version"),
        ("FROM python AS x", "pinned to no version"),
        ("FROM a:1.2.3 AS dashboard\nUSER 1\nHEALTHCHECK NONE\nCOPY nowhere /x", "not in the build"),
        (
            "FROM a:1.2.3 AS dashboard\nUSER 1\nHEALTHCHECK NONE\nRUN pip install a && pip install b==1",
            "without a version",
        ),
        ("FROM a:1.2.3 AS dashboard\nHEALTHCHECK NONE", "runs as root"),
        ("FROM a:1.2.3 AS dashboard\nUSER 1\nUSER root\nHEALTHCHECK NONE", "runs as root"),
        ("FROM a:1.2.3 AS dashboard\nUSER 1", "no health check"),
        ("FROM a:1.2.3 AS dashboard\nUSER 1\nHEALTHCHECK NONE\nENV PLUMBLINE_SECRET=x", "in the image"),
        ("FROM a:1.2.3 AS dashboard\nUSER 1\nHEALTHCHECK NONE\nINSTALL x", "no instruction"),
    ],
)
def test_the_check_of_dockerfiles_sees(text: str, says: str) -> None:
    assert [wrong for wrong in lint(text, {"data/a"}) if says in wrong]


def requirements(path: Path) -> dict[str, str]:
    lines = (line.partition("#")[0].strip() for line in path.read_text().splitlines())
    return dict(line.split("==") for line in lines if "==" in line)


def test_the_image_has_the_versions_we_test_and_nothing_heavy() -> None:
    image = requirements(DEPLOY / "requirements.txt")
    ours = requirements(ROOT / "requirements.txt") | requirements(ROOT / "requirements-fleet.txt")
    assert requirements(ROOT / "requirements-fleet.txt").items() >= {("s3fs", image["fsspec"])}, "of one release"
    assert image.items() <= ours.items() and not HEAVY & image.keys()
    for name, version in re.findall(r"(\S+)==(\S+)", (DEPLOY / "Dockerfile").read_text()):
        assert ours[name] == version, name


def needed() -> set[str]:
    """Packages that the modules of the image import, by the name they are installed under."""
    texts = [path.read_text() for half in ("data", "dashboard") for path in (ROOT / half).rglob("*.py")]
    modules = {
        name for text in texts for name in re.findall(r"^ *(?:from|import) (\w+)[\w.]*(?: import|$)", text, re.M)
    }
    names = modules - sys.stdlib_module_names - {"data", "dashboard"}
    return {{"markdown_it": "markdown-it-py"}.get(name, name) for name in names}


def brought_along(names: set[str]) -> set[str]:
    """Packages and all that they bring along here, without extras."""
    waiting, reached = set(names), set[str]()
    while waiting:
        reached.add(name := waiting.pop())
        try:
            lines = metadata.requires(name) or []
        except metadata.PackageNotFoundError:  # of another system
            continue
        others = {re.split(r"[^\w.-]", line)[0].lower() for line in lines if "extra ==" not in line}
        waiting |= others - reached
    return reached


def test_the_image_has_what_its_modules_import() -> None:
    image = {name.lower() for name in requirements(DEPLOY / "requirements.txt")}
    assert needed() >= {"streamlit", "duckdb", "starlette"} and needed() <= brought_along(image)
    assert "torch" not in needed() and "authlib" in image, "Streamlit imports it where a provider is set"


def test_the_image_is_built_where_something_builds() -> None:
    """With docker's daemon, or whatever else reads a Dockerfile; elsewhere the tests above read it."""
    for builder, asks in (("docker", ["info"]), ("podman", ["info"]), ("buildah", ["info"])):
        if shutil.which(builder) and subprocess.run([builder, *asks], capture_output=True, check=False).returncode == 0:
            build = [builder, "build", "-f", "deploy/Dockerfile", "-t", "plumbline-test", "."]
            subprocess.run(build, cwd=ROOT, check=True, env={**os.environ, "DOCKER_BUILDKIT": "1"})
            return
    pytest.skip("nothing here builds images")


def test_compose_serves_read_only_and_lets_nobody_past_the_proxy() -> None:
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
    dashboard, proxy, refresh = (services[name] for name in ("dashboard", "proxy", "refresh"))
    assert dashboard["read_only"] and dashboard["volumes"] == ["store:/store:ro"] and "ports" not in dashboard
    assert dashboard["environment"]["PLUMBLINE_READ_ONLY"] == "1" and dashboard["cap_drop"] == ["ALL"]
    assert "PLUMBLINE_SECRET" not in dashboard["environment"], "a secret is a file"
    assert dashboard["environment"]["PLUMBLINE_PROXIES"] == proxy["networks"]["inside"]["ipv4_address"]
    assert re.fullmatch(r"\S+:\d+\.\d+\.\d+\S*", proxy["image"])
    assert "store:/store" in refresh["volumes"] and refresh["profiles"] == ["refresh"]
    targets = stages((DEPLOY / "Dockerfile").read_text())
    assert {service["build"]["target"] for service in (dashboard, refresh)} <= targets.keys()
    compose = ["docker", "compose", "-f", "deploy/compose.yaml", "config", "-q"]
    if shutil.which("docker") and not subprocess.run(["docker", "compose", "version"], capture_output=True).returncode:
        environment = {**os.environ, "PLUMBLINE_URL": "https://x", "PLUMBLINE_SECRET_FILE": "/x", "CERTIFICATES": "/x"}
        subprocess.run(compose, cwd=ROOT, env=environment, check=True)


def test_units_hold(tmp_path: Path) -> None:
    if not shutil.which("systemd-analyze"):
        pytest.skip("no systemd here")
    for unit in UNITS:  # with a Python that is there: the command's own path is looked at, too
        (tmp_path / unit.name).write_text(unit.read_text().replace("/opt/plumbline/.venv/bin/python", "/usr/bin/env"))
    done = subprocess.run(
        ["systemd-analyze", "verify", *(str(tmp_path / unit.name) for unit in UNITS)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    ours = [line for line in done.stderr.splitlines() if "plumbline" in line]
    assert done.returncode == 0 and not ours, done.stderr


def test_the_dashboards_unit_writes_nothing_and_the_refresh_one_folder() -> None:
    dashboard, refresh = ((DEPLOY / name).read_text() for name in ("plumbline.service", "plumbline-refresh.service"))
    for unit in (dashboard, refresh):
        for line in ("ProtectSystem=strict", "NoNewPrivileges=yes", "CapabilityBoundingSet=", "ProtectHome=yes"):
            assert f"\n{line}\n" in unit
    assert "PLUMBLINE_READ_ONLY=1" in dashboard and "ReadOnlyPaths=/var/lib/plumbline" in dashboard
    assert not re.search("StateDirectory|ReadWritePaths|CacheDirectory", dashboard)
    assert "StateDirectory=plumbline\n" in refresh and "PLUMBLINE_READ_ONLY" not in refresh
    users = {re.search(r"^User=(.+)$", unit, re.MULTILINE)[1] for unit in (dashboard, refresh)}  # type: ignore[index]
    assert len(users) == 2 and "root" not in users


def test_commands_of_units_images_and_docs_are_there() -> None:
    files = [*UNITS, DEPLOY / "Dockerfile", DEPLOY / "compose.yaml", ROOT / "docs" / "deploy.md"]
    text = "\n".join(file.read_text() for file in files).replace('", "', " ")
    commands = set(re.findall(r"python -m (dashboard|evaluators) (\w+)((?: --[\w-]+)*)", text))
    assert {("dashboard", "serve"), ("evaluators", "import")} <= {command[:2] for command in commands}
    for module, command, options in commands:
        apps = {"dashboard": dashboard_commands, "evaluators": evaluators_commands}
        answer = CliRunner().invoke(apps[module], [command, "--help"], env={"COLUMNS": "200"}, catch_exceptions=False)
        assert answer.exit_code == 0 and all(option in answer.output for option in options.split()), (module, command)
