# SPDX-License-Identifier: GPL-2.0-or-later
"""A terminal of our own: a command in a pty, its screen as pyte draws it, keys, and what it leaves behind."""

import contextlib
import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
import time

import pyte

from lab import die_with_parent, wait_for

# pyte does not know all that xterm does: to repeat a character, to scroll down.
TERM, TAKE_SCREEN, GIVE_BACK = "rxvt", b"\x1b[?47h", b"\x1b[?47l"


class Terminal:
    """`argv` runs in it until it ends or the terminal is closed."""

    def __init__(self, argv, env, rows=40, columns=120, locale="C.UTF-8", term=TERM):
        self.screen = pyte.Screen(columns, rows)
        self.stream = pyte.ByteStream(self.screen)
        self.raw = b""
        self.master, self.slave = pty.openpty()
        self.resize(rows, columns)
        self.before = termios.tcgetattr(self.slave)

        def own_the_terminal():
            die_with_parent()
            fcntl.ioctl(self.slave, termios.TIOCSCTTY, 0)

        self.process = subprocess.Popen(
            list(map(str, argv)), stdin=self.slave, stdout=self.slave, stderr=self.slave, start_new_session=True,
            pass_fds=[self.slave], preexec_fn=own_the_terminal,
            env={**{k: v for k, v in env.items() if k != "NO_COLOR"}, "TERM": term, "LC_ALL": locale, "TZ": "UTC"})

    def resize(self, rows, columns):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("=HHHH", rows, columns, 0, 0))
        self.screen.resize(rows, columns)

    def read(self, seconds=0.0):
        """Takes in what was written so far, and what comes in that time."""
        end = time.monotonic() + seconds
        while True:
            if select.select([self.master], [], [], max(0.0, end - time.monotonic()))[0]:
                with contextlib.suppress(OSError):
                    data = os.read(self.master, 65536)
                    self.raw += data
                    self.stream.feed(data)
                    continue
            if time.monotonic() >= end:
                return

    def lines(self):
        self.read()
        return [line.rstrip() for line in self.screen.display]

    def text(self):
        return "\n".join(self.lines())

    def wait(self, condition, what, timeout=20.0):
        """Waits until condition(lines) holds; returns its value."""
        try:
            return wait_for(lambda: condition(self.lines()), what, timeout)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.text()}") from None

    def shows(self, text, timeout=20.0):
        return self.wait(lambda lines: any(text in line for line in lines), f"shows {text!r}", timeout)

    def press(self, keys):
        os.write(self.master, keys.encode())

    def ended(self, timeout=10.0):
        """Waits for the end; returns the exit status (negative: the signal). The terminal must be as it was."""
        wait_for(lambda: self.read() or self.process.poll() is not None, "the command ends", timeout)
        self.read(0.05)
        assert termios.tcgetattr(self.slave) == self.before, "the terminal is not as it was"
        if TAKE_SCREEN in self.raw:
            after = self.raw[self.raw.rindex(TAKE_SCREEN):]
            assert GIVE_BACK in after, "what was on the screen is not there again"
            assert b"\x1b[?25h" in after, "the cursor stays hidden"
        return self.process.returncode

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self.slave)
        os.close(self.master)
