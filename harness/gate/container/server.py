"""Runs in the gate's container: imports DAG files with the dag-processor's own code, each in a process of its own.

The server has imported Airflow and forks for every check; a check forks for every DAG file. So a check costs no import
of Airflow, checks do not see each other, and no DAG file can spoil the next. Of the harness there is no more here than
this package: the gate hands its text over.

A request is a line of JSON, `files` (path -> size in bytes), `executables` (those of them that can be executed),
`folders` (those that hold nothing) and `environment` (name -> value), then the files' bytes in that order. The answer
is JSON: `tree`, the folder that stood for the bundle's; `limit_s`, how long one file may take; `discovery_error`, a
traceback or ""; `results`, one for each DAG file and for each other one that does not compile, as `new_result` makes
them.
"""

import contextlib
import gc
import hashlib
import importlib
import json
import multiprocessing
import os
import re
import shutil
import signal
import socket
import sys
import tempfile
import time
import traceback
from collections import deque
from collections.abc import Iterable
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from selectors import EVENT_READ, DefaultSelector
from typing import Any

from harness.gate.container.importer import BUNDLE, import_file

IDLE_S = 3600
POLL_S = 0.2
FORK = multiprocessing.get_context("fork")
AIRFLOW_IMPORT = re.compile(rb"^[ \t]*(?:from|import)[ \t]+(airflow\.[\w.]+)", re.MULTILINE)
# What nearly every DAG imports; what else a folder imports is learned from its first check.
ORDINARY = ("airflow.sdk", "airflow.providers.standard.operators.python", "airflow.providers.standard.operators.bash")

Json = dict[str, Any]


def main(address: str) -> None:
    """Serve until nobody has asked for an hour."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen()
        import_airflow()
        serve(listener)


def import_airflow() -> None:
    """Import what the dag-processor has, before the first request."""
    sys.dont_write_bytecode = True
    # The image's own folder is read-only here.
    os.environ.setdefault("AIRFLOW__LOGGING__BASE_LOG_FOLDER", f"{tempfile.gettempdir()}/logs")
    os.environ["_AIRFLOW_PROCESS_CONTEXT"] = "client"
    importlib.import_module("airflow.dag_processing.processor")
    preload(ORDINARY)


def preload(modules: Iterable[str]) -> None:
    """Import what the image has of these: a fork that finds a module there need not import it."""
    for module in modules:
        with contextlib.suppress(Exception):
            importlib.import_module(module)
    gc.collect()
    gc.freeze()  # the garbage collector of a fork would copy the pages of all that is here


def serve(listener: socket.socket) -> None:
    """Fork for every connection; what a check has learned, all later ones know.

    That is what it has used of Airflow, which is imported here, and the digests of the files that compile.
    """
    compiled: set[str] = set()
    with DefaultSelector() as selector:
        selector.register(listener, EVENT_READ)
        while events := selector.select(IDLE_S):
            for key, _ in events:
                if key.fileobj is listener:
                    ending, pid, tree = _fork_check(listener, compiled)
                    selector.register(ending, EVENT_READ, (pid, tree))
                else:
                    selector.unregister(key.fileobj)
                    with key.fileobj as ending:  # type: ignore[union-attr]
                        learned = ending.read()
                    pid, tree = key.data
                    os.waitpid(pid, 0)
                    shutil.rmtree(tree, ignore_errors=True)
                    if learned:
                        lesson = json.loads(learned)
                        compiled.update(lesson["compiled"])
                        preload(lesson["modules"])


def _fork_check(listener: socket.socket, compiled: set[str]) -> tuple[Any, int, str]:
    """Start a check; return what reads what it learned and ends with it, its process id and its folder."""
    connection, _ = listener.accept()
    folder = tempfile.mkdtemp(prefix="check-")
    reading, writing = os.pipe()
    pid = os.fork()
    if pid:
        connection.close()
        os.close(writing)
        return os.fdopen(reading, "rb"), pid, folder
    try:
        os.close(reading)
        listener.close()
        nowhere = os.open(os.devnull, os.O_RDWR)
        os.dup2(nowhere, 0)
        os.dup2(nowhere, 1)
        _check(connection, Path(folder), writing, compiled)
    except (EOFError, ConnectionError):
        pass  # whoever asked is gone
    except BaseException:  # noqa: BLE001 - of ours, since each DAG file has a process of its own
        traceback.print_exc()
    finally:
        os._exit(0)


def _check(connection: socket.socket, folder: Path, learned: int, compiled: set[str]) -> None:
    connection.sendall(b"+")
    with connection.makefile("rb") as request:
        header = json.loads(request.readline())
        tree = folder / BUNDLE
        tree.mkdir()
        for path in header["folders"]:
            (tree / path).mkdir(parents=True, exist_ok=True)
        received = [(path, _receive(request, tree / path, size)) for path, size in header["files"].items()]
    for path in header["executables"]:
        (tree / path).chmod(0o755)
    sources = {path: source for path, source in received if path.endswith(".py")}
    os.environ.update(header["environment"])
    os.environ["TMPDIR"] = tempfile.tempdir = str(folder)
    modules = {module.decode() for text in sources.values() for module in AIRFLOW_IMPORT.findall(text)}
    modules -= set(sys.modules)
    if modules:
        preload(modules)  # as the dag-processor does (`parsing_pre_import_modules`)
    answer: Json = {"tree": str(tree), "limit_s": _limit_s(), "discovery_error": "", "results": []}
    good: set[str] = set()
    try:
        files = _dag_files(tree)
    except Exception:  # noqa: BLE001 - whatever ends the search for DAG files ends the dag-processor, too
        answer["discovery_error"] = traceback.format_exc()
    else:
        others = {str(tree / path): source for path, source in sources.items() if str(tree / path) not in files}
        answer["results"], good = compile_all(others, tree, compiled)
        kept = set(_dag_files(tree, safe_mode=False)) if answer["results"] else set()
        for result in answer["results"]:
            result["is_ignored"] = str(tree / result["file"]) not in kept
        answer["results"] += import_all(files, tree, learned)
    for result in answer["results"]:
        modules.update(result.pop("modules", ()))
    connection.sendall(json.dumps(answer).encode())
    connection.close()
    with os.fdopen(learned, "w") as report:
        json.dump({"modules": sorted(modules), "compiled": sorted(good)}, report)


def _receive(request: Any, path: Path, size: int) -> bytes:
    body: bytes = request.read(size)
    if len(body) < size:
        raise EOFError(path)  # whoever asked is gone
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(body)
    return body


def compile_all(sources: dict[str, bytes], tree: Path, compiled: set[str]) -> tuple[list[Json], set[str]]:
    """Compile what nobody imports here; return a result for each file that fails, and the digests of those that do not.

    Digests in `compiled` are of files that have been compiled before.
    """
    failed, good = [], set()
    for file, source in sources.items():
        digest = hashlib.sha256(source).hexdigest()
        if digest in compiled:
            continue
        try:
            compile(source, file, "exec", dont_inherit=True)
        except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError):
            error = traceback.format_exc()
            failed.append({**new_result(str(Path(file).relative_to(tree))), "error": error, "ended": "whole"})
        else:
            good.add(digest)
    return failed, good


def _dag_files(tree: Path, *, safe_mode: bool | None = None) -> list[str]:
    """Return the paths that the dag-processor would import (`DagFileProcessorManager._find_files_in_bundle`).

    `safe_mode` is whether files without Airflow's words are left out, by default as the cluster has it.
    """
    from airflow.configuration import conf  # slow, and only in the image
    from airflow.utils.file import list_py_file_paths

    if safe_mode is None:
        safe_mode = conf.getboolean("core", "dag_discovery_safe_mode")
    return sorted(list_py_file_paths(tree, safe_mode=safe_mode))


def new_result(file: str) -> Json:
    """Return the result of a file of which nothing is known yet.

    `ended` is `whole`, `time` or `exit CODE`; `unknowns` are what the import asked for that is not here, each with
    `kind`, `name`, `file` and `line`; `cycles` maps the id of a DAG to the ids of tasks that wait for each other;
    `imports` are the other files of the folder that were loaded as modules; `made` are the DAGs that the import made,
    each with `dag_id`, `file` and `line`, whether Airflow knows them then or not. `is_ignored` files are what
    `.airflowignore` leaves out.
    """
    lists: Json = {"dag_ids": [], "unknowns": [], "imports": [], "made": []}
    return {"file": file, "error": "", "cycles": {}, "ended": "", "is_ignored": False, **lists}


def _limit_s() -> int:
    from airflow.configuration import conf  # slow, and only in the image

    return int(conf.getint("dag_processor", "dag_file_processor_timeout"))


def import_all(files: list[str], tree: Path, used: int) -> list[Json]:
    """Import each file in a process of its own, as many at a time as there are processors; return results by file."""
    limit_s = _limit_s()
    waiting = deque(files)
    running: dict[Connection, tuple[BaseProcess, Json, float]] = {}
    results = []
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    while waiting or running:
        while waiting and len(running) < cores:
            file = waiting.popleft()
            reading, writing = FORK.Pipe(duplex=False)
            process: BaseProcess = FORK.Process(target=import_file, args=(file, tree, writing, used))
            process.start()
            writing.close()
            running[reading] = (process, new_result(str(Path(file).relative_to(tree))), time.monotonic() + limit_s)
        ready = wait(list(running), timeout=POLL_S)
        for pipe, (process, result, deadline) in list(running.items()):
            code = process.exitcode  # asked first: what a process that is gone has told is in the pipe by then
            if pipe in ready or pipe.poll():
                _take(pipe, result)
            elif code is not None:  # and something that it has started keeps the pipe open
                result["ended"] = f"exit {code}"
            elif time.monotonic() > deadline:
                result["ended"] = "time"
            if result["ended"]:
                del running[pipe]
                _end(process, pipe, result)
                results.append(result)
    return sorted(results, key=lambda result: str(result["file"]))


def _take(pipe: Connection, result: Json) -> None:
    """Add what a file's process tells to its result."""
    try:
        told = json.loads(pipe.recv_bytes())
    except (EOFError, OSError, ValueError):
        result["ended"] = "exit"
        return
    if "unknown" in told:
        result["unknowns"].append(told["unknown"])
    else:
        result.update(told)


def _end(process: BaseProcess, pipe: Connection, result: Json) -> None:
    """End the process with all that it has started."""
    if result["ended"] == "exit":
        process.join(5)
        result["ended"] = f"exit {process.exitcode}"
    if process.pid:
        with contextlib.suppress(OSError):
            os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    process.join()
    pipe.close()
