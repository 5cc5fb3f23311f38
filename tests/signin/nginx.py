"""nginx with the configuration of docs/sign-in.md, which asks oauth2-proxy by `auth_request`."""

import os
import shutil
import signal
from pathlib import Path

import pytest

from pybot.services.local.process import Child, Program
from tests.signin.proxy import answers, documented_configuration

TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


def find_nginx() -> str:
    """The program; without it a test fails, it is never left out silently."""
    program = shutil.which("nginx", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin")
    if program is None:
        pytest.fail("nginx is missing: run scripts/proxies.sh nginx as root")
    return program


class Nginx:
    """The gateway, at a port that its caller has chosen.

    `replacements` change the documented configuration.
    """

    def __init__(
        self,
        folder: Path,
        port: int,
        oauth2_proxy: str,
        pybot: str,
        replacements: dict[str, str] | None = None,
    ) -> None:
        self.url = f"http://127.0.0.1:{port}"
        configuration = documented_configuration("nginx")
        addresses = {
            "listen 80;": f"listen 127.0.0.1:{port};",
            "http://127.0.0.1:4180": oauth2_proxy,
            "http://127.0.0.1:8000": pybot,
        }
        for old, new in (addresses | (replacements or {})).items():
            assert old in configuration, old
            configuration = configuration.replace(old, new)
        path = folder / "nginx.conf"
        path.write_text(self._frame(folder, configuration))
        self.child = Child(
            Program(
                name="nginx",
                argv=(find_nginx(), "-c", str(path), "-p", str(folder), "-e", "stderr"),
                log=folder / "nginx.log",
                ready=lambda: answers(f"{self.url}/oauth2/sign_in"),
                death_signal=signal.SIGTERM,  # it ends its workers, then itself
            )
        )

    def _frame(self, folder: Path, configuration: str) -> str:
        user = ["user root;"] if os.geteuid() == 0 else []
        bodies = [f"{name}_temp_path {folder}/{name};" for name in TEMPORARY]
        lines = [
            "daemon off;",
            *user,
            "worker_processes 1;",
            f"pid {folder}/nginx.pid;",
            "events {}",
            "http {",
            "access_log off;",
            *bodies,
            configuration,
            "}",
        ]
        return "\n".join(lines) + "\n"
