"""The machine on which a table was measured."""

import importlib.metadata
import os
import platform

PACKAGES = ("focalis", "numpy", "numba", "torch", "torchvision")


def description(threads: int) -> list[str]:
    """Return lines of Markdown: processor, load, versions, threads."""
    lines = [
        f"- {processor()}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}",
        f"- Python {platform.python_version()}, {', '.join(versions())}",
        f"- {threads} threads for everyone",
    ]
    if hasattr(os, "getloadavg"):
        lines.append(f"- load average at the start: {os.getloadavg()[0]:.1f}")
    return lines


def processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            for line in file:
                if line.startswith("model name"):
                    return line.split(":", 1)[1].strip()
    except FileNotFoundError:
        pass
    return platform.processor() or "unknown processor"


def versions() -> list[str]:
    import focalis

    found = [f"focalis {focalis.__version__}"]
    for package in PACKAGES[1:]:
        try:
            found.append(f"{package} {importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError:
            found.append(f"no {package}")
    return found
