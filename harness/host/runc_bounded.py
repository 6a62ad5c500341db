#!/usr/bin/python3 -I
"""runc on a host that lacks a capability: ask for what is granted, and no more.

`docker run --privileged`, which kind needs, asks for every capability; runc refuses the whole container when the
host's bounding set lacks one. The engine calls this instead of runc; it edits the OCI bundle's process, then becomes
runc.
"""

import json
import os
import sys

CAP_SYS_RESOURCE = 24


def granted() -> bool:
    with open("/proc/self/status", encoding="ascii") as status:
        bounding = next(int(line.split()[1], 16) for line in status if line.startswith("CapBnd:"))
    return bool(bounding >> CAP_SYS_RESOURCE & 1)


def lower(path: str, key: str | None) -> None:
    with open(path, encoding="utf-8") as file:
        spec = json.load(file)
    process = spec.get(key) if key else spec
    for names in ((process or {}).get("capabilities") or {}).values():
        names[:] = [name for name in names if name != "CAP_SYS_RESOURCE"]
    with open(path, "w", encoding="utf-8") as file:
        json.dump(spec, file)


def main(args: list[str]) -> None:
    if not granted():
        if "--bundle" in args:
            lower(os.path.join(args[args.index("--bundle") + 1], "config.json"), "process")
        elif "--process" in args:
            lower(args[args.index("--process") + 1], None)
    os.execvp("runc", ["runc", *args])


if __name__ == "__main__":
    main(sys.argv[1:])
