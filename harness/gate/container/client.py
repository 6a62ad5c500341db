"""Runs in the gate's container for one check: hands standard input to the server and its answer to standard output."""

import os
import socket
import sys

# The server listens before it imports Airflow, which takes seconds on a busy machine.
GREETING_S = 30


def main() -> None:
    """Exit with a reason when no server answers, or when it ends before it has answered."""
    request = sys.stdin.buffer.read()
    with socket.socket(socket.AF_UNIX) as server:
        server.settimeout(GREETING_S)
        try:
            server.connect(sys.argv[1])
            server.recv(1)
        except OSError as error:
            sys.exit(f"the server of the DAG gate does not answer: {error}")
        server.settimeout(None)
        try:
            server.sendall(request)
            answer = b"".join(iter(lambda: server.recv(1 << 16), b""))
        except OSError:
            answer = b""
    if not answer:
        sys.exit("the check ended without an answer; it may have run out of memory")
    sys.stdout.buffer.write(answer)
    sys.stdout.flush()
    os._exit(0)  # nothing is left to do, and an orderly end costs milliseconds


if __name__ == "__main__":
    main()
