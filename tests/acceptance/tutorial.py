# SPDX-License-Identifier: Apache-2.0
"""Reads a tutorial's fenced blocks and does what they say, as a reader at several terminals would.

```sh                           a command; it must succeed
```sh retry                     a command that is repeated until it shows what the next block says
```sh tab=NAME until="TEXT"     a program that stays; wait until it has printed TEXT
```sh tab=NAME until-url=URL    a program that stays; wait until the URL answers
```sh variables                 shell variables; the values come from what was remembered
```LANGUAGE file=NAME           a file to write
```text type-into=NAME          lines to type into a program; `remember="REGEX"`: keep its named groups from what it prints then
```text shows                   lines that the last command has shown
"""

from __future__ import annotations

import re
import shlex
import subprocess
import threading
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

from firmware_sims.stack import free_port

WAIT_S = 40.0
_FENCE = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """One fenced block: language, `key=value` words and bare words of its first line, and its text."""

    language: str
    options: dict[str, str]
    text: str


def read_blocks(markdown: str) -> list[Block]:
    """All fenced blocks that say a language, in order."""
    blocks = []
    for language, words, text in _FENCE.findall(markdown):
        options = dict(word.partition("=")[::2] for word in shlex.split(words.replace("\\", "\\\\")))
        blocks.append(Block(language, options, text))
    return blocks


@dataclass
class Tab:
    """A program that stays, and what it has printed."""

    process: subprocess.Popen[str]
    printed: str = ""
    news: threading.Condition = field(default_factory=threading.Condition)

    def listen(self) -> None:
        """Collect what the program prints until it ends; runs in a thread of its own."""
        for line in self.process.stdout or ():
            with self.news:
                self.printed += line
                self.news.notify_all()

    def wait_for(self, pattern: str) -> re.Match[str]:
        """The first match of a pattern in what was printed. Raises: AssertionError: it did not come in time; with what came instead."""
        with self.news:
            self.news.wait_for(lambda: re.search(pattern, self.printed), WAIT_S)
            found = re.search(pattern, self.printed)
        assert found, f"waited {WAIT_S:g} s for {pattern!r}; the program printed:\n{self.printed}"
        return found


class Reader:
    """Somebody who follows a tutorial in a folder, with other ports than it says so that several can do so at once."""

    def __init__(self, folder: Path, ports: list[int], environment: dict[str, str]) -> None:
        self.folder = folder
        self.environment = environment
        self.tabs: dict[str, Tab] = {}
        self.remembered: dict[str, str] = {}
        self.shown = ""
        self._command: Block | None = None
        self._ports = {str(port): str(free_port()) for port in ports}
        self._threads: list[threading.Thread] = []

    def follow(self, block: Block) -> None:
        """Do what one block says. Raises: AssertionError: it does not work as the tutorial says."""
        text = self._with_ports(block.text)
        match block:
            case Block(options={"file": name}):
                (self.folder / name).write_text(text, encoding="utf-8")
            case Block(options={"tab": name}):
                self._open_tab(name, text, block)
            case Block(options={"type-into": name}):
                self._type(self.tabs[name], text, self._with_ports(block.options.get("remember", "")))
            case Block(options={"variables": _}):
                names = [line.partition("=")[0] for line in text.splitlines()]
                assert set(names) <= set(self.remembered), f"nothing was remembered for {set(names) - set(self.remembered)}"
            case Block(language="sh"):
                self._command = block
                self.shown = self._run(text)
            case Block(options={"shows": _}):
                self._expect(text.splitlines())

    def close(self) -> None:
        """End all programs, the last one first."""
        for tab in reversed(self.tabs.values()):
            tab.process.terminate()
            tab.process.wait(timeout=20)
        for thread in self._threads:
            thread.join()
        for tab in self.tabs.values():
            for stream in (tab.process.stdin, tab.process.stdout):
                if stream is not None:
                    stream.close()

    def _with_ports(self, text: str) -> str:
        return re.sub(r"\b(" + "|".join(self._ports) + r")\b", lambda match: self._ports[match[1]], text)

    def _run(self, text: str) -> str:
        command, environment = ["bash", "-eu", "-o", "pipefail", "-c", text], self.environment | self.remembered
        done = subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True, timeout=WAIT_S, check=False)
        assert done.returncode == 0, f"exit status {done.returncode}:\n{text}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def _expect(self, lines: list[str]) -> None:
        """What a program shows has the words of each line in their order; spaces and whatever stands between are free."""
        assert self._command is not None
        deadline_s = time.monotonic() + WAIT_S
        pause = threading.Event()
        while missing := [line for line in lines if not _holds(self.shown, line)]:
            assert "retry" in self._command.options, f"missing {missing} in:\n{self.shown}"
            assert time.monotonic() < deadline_s, f"still missing {missing} after {WAIT_S:g} s in:\n{self.shown}"
            pause.wait(0.2)
            self.shown = self._run(self._with_ports(self._command.text))

    def _open_tab(self, name: str, text: str, block: Block) -> None:
        process = subprocess.Popen(
            ["bash", "-c", f"exec {text}"],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            bufsize=1,
        )
        tab = self.tabs[name] = Tab(process)
        thread = threading.Thread(target=tab.listen)
        thread.start()
        self._threads.append(thread)
        if "until" in block.options:
            tab.wait_for(re.escape(block.options["until"]))
        else:
            self._wait_for_url(tab, self._with_ports(block.options["until-url"]))

    @staticmethod
    def _wait_for_url(tab: Tab, url: str) -> None:
        deadline_s = time.monotonic() + WAIT_S
        pause = threading.Event()
        while time.monotonic() < deadline_s and tab.process.poll() is None:
            try:
                with urllib.request.urlopen(url, timeout=2):
                    return
            except OSError:
                pause.wait(0.1)
        raise AssertionError(f"{url} does not answer; the program printed:\n{tab.printed}")

    def _type(self, tab: Tab, text: str, pattern: str) -> None:
        for name, value in self.remembered.items():
            text = text.replace(f"${name}", value)
        assert tab.process.stdin is not None
        tab.process.stdin.write(text)
        tab.process.stdin.flush()
        if pattern:
            self.remembered |= tab.wait_for(pattern).groupdict()


def _holds(shown: str, line: str) -> bool:
    """Whether some line of `shown` has the words of `line` in their order."""
    return re.search(".*".join(re.escape(word) for word in line.split()), shown) is not None
