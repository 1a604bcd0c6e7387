"""Whether the tests would notice: small faults put into modules one at a time, and the tests that should mind.

    .venv/bin/python tests/mutants.py chain node/consensus              # every mutant
    .venv/bin/python tests/mutants.py chain/merkle.py --sample 40       # at most so many of each module, by --seed

A mutant is *killed* if a test of the packages named fails, or uses up many times the processor time that it needs.
The tests that run the changed line are tried (a run under coverage says which), the quickest first, then the other
tests of the module's own file. The working tree is never changed: a mutant's code is put into a forked process,
into the functions as they stand there; or, if what it changes runs while modules are being imported, into a process
that has imported nothing yet. Properties draw the same examples every time.

`tests/equivalent_mutants.txt` lists mutants that no test can kill because they change nothing that is promised, each
with its reason; they count for neither side. A listed mutant that is killed, or that no longer exists, is an error.
"""

import argparse
import functools
import gc
import importlib
import importlib.machinery
import os
import pickle
import random
import resource
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any, Final

import coverage
import hypothesis
import pytest

ROOT: Final = Path(__file__).resolve().parents[1]
sys.path[0] = str(ROOT)

from tests.mutators import Module, Mutant, codes  # noqa: E402 - the root of the project is on the path by now

EQUIVALENT: Final = ROOT / "tests" / "equivalent_mutants.txt"
PACKAGES: Final = ("chain", "contracts", "credentials", "node", "gateway", "simulation", "scripts", "tests")
BAR_PERCENT: Final = 85
PROCESSOR_SECONDS_MIN: Final = 3
PROCESSOR_TIMES: Final = 10
"""A test that needs so many times its usual processor time, and this, has not come to its end."""
WALL_SECONDS_MAX: Final = 900
MEMORY_BYTES_MAX: Final = 6 << 30
KILLED, SURVIVED, UNSUITED = 1, 0, 3
"""What a process that tries a mutant exits with; anything else kills it too."""
OPTIONS: Final = ("-q", "-s", "-p", "no:cacheprovider", "-W", "ignore::pytest.PytestAssertRewriteWarning")


@dataclass
class Coverage:
    """What a run of the unchanged tests tells."""

    tests_by_line: dict[str, dict[int, set[str]]] = field(default_factory=dict)
    """By file; the empty test is the time of import."""
    seconds: dict[str, float] = field(default_factory=dict)
    """Processor time by test."""
    imported: list[str] = field(default_factory=list)
    """Modules that are not of this project."""

    def tests_of(self, module: Module, mutant: Mutant) -> list[str]:
        """Those that run what is changed, the quickest first; then the others that speak of the module.

        What stands at the module's level is run by nobody: whoever imports the module may mind, and if it is not
        even touched (names and limits alone), anybody.
        """
        by_line = self.tests_by_line.get(module.file, {})
        touching = set[str]().union(*(by_line.get(line, set()) for line in _lines(mutant)))
        speaking = {test for test in self.seconds if test.startswith(own_tests(module.path))}
        if not mutant.scope.function:
            touching = touching.union(*by_line.values())
            speaking |= {test for test in self.seconds if _imports(test.partition("::")[0], module.name)}
        touching -= {""}
        if not touching and not speaking:
            return self.in_order
        return [*sorted(touching, key=self.cost), *sorted(speaking - touching, key=self.cost)]

    @property
    def in_order(self) -> list[str]:
        """All tests, the quickest first."""
        return sorted(self.seconds, key=self.cost)

    def at_import(self, module: Module, mutant: Mutant) -> bool:
        """Whether what is changed runs before any test does."""
        by_line = self.tests_by_line.get(module.file, {})
        return not mutant.scope.function or any("" in by_line.get(line, set()) for line in _lines(mutant))

    def cost(self, test: str) -> tuple[float, str]:
        return self.seconds[test], test


@functools.cache
def _imports(test: str, module: str) -> bool:
    """Whether a file of tests imports from a module."""
    return f"from {module} import" in (ROOT / test).read_text("utf-8")


def _lines(mutant: Mutant) -> range:
    return range(mutant.scope.lines[0], mutant.scope.lines[1] + 1)


def package_of(path: str) -> str:
    """The folder of a module, or the next above it that has tests."""
    folder = Path(path).parent
    while not (ROOT / "tests" / folder).is_dir():
        folder = folder.parent
    return str(folder)


def own_tests(path: str) -> str:
    """The file that mirrors the module: `tests/chain/test_merkle.py` of `chain/merkle.py`."""
    folder, _, name = path.rpartition("/")
    return f"tests/{folder}/test_{name.removesuffix('.py')}.py::"


class SameExamples:
    """Properties draw the same examples in every run, keep none of them and do not look for the smallest."""

    @pytest.hookimpl(trylast=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        phases = (hypothesis.Phase.explicit, hypothesis.Phase.generate)
        hypothesis.settings.register_profile(
            "mutants",
            derandomize=True,
            database=None,
            deadline=None,
            phases=phases,
            suppress_health_check=list(hypothesis.HealthCheck),
        )
        hypothesis.settings.load_profile("mutants")


class Recorder(SameExamples):
    """Notes for every test what it costs, and under its name what it runs."""

    def __init__(self, tracer: coverage.Coverage, seconds: dict[str, float]) -> None:
        self._tracer = tracer
        self._seconds = seconds

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        self._tracer.switch_context(item.nodeid)
        begin = time.process_time()
        result = yield
        self._seconds[item.nodeid] = time.process_time() - begin
        self._tracer.switch_context("")
        return result


class Trial(SameExamples):
    """Instead of running all tests, hands the collected ones to `tried`."""

    def __init__(self, tried: Callable[[dict[str, pytest.Item]], None]) -> None:
        self._tried = tried

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        assert not session.testsfailed
        self._tried({item.nodeid: item for item in session.items})
        return True


def covered(files: Sequence[str], tests: Sequence[str]) -> Coverage:
    """Run the tests unchanged; `SystemExit` if they are not green."""
    found = Coverage()
    tracer = coverage.Coverage(data_file=None, include=list(files), config_file=False)
    tracer.start()
    code = pytest.main([*OPTIONS, *tests], plugins=[Recorder(tracer, found.seconds)])
    tracer.stop()
    if code != pytest.ExitCode.OK:
        raise SystemExit("The tests fail without any mutant; mend them first.")
    data = tracer.get_data()
    for file in files:
        found.tests_by_line[file] = {line: set(tests) for line, tests in data.contexts_by_lineno(file).items()}
    found.imported = [name for name in sys.modules if name.partition(".")[0] not in PACKAGES]
    return found


def in_child(work: Callable[[], Any]) -> Any:
    """What `work` gives in a forked process; `SystemExit` if it gives nothing."""
    with tempfile.TemporaryFile() as answer:
        child = os.fork()
        if not child:
            try:
                pickle.dump(work(), answer)
                answer.flush()
                os._exit(0)
            except BaseException as problem:  # a fork must not go on as its parent
                print(problem, file=sys.stderr)
                os._exit(1)
        _, status = os.waitpid(child, 0)
        if status:
            raise SystemExit("A process of this run failed; see above.")
        answer.seek(0)
        return pickle.load(answer)


def exit_of(work: Callable[[], int]) -> int:
    """The exit of a forked, silent process; negative if it had to be ended."""
    child = os.fork()
    if not child:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES_MAX, MEMORY_BYTES_MAX))
        signal.alarm(WALL_SECONDS_MAX)
        try:
            os._exit(work())
        except BaseException:
            os._exit(KILLED)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def first_failure(items: dict[str, pytest.Item], seconds: dict[str, float]) -> int:
    """Run the tests that need so many seconds until one fails, which is an exception, or does not end."""
    chosen = [items[name] for name in seconds]
    for item, following in zip(chosen, [*chosen[1:], None], strict=True):
        signal.setitimer(signal.ITIMER_VIRTUAL, PROCESSOR_SECONDS_MIN + PROCESSOR_TIMES * seconds[item.nodeid])
        item.ihook.pytest_runtest_setup(item=item)
        item.ihook.pytest_runtest_call(item=item)
        item.ihook.pytest_runtest_teardown(item=item, nextitem=following)
    return SURVIVED


def put(code: CodeType, functions: dict[tuple[str, int], list[FunctionType]]) -> bool:
    """Give the functions of a module their code from `code`; False if one cannot take it."""
    for part in codes(code):
        for function in functions.get((part.co_qualname, part.co_firstlineno), []):
            try:
                function.__code__ = part
            except ValueError:  # it closes over other names
                return False
    return True


def functions_of(file: str) -> dict[tuple[str, int], list[FunctionType]]:
    """The living functions of a file by name and line."""
    found: dict[tuple[str, int], list[FunctionType]] = {}
    for function in gc.get_objects():
        if isinstance(function, FunctionType) and function.__code__.co_filename == file:
            key = function.__code__.co_qualname, function.__code__.co_firstlineno
            found.setdefault(key, []).append(function)
    return found


Verdict = tuple[Mutant, int]


class Trials:
    """All mutants of a run."""

    def __init__(self, modules: dict[str, Module], known: Coverage, tests: Sequence[str]) -> None:
        self._modules = modules
        self._known = known
        self._tests = tests

    def warm(self, mutants: Sequence[Mutant]) -> list[Verdict]:
        """Try them one after the other in forks of a process that has collected the tests."""
        verdicts: list[Verdict] = []

        def tried(items: dict[str, pytest.Item]) -> None:
            functions = {path: functions_of(module.file) for path, module in self._modules.items()}
            for mutant in mutants:
                code = self._modules[mutant.path].code(mutant)
                seconds = self._seconds(mutant)

                def work(code: CodeType = code, seconds: dict[str, float] = seconds, path: str = mutant.path) -> int:
                    return first_failure(items, seconds) if put(code, functions[path]) else UNSUITED

                verdicts.append((mutant, exit_of(work)))
                told(*verdicts[-1])

        pytest.main([*OPTIONS, *self._tests], plugins=[Trial(tried)])
        assert len(verdicts) == len(mutants)
        return verdicts

    def fresh(self, mutant: Mutant) -> Verdict:
        """Try one in a process that imports everything anew."""
        seconds = self._seconds(mutant)
        own = {name: cost for name, cost in seconds.items() if name.startswith(own_tests(mutant.path))}
        rest = {name: cost for name, cost in seconds.items() if name not in own}
        code = SURVIVED
        for part in (own, rest):  # most are killed by the one file of their module
            if part and code == SURVIVED:
                code = exit_of(functools.partial(self._afresh, mutant, part))
        told(mutant, code)
        return mutant, code

    def _afresh(self, mutant: Mutant, seconds: dict[str, float]) -> int:
        """Import everything with the mutant in it, and run those tests."""
        module, outcome = self._modules[mutant.path], [KILLED]
        sys.meta_path.insert(0, Replaced(module.name, module.code(mutant)))

        def tried(items: dict[str, pytest.Item]) -> None:
            outcome[0] = first_failure(items, seconds)

        files = dict.fromkeys(name.partition("::")[0] for name in seconds)
        pytest.main([*OPTIONS, *files], plugins=[Trial(tried)])
        return outcome[0]

    def _seconds(self, mutant: Mutant) -> dict[str, float]:
        """The tests to try, in that order, and what each needs."""
        known = self._known
        names = known.tests_of(self._modules[mutant.path], mutant) if mutant.number >= 0 else known.in_order
        return {name: self._known.seconds[name] for name in names}


class Replaced(importlib.machinery.SourceFileLoader):
    """Finds one module, and gives it other code."""

    def __init__(self, name: str, code: CodeType) -> None:
        super().__init__(name, code.co_filename)
        self._code = code

    def find_spec(self, fullname: str, path: object, target: object = None) -> importlib.machinery.ModuleSpec | None:
        if fullname != self.name:
            return None
        return importlib.util.spec_from_file_location(fullname, self._code.co_filename, loader=self)

    def get_code(self, fullname: str) -> CodeType:
        return self._code


def told(mutant: Mutant, code: int) -> None:
    """One line for each that lives and is not known to change nothing."""
    if code == SURVIVED and mutant.number >= 0 and mutant.name not in equivalent():
        print(f"survived  {mutant.path}:{mutant.scope.lines[0]} {mutant.scope.name or '-'}: {mutant.text}", flush=True)


def dealt(mutants: Sequence[Mutant], hands: int) -> list[list[Mutant]]:
    return [list(mutants[place::hands]) for place in range(hands)]


def tried(modules: dict[str, Module], mutants: Sequence[Mutant], tests: Sequence[str], jobs: int) -> list[Verdict]:
    """The verdict on every mutant."""
    files = [module.file for module in modules.values()]
    known: Coverage = in_child(lambda: covered(files, tests))
    print(f"{len(mutants)} mutants, {len(known.seconds)} tests of {sum(known.seconds.values()):.0f} s", flush=True)
    early = [mutant for mutant in mutants if known.at_import(modules[mutant.path], mutant)]
    late = [mutant for mutant in mutants if mutant not in set(early)]
    trials = Trials(modules, known, tests)
    unchanged = [next(iter(modules.values())).unchanged]
    if any(code != SURVIVED for _, code in (*in_child(lambda: trials.warm(unchanged)), trials.fresh(*unchanged))):
        raise SystemExit("The tests fail without any mutant if they run in another order; mend them first.")
    with ThreadPoolExecutor(jobs) as pool:
        warm = [pool.submit(in_child, lambda hand=hand: trials.warm(hand)) for hand in dealt(late, jobs) if hand]
        verdicts = [verdict for result in warm for verdict in result.result()]
        unsuited = [mutant for mutant, code in verdicts if code == UNSUITED]
        _import(known.imported)
        again = pool.map(trials.fresh, (*early, *unsuited))
        return [*(verdict for verdict in verdicts if verdict[1] != UNSUITED), *again]


def _import(names: Sequence[str]) -> None:
    """What every fork would else have to import by itself."""
    for name in names:
        try:
            importlib.import_module(name)
        except Exception:
            continue  # it is only there under another name


@functools.cache
def equivalent() -> dict[str, str]:
    """Reason by name of the mutants that change nothing that is promised."""
    lines = EQUIVALENT.read_text("utf-8").splitlines()
    entries = [line.split("  # ", 1) for line in lines if line and not line.startswith("#")]
    return dict(entries)


def table(verdicts: Sequence[Verdict]) -> list[tuple[str, int, int]]:
    """(module, mutants, killed), and the same for every package."""
    rows: dict[str, list[int]] = {}
    for mutant, code in verdicts:
        for key in (mutant.path, package_of(mutant.path) + "/"):
            row = rows.setdefault(key, [0, 0])
            row[0] += 1
            row[1] += code != SURVIVED
    return [(key, of, killed) for key, (of, killed) in sorted(rows.items())]


def chosen(module: Module, sample: int | None, seed: int) -> list[Mutant]:
    """All mutants of a module, or so many by chance."""
    mutants = list(module.mutants)
    if sample is None or len(mutants) <= sample:
        return mutants
    places = random.Random(f"{seed}/{module.path}").sample(range(len(mutants)), sample)
    return [mutants[place] for place in sorted(places)]


def modules_in(names: Sequence[str]) -> dict[str, Module]:
    paths: list[Path] = []
    for name in names:
        where = ROOT / name
        paths.extend([where] if where.is_file() else sorted(where.rglob("*.py")))
    found = [str(path.relative_to(ROOT)) for path in paths]
    return {path: Module(ROOT, path) for path in found}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("packages", nargs="+", help="packages or modules, as paths from the root")
    parser.add_argument("--tests", nargs="+", help="these instead of all tests of the package")
    parser.add_argument("--sample", type=int, help="at most so many mutants of each module")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    asked = parser.parse_args()
    os.chdir(ROOT)
    modules = modules_in(asked.packages)
    mutants = [mutant for module in modules.values() for mutant in chosen(module, asked.sample, asked.seed)]
    listed = equivalent()
    tests = asked.tests or sorted({f"tests/{package_of(path)}" for path in modules})
    verdicts = tried(modules, mutants, tests, asked.jobs)
    wrong = [mutant.name for mutant, code in verdicts if mutant.name in listed and code != SURVIVED]
    every = {mutant.name for module in modules.values() for mutant in module.mutants}
    wrong += [name for name in listed if name.partition(" ")[0] in modules and name not in every]
    counted = [verdict for verdict in verdicts if verdict[0].name not in listed]
    rows = table(counted)
    print(f"\n{'module':32} {'mutants':>8} {'killed':>8} {'survived':>8} {'percent':>8}")
    for key, of, killed in rows:
        print(f"{key:32} {of:8} {killed:8} {of - killed:8} {100 * killed / of:8.1f}")
    print(f"equivalent by {EQUIVALENT.name}: {len(verdicts) - len(counted)}")
    for name in wrong:
        print(f"not equivalent, or not there: {name}")
    low = [key for key, of, killed in rows if key.endswith("/") and 100 * killed < BAR_PERCENT * of]
    return 1 if wrong or low else 0


if __name__ == "__main__":
    sys.exit(main())
