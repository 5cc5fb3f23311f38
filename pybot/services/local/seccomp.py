"""The system calls that a sandboxed kernel may not make."""

import errno
import tempfile
from importlib import import_module

from pybot.services.kernels.base import KernelUnavailable

CLONE_NEWUSER = 0x10000000
AF_NETLINK = 16  # a network namespace does not separate the families above it (vsock, …)

# What container runtimes deny by default: nothing that a program for data needs, and where
# most of the kernel's privilege escalations were.
DENIED = (
    "acct", "add_key", "bpf", "clock_adjtime", "clock_settime", "delete_module",
    "finit_module", "fsconfig", "fsmount", "fsopen", "fspick", "init_module",
    "io_uring_enter", "io_uring_register", "io_uring_setup", "ioperm", "iopl", "kcmp",
    "kexec_file_load", "kexec_load", "keyctl", "lookup_dcookie", "mbind", "migrate_pages",
    "mount", "mount_setattr", "move_mount", "move_pages", "name_to_handle_at",
    "nfsservctl", "open_by_handle_at", "open_tree", "perf_event_open", "personality",
    "pidfd_getfd", "pivot_root", "process_madvise", "process_vm_readv",
    "process_vm_writev", "ptrace", "quotactl", "quotactl_fd", "reboot", "request_key",
    "setns", "settimeofday", "swapoff", "swapon", "syslog", "umount2", "unshare",
    "userfaultfd", "vhangup",
)  # fmt: skip


def seccomp_filter() -> bytes:
    """A filter for `bwrap --seccomp`. KernelUnavailable where libseccomp is missing."""
    try:
        # An extra, which looks for the library when it is imported.
        pyseccomp = import_module("pyseccomp")
    except (ImportError, RuntimeError) as error:
        raise KernelUnavailable(
            "libseccomp is missing, which the kernels' sandbox needs: install it (libseccomp2), "
            "or set KERNELS__SANDBOX=false to run kernels without a sandbox."
        ) from error
    rules = pyseccomp.SyscallFilter(defaction=pyseccomp.ALLOW)
    for name in DENIED:
        rules.add_rule(pyseccomp.ERRNO(errno.EPERM), name)
    new_user = pyseccomp.Arg(0, pyseccomp.MASKED_EQ, CLONE_NEWUSER, CLONE_NEWUSER)
    rules.add_rule(pyseccomp.ERRNO(errno.EPERM), "clone", new_user)
    # Its flags are behind a pointer that no filter can follow; without it, libc uses clone.
    rules.add_rule(pyseccomp.ERRNO(errno.ENOSYS), "clone3")
    foreign = pyseccomp.Arg(0, pyseccomp.GT, AF_NETLINK)
    rules.add_rule(pyseccomp.ERRNO(errno.EAFNOSUPPORT), "socket", foreign)
    with tempfile.TemporaryFile() as file:
        rules.export_bpf(file)
        file.seek(0)
        return file.read()
