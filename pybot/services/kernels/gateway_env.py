"""The environment that a gateway gives a new kernel: its user, its folder, its volume.

The gateway hands every `KERNEL_` variable to its pod template, in lower case. Values are text of
at most 4,096 characters: https://jupyter-enterprise-gateway.readthedocs.io/en/latest/users/kernel-envs.html
"""

import hashlib
import json
import re
import unicodedata

from pybot.config import JupyterSettings

VOLUME = "shared"
LONGEST_VALUE = 4096  # characters
# With "-" and the kernel's ID behind it, it is a pod's name: 63 characters in all.
LONGEST_SLUG = 16
HASH = 9


def kernel_env(
    settings: JupyterSettings, *, kernel_id: str, conversation_id: str, username: str
) -> dict[str, str]:
    """The variables of a conversation's kernel. Of the volume it gets the own folder alone."""
    nfs = {"server": settings.shared_volume_nfs_server, "path": settings.shared_volume_nfs_path}
    mount = {
        "name": VOLUME,
        "mountPath": settings.shared_volume_mount_path,
        "subPath": conversation_id,
    }
    env = {
        "KERNEL_ID": kernel_id,
        "KERNEL_USERNAME": kernel_username(username),
        "KERNEL_PYBOT_USER": _printable(username),
        "KERNEL_PYBOT_CONVERSATION": conversation_id,
        "KERNEL_LAUNCH_TIMEOUT": f"{settings.start_timeout:g}",
        "KERNEL_WORKING_DIR": settings.shared_volume_mount_path,
        "KERNEL_VOLUMES": json.dumps([{"name": VOLUME, "nfs": nfs}]),
        "KERNEL_VOLUME_MOUNTS": json.dumps([mount]),
    }
    if settings.kernel_namespace is not None:
        env["KERNEL_NAMESPACE"] = settings.kernel_namespace
    return env


def kernel_username(username: str) -> str:
    """A name that Kubernetes takes in names and labels, and that no other user has.

    It starts with the letters and digits of the real one.
    """
    plain = unicodedata.normalize("NFKD", username).encode("ascii", "ignore").decode().lower()
    slug = re.sub("[^a-z0-9]+", "-", plain)[:LONGEST_SLUG].strip("-")
    digest = hashlib.sha256(username.encode(errors="surrogatepass")).hexdigest()[:HASH]
    return f"{slug or 'user'}-{digest}"


def _printable(text: str) -> str:
    return "".join(character for character in text if character.isprintable())[:LONGEST_VALUE]
