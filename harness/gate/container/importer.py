"""Runs in the gate's container, in a process for one DAG file: imports it as the dag-processor would, and tells."""

import contextlib
import ctypes
import json
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

BUNDLE = "dags"
# `[core] dagbag_import_error_traceback_depth` is 2, which may end above the author's own line.
WHOLE_TRACEBACK = "1000"
PR_SET_PDEATHSIG = 1

Json = dict[str, Any]


def import_file(file: str, tree: Path, pipe: Connection, used: int) -> None:
    """Do what the dag-processor's child does (`_fork_main` and `_parse_file_entrypoint`), and tell what came of it."""
    _die_with_the_check()
    os.setsid()
    os.close(used)
    # What a DAG file prints may hold anything, and the container's output is kept by the engine.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")  # rather than the server
    tell = _Teller(pipe, str(tree) + os.sep)
    os.environ["AIRFLOW__CORE__DAGBAG_IMPORT_ERROR_TRACEBACK_DEPTH"] = WHOLE_TRACEBACK
    result: Json = {"ended": "whole"}
    known = set(sys.modules)
    try:
        result |= _parse(file, tree, tell)
    except BaseException:  # noqa: BLE001 - as the dag-processor's child, which dies of it
        result["error"] = traceback.format_exc()
    result["modules"] = [name for name in set(sys.modules) - known if name.startswith("airflow.")]
    result["imports"] = _find_imports(tree, file)
    pipe.send_bytes(json.dumps(result).encode())
    os._exit(0)  # threads that the file has left running would keep us here


def _die_with_the_check() -> None:
    """Let the kernel end this process with the one that forked it, which may be killed; only Linux does that."""
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _parse(file: str, tree: Path, tell: "_Teller") -> Json:
    from airflow.dag_processing import processor  # slow, and only in the image
    from airflow.sdk import DAG
    from airflow.sdk.execution_time import task_runner
    from airflow.sdk.execution_time.supervisor import block_orm_access
    from airflow.utils.file import open_maybe_zipped
    from structlog import get_logger

    cycles: dict[str, list[str]] = {}
    made: dict[str, Json] = {}

    def remember(dag: Any, made_before: Callable[[Any], None] = DAG.__attrs_post_init__) -> None:
        made_before(dag)
        place = tell.find_place()
        if place:
            made.setdefault(dag.dag_id, place)

    DAG.__attrs_post_init__ = remember

    class Bag(processor.BundleDagBag):  # type: ignore[misc]
        """A bag that remembers which tasks wait for each other: Airflow's error names but one of them."""

        def bag_dag(self, dag: Any) -> None:
            try:
                super().bag_dag(dag)
            except Exception:
                cycle = find_cycle({task.task_id: sorted(task.downstream_task_ids) for task in dag.tasks})
                if cycle:
                    cycles[dag.dag_id] = cycle
                raise

    processor.BundleDagBag = Bag
    task_runner.SUPERVISOR_COMMS = _EmptyDatabase(tell)
    block_orm_access()
    tell.listen()
    request = processor.DagFileParseRequest(file=file, bundle_path=tree, bundle_name=BUNDLE)
    parsed = processor._parse_file(request, get_logger())  # noqa: SLF001 - the very function whose verdict counts
    errors = parsed.import_errors or {}
    for source in {dag.fileloc for dag in parsed.serialized_dags}:
        open_maybe_zipped(source).read()  # as Airflow does when it stores the text, which must be UTF-8
    return {
        "dag_ids": sorted(dag.dag_id for dag in parsed.serialized_dags),
        "error": "\n".join(errors.values()),
        "cycles": cycles,
        "made": [{"dag_id": dag_id, **place} for dag_id, place in made.items()],
    }


def _find_imports(tree: Path, file: str) -> list[str]:
    """Return the files of the folder, but for the DAG file itself, that are loaded as modules."""
    loaded = {str(getattr(module, "__file__", None) or "") for module in list(sys.modules.values())}
    prefix = f"{tree}{os.sep}"
    return sorted(path.removeprefix(prefix) for path in loaded - {file} if path.startswith(prefix))


def find_cycle(downstream: dict[str, list[str]]) -> list[str]:
    """Return the tasks of one cycle in order, or none."""
    done: set[str] = set()
    for start in downstream:
        path: list[str] = []
        branches: list[Iterator[str]] = [iter([start])]
        while branches:
            task = next(branches[-1], None)
            if task is None:
                branches.pop()
                if path:
                    done.add(path.pop())
            elif task in path:
                return path[path.index(task) :]
            elif task not in done:
                path.append(task)
                branches.append(iter(downstream.get(task, [])))
    return []


class _EmptyDatabase:
    """Stands where the dag-processor answers with what Airflow's database holds: here it holds nothing."""

    def __init__(self, tell: "_Teller") -> None:
        self._tell = tell

    def send(self, message: Any) -> Any:
        from airflow.sdk.exceptions import ErrorType  # slow, and only in the image
        from airflow.sdk.execution_time.comms import ErrorResponse

        kind = type(message).__name__
        if kind == "MaskSecret":
            return None
        asked = {"GetVariable": ("variable", "key"), "GetConnection": ("connection", "conn_id")}
        known, attribute = asked.get(kind, ("database", ""))
        self._tell.unknown(known, getattr(message, attribute, kind))
        return ErrorResponse(error=getattr(ErrorType, f"{known.upper()}_NOT_FOUND", ErrorType.GENERIC_ERROR))

    async def asend(self, message: Any) -> Any:
        return self.send(message)


class _Teller:
    """Tells what the import asks for that is not here: the network, the database, a variable that is not set."""

    def __init__(self, pipe: Connection, tree: str) -> None:
        self._pipe = pipe
        self._tree = tree
        self._told: set[tuple[str, str]] = set()

    def listen(self) -> None:
        """Notice the use of the network and of environment variables that are not set, from now on."""
        sys.addaudithook(self._notice)
        type(os.environ).__getitem__ = self._with_missing(type(os.environ).__getitem__)  # type: ignore[method-assign]

    def _notice(self, event: str, args: tuple[Any, ...]) -> None:
        if event in {"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"}:
            self.unknown("network", str(args[0]))
        elif event == "socket.connect" and isinstance(args[1], tuple):
            self.unknown("network", str(args[1][0]))

    def _with_missing(self, get: Callable[[Any, str], str]) -> Callable[[Any, str], str]:
        def get_or_tell(environ: Any, name: str) -> str:
            try:
                return get(environ, name)
            except KeyError:
                if self._is_direct(sys._getframe(1)):  # noqa: SLF001 - see below
                    self.unknown("environment", name)
                raise

        return get_or_tell

    def _is_direct(self, frame: Any) -> bool:
        """Tell whether a file of the author asks, and not a library, which asks for many a variable that is not set."""
        while frame and frame.f_globals.get("__name__") in {"os", "collections.abc"}:
            frame = frame.f_back
        return bool(frame) and frame.f_code.co_filename.startswith(self._tree)

    def unknown(self, kind: str, name: str) -> None:
        """Tell once, with the place in the author's files; a thread of a library has none."""
        if (kind, name) in self._told:
            return
        self._told.add((kind, name))
        unknown = {"kind": kind, "name": name, **self.find_place()}
        self._pipe.send_bytes(json.dumps({"unknown": unknown}).encode())

    def find_place(self) -> Json:
        """Return `file` and `line` of the author's code that is at work, or nothing."""
        frame: Any = sys._getframe(1)  # noqa: SLF001 - documented, and much faster than `inspect`
        while frame and not frame.f_code.co_filename.startswith(self._tree):
            frame = frame.f_back
        return {"file": frame.f_code.co_filename.removeprefix(self._tree), "line": frame.f_lineno} if frame else {}
