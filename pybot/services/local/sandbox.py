"""The command line that runs one kernel in a sandbox; nothing is started here.

bubblewrap builds a file system that has the operating system's programs and the kernels' Python,
read-only, and the conversation's folder, and nothing else; no network but a loopback of its own;
no other processes; no privileges. What it may use up is limited by prlimit.

It must be started with an *empty* environment: `/proc/1/environ` inside shows bubblewrap's own,
which its option `--clearenv` does not change.

As an ordinary user, all of it happens in a user namespace. As root, bubblewrap needs none, so it
can reach what only root can (a clone below /root), and setpriv then drops to a user ID that the
conversation has for itself: the limit on processes does not hold for root, and counts per user.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

from msgspec import Struct

from pybot.config import MIB
from pybot.services.local.kernel_python import KernelPython
from pybot.services.local.owner_config import OwnerConfig

HOME = "/home/kernel"
RUNTIME = "/run/kernel"
PROFILE = "/opt/kernel"
MATPLOTLIB = f"{HOME}/.config/matplotlib"
USER = 1000  # inside, where outside it is the ordinary user
TMP_SIZE = 256 * MIB  # of /tmp and of /dev/shm, which are memory
HOME_SIZE = 64 * MIB  # of the home folder, which is memory
OPEN_FILES = 1024
PROFILE_FOLDER = Path(__file__).with_name("kernel_profile")
# The variables of the owner's environment that a kernel gets: none of them holds a secret.
KEPT_VARIABLES = ("LANG", "LC_ALL", "TZ", "OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
SYSTEM_FILES = ("/etc/alternatives", "/etc/fonts", "/etc/ld.so.cache", "/etc/localtime")
SYSTEM_LINKS = ("/bin", "/lib", "/lib32", "/lib64", "/sbin")
NEEDED_BY_SETPRIV = ("CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP")


class Box(Struct, frozen=True, kw_only=True):
    """The folders and the user of one kernel. Paths are absolute and outside the sandbox.

    `folder` is the conversation's, `runtime` the kernel's own, as `write_runtime` lays it out.
    `user` is the user ID to drop to, None for an ordinary user's own.
    """

    config: OwnerConfig
    python: KernelPython
    folder: str
    runtime: str
    user: int | None = None


def sandboxed(
    box: Box, bubblewrap: str, tools: Mapping[str, str], seccomp: int, command: Sequence[str] = ()
) -> list[str]:
    """The command line of a kernel in its sandbox; `seccomp` is a file descriptor to a filter.

    `tools` has the paths of prlimit and setpriv. `command` is run in place of the kernel.
    """
    kernel = _kernel(box.python.executable, f"{PROFILE}/main.py", f"{RUNTIME}/inside.json")
    return [
        bubblewrap,
        *_namespaces(box.user),
        *_system(),
        *_python(box.python),
        *_own(box),
        *_variables(box),
        *("--seccomp", str(seccomp), "--chdir", "/", "--"),
        *_drop(box.user, tools),
        *limited(box.config, tools, processes=True),
        *(command or kernel),
    ]


def unsandboxed(box: Box, tools: Mapping[str, str]) -> list[str]:
    """The command line of a kernel with the user's own rights."""
    return [
        *limited(box.config, tools, processes=False),
        *_kernel(
            box.python.executable, str(PROFILE_FOLDER / "main.py"), f"{box.runtime}/outside.json"
        ),
    ]


def limited(config: OwnerConfig, tools: Mapping[str, str], *, processes: bool) -> list[str]:
    """The start of a command line that limits what comes after it.

    `processes` counts all of a user's, so it is only for a user ID or namespace of its own.
    """
    if "prlimit" not in tools:
        return []
    return [
        tools["prlimit"],
        f"--as={config.memory}",
        f"--cpu={config.cpu_seconds}",
        f"--fsize={config.file_size}",
        f"--nofile={OPEN_FILES}",
        "--core=0",
        *([f"--nproc={config.processes}"] if processes else []),
        "--",
    ]


def kernel_environment(box: Box, folder: str, home: str, matplotlib: str) -> dict[str, str]:
    """The variables of a kernel's process that works in `folder`."""
    threads = str(min(4, os.cpu_count() or 1))
    return {
        **{name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ},
        "HOME": home,
        "IPYTHONDIR": f"{home}/.ipython",
        "LANG": "C.UTF-8",
        "LOGNAME": "kernel",
        "MALLOC_ARENA_MAX": "2",  # each arena takes 64 MiB of the limit on addresses
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "MPLCONFIGDIR": matplotlib,
        "OMP_NUM_THREADS": threads,
        "OPENBLAS_NUM_THREADS": threads,
        "PATH": f"{box.python.prefix}/bin:/usr/local/bin:/usr/bin:/bin",
        "PLOTLY_RENDERER": "plotly_mimetype",
        "PYBOT_FOLDER": folder,  # the kernel goes there itself: bubblewrap as root may not
        "PYBOT_STREAM_LIMIT": str(box.config.stream_limit),
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        "TERM": "xterm-color",
        "USER": "kernel",
    }


def _kernel(python: str, program: str, connection_file: str) -> list[str]:
    return [python, program, "-f", connection_file]


def _namespaces(user: int | None) -> Iterator[str]:
    yield from ("--unshare-ipc", "--unshare-pid", "--unshare-uts", "--unshare-net")
    yield from ("--unshare-cgroup-try", "--hostname", "sandbox", "--die-with-parent")
    yield from ("--new-session", "--cap-drop", "ALL")
    if user is None:
        yield from ("--unshare-user", "--disable-userns")
        yield from ("--uid", str(USER), "--gid", str(USER))
    else:
        for capability in NEEDED_BY_SETPRIV:
            yield from ("--cap-add", capability)


def _system() -> Iterator[str]:
    """The operating system's own files, and empty folders for what changes."""
    yield from ("--ro-bind", "/usr", "/usr")
    for name in SYSTEM_LINKS:
        path = Path(name)
        if path.is_symlink():
            yield from ("--symlink", str(path.readlink()), name)
        elif path.is_dir():
            yield from ("--ro-bind", name, name)
    for folder in (HOME, PROFILE, f"{RUNTIME}/s", "/etc/passwd"):
        yield from _parents(folder)
    yield from ("--proc", "/proc", "--dev", "/dev")
    for folder, size in (("/tmp", TMP_SIZE), ("/dev/shm", TMP_SIZE), (HOME, HOME_SIZE)):  # noqa: S108
        yield from ("--perms", "1777", "--size", str(size), "--tmpfs", folder)


def _python(python: KernelPython) -> Iterator[str]:
    """The kernels' Python and its environment, in the places where they look for themselves."""
    for source, name in python.folders:
        yield from _parents(name)
        yield from ("--ro-bind", source, name)
    for path, target in python.links:
        yield from _parents(path)
        yield from ("--symlink", target, path)


def _own(box: Box) -> Iterator[str]:
    """The kernel's own folders."""
    for name in SYSTEM_FILES:
        yield from ("--ro-bind-try", name, name)
    yield from ("--perms", "0777", "--dir", f"{HOME}/.config", "--perms", "0777", "--dir")
    yield MATPLOTLIB
    yield from ("--ro-bind", str(PROFILE_FOLDER), PROFILE)
    yield from ("--ro-bind", str(PROFILE_FOLDER / "matplotlibrc"), f"{MATPLOTLIB}/matplotlibrc")
    for cache in box.python.font_caches:
        yield from ("--ro-bind", cache, f"{MATPLOTLIB}/{Path(cache).name}")
    for name in ("passwd", "group"):
        yield from ("--ro-bind", f"{box.runtime}/{name}", f"/etc/{name}")
    yield from ("--bind", f"{box.runtime}/s", f"{RUNTIME}/s")
    yield from ("--ro-bind", f"{box.runtime}/inside.json", f"{RUNTIME}/inside.json")
    yield from _parents(box.config.mount)
    yield from ("--bind", box.folder, box.config.mount)


def _variables(box: Box) -> Iterator[str]:
    for name, value in kernel_environment(box, box.config.mount, HOME, MATPLOTLIB).items():
        yield from ("--setenv", name, value)


def _drop(user: int | None, tools: Mapping[str, str]) -> list[str]:
    """Give up root, and with it everything that it could do."""
    if user is None:
        return []
    return [
        tools["setpriv"],
        *("--reuid", str(user), "--regid", str(user), "--clear-groups"),
        *("--bounding-set=-all", "--inh-caps=-all", "--ambient-caps=-all", "--"),
    ]


def _parents(path: str) -> Iterator[str]:
    """Make the folders above `path` ones that everybody can walk through.

    bubblewrap gives them the permissions that they have outside, which below /root are root's.
    """
    for folder in reversed(PurePosixPath(path).parents[:-1]):
        if not folder.is_relative_to("/usr"):
            yield from ("--perms", "0755", "--dir", str(folder))
