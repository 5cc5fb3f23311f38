"""The environment of a gateway's kernel: names, folders, limits of length."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pybot.config import JupyterSettings
from pybot.services.kernels.gateway_env import kernel_env, kernel_username

DNS_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
POD_NAME = 63  # characters; the kernel's ID takes 36 of them and "-" one


def env(username: str = "ann", **settings: object) -> dict[str, str]:
    """The variables of a kernel."""
    return kernel_env(
        JupyterSettings.model_validate(settings),
        kernel_id="8b2f2d54-8ab8-4b7e-9d2b-0d2b9d6f7a10",
        conversation_id="c1",
        username=username,
    )


@given(st.text())
def test_username_is_fit_for_kubernetes(username: str) -> None:
    """Whatever a proxy calls a user can start a pod and a namespace."""
    name = kernel_username(username)
    assert DNS_LABEL.fullmatch(name)
    assert len(name) <= POD_NAME - 37


@pytest.mark.parametrize(
    ("one", "other"),
    [("Ann", "ann"), ("ann.b", "ann-b"), ("é", "e"), ("用户", "ユーザー"), ("x" * 40, "x" * 41)],
)
def test_users_never_share_a_name(one: str, other: str) -> None:
    """Users whose names Kubernetes does not allow still have different ones."""
    assert kernel_username(one) != kernel_username(other)


def test_username_begins_with_the_readable_part() -> None:
    """An operator sees whose pod it is."""
    assert kernel_username("Zoë.Smith@example.org").startswith("zoe-smith-exampl-")
    assert kernel_username("root") != "root"


@given(st.text(alphabet=st.characters(), max_size=6000))
def test_values_are_what_a_gateway_takes(username: str) -> None:
    """Printable text of at most 4,096 characters, each."""
    for name, value in env(username).items():
        assert name.startswith("KERNEL_")
        assert len(value) <= 4096
        assert value.isprintable()


def test_own_folder_alone_is_mounted() -> None:
    """Of the volume that all conversations share, a kernel sees its own folder."""
    variables = env(
        shared_volume_nfs_server="nfs.example",
        shared_volume_nfs_path="/data",
        shared_volume_mount_path="/mnt/shared",
    )
    (volume,) = json.loads(variables["KERNEL_VOLUMES"])
    (mount,) = json.loads(variables["KERNEL_VOLUME_MOUNTS"])
    assert volume["nfs"] == {"server": "nfs.example", "path": "/data"}
    assert mount == {"name": volume["name"], "mountPath": "/mnt/shared", "subPath": "c1"}
    assert variables["KERNEL_WORKING_DIR"] == "/mnt/shared"


def test_namespace_is_sent_where_it_is_set() -> None:
    """Without one the gateway makes a namespace of its own for each kernel."""
    assert "KERNEL_NAMESPACE" not in env()
    assert env(kernel_namespace="kernels")["KERNEL_NAMESPACE"] == "kernels"
