"""The compose cluster on a real engine, from the build to `down -v`. A program for `.ci/run`, not for pytest:

    python3 tests/e2e/compose.py

One story, a check per step, with a project name, a port and an image of its own; standard library only. A step that
fails ends the story; whatever was started is ended in any case. The last line is `N passed, N failed`.
"""

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
HEADS = Path(__file__).with_name("node_heads.py")
CITIES = ("beijing", "shanghai", "guangzhou", "xian")
PROCESSES = (*(f"node-{city}" for city in CITIES), "gateway")
SERVICES = (*PROCESSES, "relayer")
CHAIN = "wenchang"
BUILD_S, UP_S, HEALTHY_S, CATCH_UP_S, COMMAND_S = 900, 180, 120, 60, 120
SECRETS = {
    "ca.key", "tls.key", "consensus.key", "passphrase", "vault.db", "demo-keys.json", "demo-dids.json", "network.json", "relayer.json",
}  # fmt: skip
IMAGE_SURVEY = """
find / -xdev \\( -name '*.key' -o -name .git -o -name 'demo-*.json' -o -name vault.db -o -name passphrase \
-o -path /app/tests -o -path /app/.ci -o -path '*/bin/*gcc*' -o -path '*/bin/cc' \\) -not -path '/proc/*' 2>/dev/null
find /app -writable 2>/dev/null
find /node /network -type f
"""


class Failed(Exception):
    """A check that did not hold."""


def hold(*, that: bool, otherwise: object) -> None:
    """A check inside a step."""
    if not that:
        raise Failed(str(otherwise))


def run(*command: str, deadline: float = COMMAND_S, text: str = "", env: dict[str, str] | None = None) -> str:
    """The standard output of a command; `Failed` with its last words."""
    try:
        done = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, timeout=deadline, check=False, env=env, input=text
        )
    except subprocess.TimeoutExpired:
        raise Failed(f"{' '.join(command)[:120]} did not end within {deadline:.0f} s") from None
    if done.returncode:
        raise Failed(
            f"{' '.join(command)[:120]}: exit {done.returncode}: {(done.stderr or done.stdout)[-1500:].strip()}"
        )
    return done.stdout


def until(held: Callable[[], bool], deadline: float, what: str) -> float:
    """Wait until something holds; the seconds it took."""
    started = time.monotonic()
    while not held():
        hold(that=time.monotonic() - started < deadline, otherwise=f"after {deadline:.0f} s still not: {what}")
        time.sleep(0.2)
    return time.monotonic() - started


def free_port() -> int:
    """A port of loopback that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(kw_only=True)
class Cluster:
    """The cluster as its operator has it: the compose command and the REST API."""

    project: str
    image: str
    port: int

    def compose(self, *arguments: str, deadline: float = COMMAND_S) -> str:
        env = os.environ | {"CERTNET_PORT": str(self.port), "CERTNET_IMAGE": self.image}
        return run(*compose_command(), "-p", self.project, *arguments, deadline=deadline, env=env)

    def container(self, service: str) -> str:
        wanted = f"label=com.docker.compose.project={self.project}", f"label=com.docker.compose.service={service}"
        found = run("docker", "ps", "-a", "-q", *(part for label in wanted for part in ("--filter", label))).split()
        hold(that=len(found) == 1, otherwise=f"{service} has {len(found)} containers")
        return found[0]

    def inspect(self, service: str, template: str) -> str:
        return run("docker", "inspect", "-f", template, self.container(service)).strip()

    def execute(self, service: str, *command: str, text: str = "") -> str:
        return run("docker", "exec", "-i", self.container(service), *command, text=text)

    def read(self, path: str) -> str:
        """A file of the operator's volume."""
        return self.compose("run", "--rm", "-T", "--no-deps", "--entrypoint", "cat", "certnet", path)

    def wait_healthy(self) -> float:
        """Until every process is healthy and the one-shot services have ended well."""

        def ready() -> bool:
            states = [self.inspect(service, "{{.State.Health.Status}}") for service in SERVICES]
            return all(state == "healthy" for state in states) and self._welcomed()

        return until(ready, HEALTHY_S, "every process is healthy and `welcome` has ended")

    def _welcomed(self) -> bool:
        states = {
            service: self.inspect(service, "{{.State.Status}} {{.State.ExitCode}}") for service in ("keys", "welcome")
        }
        ended = {service: state for service, state in states.items() if state.startswith("exited")}
        hold(
            that=all(state == "exited 0" for state in ended.values()), otherwise=f"a one-shot service failed: {states}"
        )
        return len(ended) == len(states)

    def rest(self, method: str, path: str, body: Any = None, key: str = "") -> Any:
        """The answer of the gateway; `Failed` if it is a problem."""
        request = urllib.request.Request(  # an address of our own
            f"http://127.0.0.1:{self.port}{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "Content-Type": "application/json",
                "Authorization": f"Bearer {key}",
                "Idempotency-Key": secrets.token_hex(8),
            },
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as problem:
            raise Failed(f"{method} {path}: {problem.code} {problem.read().decode()[:500]}") from None
        except OSError as problem:
            raise Failed(f"{method} {path}: {problem}") from None


@dataclass(kw_only=True)
class Story:
    """The steps in their order; each answers what is worth telling."""

    cluster: Cluster
    network: dict[str, Any] = field(default_factory=dict)
    minted: list[str] = field(default_factory=list)
    victim: str = ""
    identity: dict[str, str] = field(default_factory=dict)

    def steps(self) -> Iterator[tuple[str, Callable[[], str]]]:
        yield "one image is built from the checkout", self.build
        yield "the image holds no secret, history, test or compiler, and its user can write nothing", self.survey_image
        yield "`up` brings four nodes and a gateway to health with nothing edited", self.start
        yield "no process is root, and none has a capability", self.look_at_users
        yield "every process sees its own folder and nobody else's", self.look_at_folders
        yield "the gateway alone is published, on loopback alone", self.look_at_ports
        yield "a certificate is minted and verified over REST", self.mint_one
        yield "commands run inside the cluster", self.run_command
        yield "the vault is copied while the gateway runs", self.back_up
        yield "a backup is killed, and mints go on", self.kill_backup
        yield "started again it catches up: four nodes, ten chains, equal heads", self.catch_up
        yield "a second `up` changes nothing", self.start_again
        yield "`down` and `up` keep the network, its certificates and what was minted", self.start_afresh

    def build(self) -> str:
        started = time.monotonic()
        self.cluster.compose("build", "--force-rm", "keys", deadline=BUILD_S)
        size = int(run("docker", "image", "inspect", "-f", "{{.Size}}", self.cluster.image))
        return f"{time.monotonic() - started:.1f} s, {size / 1e6:.0f} MB"

    def survey_image(self) -> str:
        image = self.cluster.image
        found = run(
            "docker", "run", "--rm", "--network", "none", "--entrypoint", "sh", image, "-c", IMAGE_SURVEY
        ).split()
        hold(that=found == [], otherwise=f"found in the image: {found}")
        code = run("docker", "run", "--rm", "--network", "none", "--entrypoint", "ls", image, "/app").split()
        hold(that="node" in code and "tests" not in code, otherwise=f"/app holds {code}")
        history = run("docker", "history", "--no-trunc", "--format", "{{.CreatedBy}}", image)
        hold(that="PIP_" not in history, otherwise="the image's history tells whence its packages came")
        return f"/app: {', '.join(code)}"

    def start(self) -> str:
        started = time.monotonic()
        self.cluster.compose("up", "-d", deadline=UP_S)
        until(self._answers, HEALTHY_S, "the gateway is ready")
        ready = time.monotonic() - started
        self.cluster.wait_healthy()
        self.network = json.loads(self.cluster.read("/network/network.json"))
        self.identity = self._identity()
        said = self.cluster.compose("logs", "--no-color", "welcome")
        for told in (
            self.network["url"],
            self.network["fingerprint"],
            self.network["api_keys"]["platform"],
            "Try next",
        ):
            hold(that=told in said, otherwise=f"`welcome` does not say {told}")
        hold(that=self._keys_told(said) == [], otherwise="`welcome` says private keys into the log")
        return f"ready in {ready:.1f} s, all healthy in {time.monotonic() - started:.1f} s"

    def look_at_users(self) -> str:
        users = {}
        for service in SERVICES:
            shown = run("docker", "top", self.cluster.container(service), "-eo", "pid,uid,args").splitlines()[1:]
            users[service] = {line.split()[1] for line in shown}
            powers = self.cluster.execute(service, "grep", "CapEff", "/proc/1/status").split()[1]
            hold(that=int(powers, 16) == 0, otherwise=f"{service} has capabilities {powers}")
        hold(that=all(shown and "0" not in shown for shown in users.values()), otherwise=f"users: {users}")
        return f"uid {', '.join(sorted(set().union(*users.values())))}"

    def look_at_folders(self) -> str:
        node = {"/node/tls.key", "/node/consensus.key"}
        gateway = {"/network/gateway/tls.key", "/network/gateway/vault.db", "/network/secrets/passphrase"}
        keys = set()
        for service in PROCESSES:
            files = self.cluster.execute(service, "find", "/node", "/network", "-type", "f").split()
            seen = {file for file in files if file.rsplit("/", 1)[1] in SECRETS}
            hold(that=seen == (gateway if service == "gateway" else node), otherwise=f"{service} sees {sorted(seen)}")
            folder = "/network/gateway" if service == "gateway" else "/node"
            keys.add(self.cluster.execute(service, "sha256sum", f"{folder}/tls.key").split()[0])
        hold(that=len(keys) == len(PROCESSES), otherwise="two processes have one TLS key")
        files = self.cluster.execute("relayer", "find", "/node", "/network", "-type", "f").split()
        seen = {file for file in files if file.rsplit("/", 1)[1] in SECRETS}
        hold(that=seen == {"/network/relayer/relayer.json"}, otherwise=f"relayer sees {sorted(seen)}")
        return f"{len(keys)} keys, one each"

    def look_at_ports(self) -> str:
        ports = {service: run("docker", "port", self.cluster.container(service)).strip() for service in SERVICES}
        published = {service: port for service, port in ports.items() if port}
        expected = {"gateway": f"8080/tcp -> 127.0.0.1:{self.cluster.port}"}
        hold(that=published == expected, otherwise=f"published: {published}")
        return expected["gateway"]

    def mint_one(self) -> str:
        started = time.monotonic()
        minted = self._mint()
        hold(that=bool(minted["proof"]) and minted["height"] > 0, otherwise=f"no proof in {minted}")
        self._verify(minted["id"])
        return f"{minted['id']} at height {minted['height']}, {1_000 * (time.monotonic() - started):.0f} ms"

    def run_command(self) -> str:
        self.cluster.compose("run", "--rm", "-T", "--no-deps", "certnet", "verify", self.minted[0])  # exit 0: valid
        return "certnet verify"

    def back_up(self) -> str:
        said = self.cluster.compose("run", "--rm", "-T", "--no-deps", "keys", "backup", "/network/vault-copy.db")
        return said.split(" in ")[0]

    def kill_backup(self) -> str:
        """Which node is killed is stated: one that is a backup of the chain in use."""
        primary = self._consensus()["primary"]
        self.victim = next(city for city in reversed(CITIES) if city != primary)
        run("docker", "kill", "-s", "KILL", self.cluster.container(f"node-{self.victim}"))
        state = self.cluster.inspect(f"node-{self.victim}", "{{.State.Status}} {{.State.ExitCode}}")
        hold(that=state == "exited 137", otherwise=f"the killed node is {state}")
        for _ in range(5):
            self._verify(self._mint()["id"])
        until(lambda: not self._connected(self.victim), CATCH_UP_S, f"{self.victim} is reported as not connected")
        return f"killed {self.victim}; primary {primary}; 5 minted without it"

    def catch_up(self) -> str:
        run("docker", "start", self.cluster.container(f"node-{self.victim}"))
        took = until(self._level, CATCH_UP_S, "nobody is behind, and all heads are equal")
        self.cluster.wait_healthy()
        height = self._heads()[self.victim][CHAIN][0]
        hold(that=height >= len(self.minted), otherwise=f"{self.victim} stands at {height}")
        return f"{self.victim} at height {height} after {took:.1f} s"

    def start_again(self) -> str:
        self.cluster.compose("up", "-d", deadline=UP_S)
        self.cluster.wait_healthy()
        return self._same()

    def start_afresh(self) -> str:
        heads = self._heads()[self.victim]
        self.cluster.compose("down", deadline=UP_S)
        self.cluster.compose("up", "-d", deadline=UP_S)
        self.cluster.wait_healthy()
        hold(that=self._heads()[self.victim] == heads, otherwise="the heads differ after the restart")
        self._verify(self._mint()["id"])
        return self._same()

    def end(self) -> str:
        cluster = self.cluster
        cluster.compose("--profile", "commands", "down", "-v", "--remove-orphans", "-t", "5", deadline=UP_S)
        wanted = "--filter", f"label=com.docker.compose.project={cluster.project}"
        left = [
            run("docker", *kind, "-q", *wanted).split() for kind in (("ps", "-a"), ("volume", "ls"), ("network", "ls"))
        ]
        hold(that=left == [[], [], []], otherwise=f"left behind: {left}")
        if run("docker", "image", "ls", "-q", cluster.image).split():
            run("docker", "image", "rm", cluster.image)
        return "no container, volume, network or image"

    def _answers(self) -> bool:
        try:
            return bool(self.cluster.rest("GET", "/readyz")["ready"])
        except Failed:
            return False

    def _keys_told(self, said: str) -> list[str]:
        chains = json.loads(self.cluster.read("/network/demo-keys.json"))
        return [person["address"] for people in chains.values() for person in people.values() if person["seed"] in said]

    def _identity(self) -> dict[str, str]:
        """What must never change: the network, its API keys, every key and certificate."""
        identity = {"network": self.network["network_id"], "keys": json.dumps(self.network["api_keys"])}
        for service in PROCESSES:
            folder = "/network/gateway" if service == "gateway" else "/node"
            files = [f"{folder}/{name}" for name in ("genesis.json", "ca.crt", "tls.crt", "tls.key")]
            identity[service] = self.cluster.execute(service, "sha256sum", *files)
        return identity

    def _same(self) -> str:
        self.network = json.loads(self.cluster.read("/network/network.json"))
        hold(that=self._identity() == self.identity, otherwise="the network, its keys or its certificates changed")
        for certificate in self.minted:
            self._verify(certificate)
        return f"network {self.network['network_id'][:16]}, {len(self.minted)} certificates valid"

    def _mint(self) -> Any:
        entry = next(entry for entry in self.network["chains"] if entry["id"] == CHAIN)
        body = {
            "chain": CHAIN,
            "class": entry["class"],
            "holder": entry["accounts"]["alice"]["address"],
            "content": entry["sample"],
        }
        minted = self.cluster.rest("POST", "/v1/certificates", body, self.network["api_keys"]["platform"])
        self.minted.append(minted["id"])
        return minted

    def _verify(self, certificate: str) -> None:
        verdict = self.cluster.rest("POST", "/v1/verify", {"id": certificate})
        hold(that=verdict["valid"] and verdict["proven"], otherwise=f"{certificate}: {verdict}")

    def _consensus(self) -> Any:
        return self.cluster.rest("GET", f"/v1/chains/{CHAIN}/consensus")

    def _connected(self, city: str) -> bool:
        return any(replica["name"] == city and replica["connected"] for replica in self._consensus()["replicas"])

    def _heads(self) -> Any:
        """What every node itself says of its chains."""
        return json.loads(self.cluster.execute("gateway", "python", "-", text=HEADS.read_text("utf-8")))

    def _level(self) -> bool:
        if self._consensus()["behind"] or not self._connected(self.victim):
            return False
        heads = list(self._heads().values())
        return len(heads) == len(CITIES) and all(one == heads[0] for one in heads)


def compose_command() -> tuple[str, ...]:
    """`docker compose`, or the older `docker-compose`."""
    if shutil.which("docker-compose"):
        return ("docker-compose",)
    return ("docker", "compose")


def perform(sentence: str, step: Callable[[], str]) -> tuple[bool, str, str, float]:
    """(held, sentence, detail, seconds) of one step."""
    print(f"== {sentence}", flush=True)
    started = time.monotonic()
    try:
        held, detail = True, step()
    except Failed as failed:
        held, detail = False, str(failed)
    except (ValueError, KeyError, OSError) as problem:  # an answer of another shape
        held, detail = False, repr(problem)
    print(f"   {'held' if held else 'FAILED'}: {detail}", flush=True)
    return held, sentence, detail, time.monotonic() - started


def tell(story: Story) -> list[tuple[bool, str, str, float]]:
    """Every step until one fails, and the end in any case."""
    results = []
    try:
        for sentence, step in story.steps():
            results.append(perform(sentence, step))
            if not results[-1][0]:
                print(last_words(story.cluster), flush=True)
                break
    finally:
        for ignored in (signal.SIGINT, signal.SIGTERM):  # whoever ends us waits until all is put away
            signal.signal(ignored, signal.SIG_IGN)
        results.append(perform("`down -v` leaves nothing behind", story.end))
    return results


def last_words(cluster: Cluster) -> str:
    """What the services said, for whoever looks for the cause."""
    try:
        return cluster.compose("ps") + cluster.compose("logs", "--no-color", "--tail", "80")
    except Failed as failed:
        return str(failed)


def show(results: list[tuple[bool, str, str, float]], steps: int) -> int:
    """The table and the last line; the exit code."""
    print(f"\n{'':8}{'seconds':>8}  check")
    for held, sentence, detail, seconds in results:
        print(
            f"{'passed' if held else 'FAILED':8}{seconds:>8.1f}  {sentence}: {detail.splitlines()[0][:110] if detail else ''}"
        )
    passed = sum(result[0] for result in results)
    if passed < steps:
        print(f"{steps - len(results)} steps were not reached")
    print(f"{passed} passed, {steps - passed} failed")
    return 0 if passed == steps else 1


def main() -> int:
    """Tell the story; 0 if every step held."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    name = f"certnet-check-{os.getpid()}"
    story = Story(cluster=Cluster(project=name, image=name, port=free_port()))
    results = tell(story)
    return show(results, len(list(story.steps())) + 1)


if __name__ == "__main__":
    sys.exit(main())
