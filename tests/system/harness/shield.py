# SPDX-License-Identifier: GPL-3.0-or-later
"""A part of the CPUs for ourselves, so that what is measured is not the neighbours on the machine."""
import os
import pathlib

from .wait import until

ROOT = pathlib.Path("/sys/fs/cgroup")


class Shield:
    """One control group for each CPU, with nearly all of its time. Those in a group share it as
    they would alone. Without the right to make groups they stay where they are."""

    def __init__(self, cpus=2):
        v1 = (ROOT / "cpu").is_dir()
        weight = ("cpu.shares", "200000") if v1 else ("cpu.weight", "10000")
        self.groups = []
        for cpu in range(cpus):
            group = (ROOT / "cpu" if v1 else ROOT) / f"dnsbal-test-{os.getpid()}-{cpu}"
            try:
                group.mkdir()
                self.groups.append(group)
                (group / weight[0]).write_text(weight[1])
            except OSError:  # not root, or no such controller
                self.close()
                return

    def enter(self, cpu):
        """For preexec_fn: the process runs on that CPU, in its group."""

        def run():
            os.sched_setaffinity(0, {cpu})
            if self.groups:
                (self.groups[cpu] / "cgroup.procs").write_text(str(os.getpid()))

        return run

    def prefix(self, cpu):
        """The same for a program that is started by others."""
        argv = ["taskset", "-c", str(cpu)]
        if self.groups:
            argv += ["sh", "-c", f'echo $$ >{self.groups[cpu]}/cgroup.procs && exec "$@"', "sh"]
        return argv

    def close(self):
        def is_gone(group):
            try:
                group.rmdir()
            except OSError:
                return not group.exists()
            return True

        for group in self.groups:
            until(lambda g=group: is_gone(g), f"{group} to be empty")
        self.groups = []
