"""A process that syncs accounts to a local org, a child for each order, to be killed at any moment.

Belongs here: the process and talking to it. Does not belong here: when it is killed, or what must hold then
(``test_crm_faults``, ``benchmarks/crm_write_back.py``).

The parent has everything loaded and runs no thread, so a child costs a few milliseconds.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import stamina

from mqa_platform.destinations.crm_journal import CrmJournal
from mqa_platform.destinations.crm_sync import CrmRuns
from mqa_platform.destinations.salesforce_writer import SalesforceWriter
from mqa_platform.local_services.salesforce import LocalSalesforce
from mqa_platform.local_services.server import Asked
from mqa_platform_tests.destinations.crm_cases import FAST, account, plan, salesforce_policy


class Syncing:
    """The process; ``with`` starts and ends it."""

    def __init__(self, journal: Path, org: LocalSalesforce) -> None:
        self.journal, self.org = journal, org
        self._calls = 0
        self._pid = 0

    def __enter__(self) -> Syncing:
        command = [sys.executable, "-m", __name__]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(60)

    def sync(self, stages: dict[str, str], killed_at: int = 0) -> bool:
        """Syncs accounts with their stages; whether it came to its end.

        Args:
            stages: of each account.
            killed_at: the child dies when the org has done its call of this number and not answered it; 0:
                it does not.
        """
        assert self._process.stdin
        assert self._process.stdout
        self._calls, self._pid = killed_at, 0
        self.org.after_change = self._kill if killed_at else None
        environment = {**self.org.environment(), **FAST}
        order = json.dumps([str(self.journal), self.org.url, environment, stages])
        self._process.stdin.write(order + "\n")
        self._process.stdin.flush()
        self._pid = int(self._process.stdout.readline())
        ended = self._process.stdout.readline().strip()
        self.org.after_change = None
        assert ended in ("0", str(-signal.SIGKILL)), ended
        return ended == "0"

    def _kill(self, asked: Asked) -> None:
        if "composite" not in asked.path:
            return
        self._calls -= 1
        if self._calls == 0:
            while not self._pid:
                pass
            os.kill(self._pid, signal.SIGKILL)


def main() -> None:
    """A child for each order of the standard input; its process id, then how it ended."""
    # Its standard output is read line by line; retries would be told there.
    stamina.instrumentation.set_on_retry_hooks([])
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            _synced(line)
            os._exit(0)
        sys.stdout.write(f"{child}\n")
        sys.stdout.flush()
        ended = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        sys.stdout.write(f"{ended}\n")
        sys.stdout.flush()


def _synced(line: str) -> None:
    journal, url, environment, stages = json.loads(line)
    policy = salesforce_policy(url)
    runs = CrmRuns(CrmJournal(Path(journal)), policy, SalesforceWriter(policy, environment))
    rows = [account(i, stage=stage) for i, stage in stages.items()]
    done = runs.sync(lambda: plan(runs.journal, rows), anyway=True)
    assert done.state == "done", done


if __name__ == "__main__":
    main()
